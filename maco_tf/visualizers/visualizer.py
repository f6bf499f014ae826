"""Visualizer: what every method does with its settings, from an objective to an explanation."""

import abc
import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from maco_tf.checks import settled
from maco_tf.models.activations import Activations
from maco_tf.objectives.objective import Objective
from maco_tf.optimization.profile import Profile
from maco_tf.optimization.views import AnyTransform
from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.transforms.crop import RandomCrop
from maco_tf.transforms.noise import GaussianNoise, UniformNoise
from maco_tf.transforms.resize import Resize
from maco_tf.transforms.standard import lucid_standard, paper_standard
from maco_tf.transforms.transform import Repeat
from maco_tf.version import __version__
from maco_tf.visualizers.engine import Engine
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.precision_choice import PrecisionChoice
from maco_tf.visualizers.record import Arrays, digest, encode_objective
from maco_tf.visualizers.shared_settings import Settings


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Visualizer(Settings, abc.ABC):
    """The base of all methods.

    A new method is a frozen dataclass that derives from this class. It declares its name as the class attribute
    `method`, its own settings as fields, its `recipes` as dictionaries of settings, and up to three methods, which see
    resolved settings: `parametrization`, `views` and `default_optimizer`. Defining the class registers it, so that the
    command line and the benchmark find it by name.

    Args: see `Settings`.
    """

    _engine: Engine = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(_engine=Engine(self.resolved, self._activations))

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
        return [crop, *(noise(level) for noise, level in noises if level != 0)]

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

    @property
    def activations(self) -> Activations:
        """The model as a function from images in [0, 1] to activations."""
        return self._running.activations

    @property
    def precision_choice(self) -> PrecisionChoice | None:
        """The measurement behind the precision "auto"; `None` before the first explanation."""
        return self._running.precision_choice

    @property
    def traces(self) -> int:
        """How often a step was traced so far: once for each structure and batch size of an objective."""
        return self._running.traces

    @property
    def _running(self) -> Engine:
        return self._engine

    def config(self) -> dict[str, Any]:
        config, choice = super().config(), self.precision_choice
        if choice is None:
            return config
        return {**config, "precision": choice.precision, "precision_choice": f"auto: {choice}"}

    def check(self, objective: Objective) -> None:
        """Refuse an objective that does not fit the model, without computing anything.

        Args:
            objective: an `Objective`.

        Raises:
            ValueError: the argument is not an objective, or names a layer or a unit that the model does not have.
        """
        self._running.check(objective)

    def explain(
        self,
        objective: Objective,
        *,
        seed: int | None = None,
        start: Any = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: int | str = "auto",
    ) -> Explanation:
        """Optimise one image for each objective of a batch.

        Args:
            objective: an `Objective`.
            seed: integer from 0 to 2**31 - 1; equal seeds give equal results on one machine. `None` draws a seed, which
                the result reports.
            start: images to start from instead of a random start: an image for each objective, (batch, height, width,
                channels), one image for all, or an `Explanation`. Integers count from 0 to 255, floating-point values
                lie in [0, 1]. The centre is resized to the image's size. MACO starts from the phase and keeps its own
                magnitude; the baselines start from the image itself. A small learning rate, such as 0.05 for MACO,
                stays near the image.
            callbacks: list of `keras.callbacks.Callback`. A run is one epoch and its steps are the batches;
                `self.model` is the run in progress, with `images()`, `scores()` and `stop_training`.
            verbose: 0 is silent; 1 or "auto" shows a progress bar, and 2 shows its last line.

        Returns:
            An `Explanation`. After Ctrl-C, it holds the images as they are after the current step. A second Ctrl-C
            raises.

        Raises:
            ValueError: the objective does not fit the model, or `start` does not fit the objective. This is found
                before anything is computed.
            FloatingPointError: a score or an image is not finite.
        """
        outcome = self._running.run(objective, seed, start, callbacks, verbose)
        arrays: Arrays = dict(self._arrays)
        begun: str | dict[str, str] = "random"
        if outcome.start is not None:
            begun = {"sha256": digest(outcome.start)}
            arrays[begun["sha256"]] = outcome.start
        return Explanation(
            images=outcome.images,
            transparency=outcome.transparency,
            names=objective.names,
            scores=outcome.scores,
            config={
                "maco_tf": __version__,
                "model": self.model.name,
                **self.config(),
                "start": begun,
                "interrupted": outcome.interrupted,
            },
            seed=outcome.seed,
            objective=encode_objective(objective, arrays),
            inputs=arrays,
        )

    def profile(self, objective: Objective, *, repeats: int = 5) -> Profile:
        """Measure where the time of a step goes: the model, the views, the parametrization, the optimizer.

            print(visualizer.profile(Logit("pug")))

        Args:
            objective: an `Objective`.
            repeats: how often each part runs; the result holds medians.

        Returns:
            A `maco_tf.optimization.Profile` in seconds; `print` shows a table.

        Raises:
            ValueError: as `explain`, or `repeats` is below 1.
        """
        return self._running.profile(objective, repeats)
