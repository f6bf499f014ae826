"""Method: the three parts that distinguish one method from another, made from its settings."""

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from maco_tf.checks import settled
from maco_tf.optimization.views import AnyTransform
from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.transforms.crop import RandomCrop
from maco_tf.transforms.noise import GaussianNoise, UniformNoise
from maco_tf.transforms.resize import Resize
from maco_tf.transforms.standard import lucid_standard, paper_standard
from maco_tf.transforms.transform import Repeat
from maco_tf.visualizers.shared_settings import Settings


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Method(Settings, abc.ABC):
    """Settings, and what a run makes of them. The methods below are called on `visualizer.resolved`.

    Args: see `Settings`.
    """

    @abc.abstractmethod
    def parametrization(self, batch_size: int) -> Parametrization:
        """The parametrization of a batch of images of shape `self.image_shape`."""

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """The optimizer if the user gives none: Adam with `learning_rate`."""
        return keras.optimizers.Adam(settled(self.learning_rate))

    def views(self) -> list[AnyTransform]:
        """The transforms between the images and the model: crops and noise, or the user's transforms."""
        size, matrices = settled(self.input_shape)[:2], bool(self.jit_compile)
        if self.transforms is not None:
            return self._whole_transforms(size, matrices)
        crops = settled(self.crops)
        # Any of a number, a schedule or a distribution, as `resolve` has checked.
        side: Any = settled(self.crop_side)
        noises: list[tuple[Any, Any]] = [(GaussianNoise, self.gaussian_noise), (UniformNoise, self.uniform_noise)]
        crop = RandomCrop(
            size,
            crops,
            side=side,
            centre=settled(self.crop_centre),
            inside=settled(self.crop_inside),
            antialias=settled(self.crop_antialias),
            # If the only view of a step were always whole, there would be no crop at all.
            whole=min(settled(self.whole_views), crops - 1),
            # The gathering crop has no XLA kernel.
            implementation="matrices" if matrices else "auto",
        )
        added = [noise(level) for noise, level in noises if level != 0]
        return [*added, crop] if self.noise_first else [crop, *added]

    def _whole_transforms(self, size: tuple[int, int], matrices: bool) -> list[AnyTransform]:
        """The user's transforms between copies of the image and the model's input."""
        if self.transforms == "lucid":
            transforms: Sequence[AnyTransform] = lucid_standard()
        elif self.transforms == "paper":
            transforms = paper_standard(min(self.image_shape[:2]))
        else:
            # The user's crops choose an implementation that XLA can compile.
            transforms = [
                dataclasses.replace(item, implementation="matrices")
                if matrices and isinstance(item, RandomCrop) and item.implementation == "auto"
                else item
                for item in settled(self.transforms)
            ]
        copies = [] if self.crops == 1 else [Repeat(settled(self.crops))]
        return [*copies, *transforms, Resize(size, antialias=settled(self.antialias))]
