"""Random crops, resized to the model's input."""

import dataclasses
from typing import Literal, cast

import keras
import tensorflow as tf

from maco_tf.checks import check_choice, check_flag, check_integer, check_size
from maco_tf.transforms.crop_sampling import crop_by_gathering, crop_by_matrices
from maco_tf.transforms.distribution import Distribution, Uniform, as_distribution, extremes
from maco_tf.transforms.pyramid import count_levels
from maco_tf.transforms.schedule import Schedule
from maco_tf.transforms.transform import Transform

# A crop of less than one twentieth of the image holds too few pixels to mean anything (as in xplique).
_SMALLEST = 0.05


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class RandomCrop(Transform):
    """Take random crops of each image, with the proportions of the output, and resize them to it.

    Args:
        size: `(height, width)` of the output, pixels, or one number for both.
        count: number of crops of each image.
        side: side of a crop as a fraction of the largest crop that fits into the image: a schedule, or a `Normal`,
            `Uniform` or `Choice`. Values are clipped to [0.05, 1].
        centre: centre of a crop as a fraction of the image, drawn for each axis: a schedule, a distribution, or
            "anywhere", for which every crop inside the image is equally likely.
        inside: whether crops that cross the border are moved inside. Otherwise, mid-grey surrounds the image.
        antialias: whether a crop that has more pixels than the output is sampled from a copy of the image at half, a
            quarter, ... of its size: the largest copy in which the crop has at most 1.15 times as many pixels along a
            side as the output. This weakens details that are too fine for the output, the finest ones most; crops that
            are 1.2, 2.4, ... times as large as the output are slightly blurred as well (see
            `maco_tf.transforms.pyramid`). Otherwise every crop is sampled from the image itself, and fine details
            alias.
        whole: number of crops of each image that have the largest side that fits, whatever `side` says. Their centres
            are drawn like those of other crops.
        implementation: "gather", for CPUs; "matrices", for XLA and GPUs; or "auto", which uses matrices if there is a
            GPU.

    Raises:
        ValueError: an argument is none of these.
    """

    size: int | tuple[int, int]
    count: int = 8
    _: dataclasses.KW_ONLY
    side: Distribution | Schedule = (0.8, 0.35)
    centre: Distribution | Schedule | Literal["anywhere"] = "anywhere"
    inside: bool = True
    antialias: bool = True
    whole: int = 0
    implementation: Literal["auto", "gather", "matrices"] = "auto"

    def __post_init__(self) -> None:
        if isinstance(self.centre, str):
            if self.centre != "anywhere":
                raise ValueError(
                    f'"centre" must be "anywhere", a distribution or a schedule. Received: {self.centre!r}.'
                )
        else:
            object.__setattr__(self, "centre", as_distribution("centre", self.centre))
        object.__setattr__(self, "size", check_size("size", self.size))
        object.__setattr__(self, "count", check_integer("count", self.count, 1))
        object.__setattr__(self, "side", check_side("side", self.side))
        object.__setattr__(self, "inside", check_flag("inside", self.inside))
        object.__setattr__(self, "antialias", check_flag("antialias", self.antialias))
        object.__setattr__(self, "whole", check_integer("whole", self.whole, 0, self.count))
        check_choice("implementation", self.implementation, ("auto", "gather", "matrices"))

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        side = cast(Distribution, self.side).sample((views, 1), self.seed_generator, step, steps)
        side = tf.clip_by_value(side, _SMALLEST, 1.0)
        whole = tf.constant([1.0] * self.whole + [0.0] * (self.count - self.whole))
        side = tf.maximum(side, tf.tile(whole, [views // self.count])[:, None])
        centre = Uniform(0.0, 1.0) if self.centre == "anywhere" else cast(Distribution, self.centre)
        return centre.sample((views, 2), self.seed_generator, step, steps), side

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        centres, sides = self.boxes(draws, images.shape[1:3])
        gather = self.implementation == "gather"
        if self.implementation == "auto":
            gather = not tf.config.list_logical_devices("GPU")
        crop = crop_by_gathering if gather else crop_by_matrices
        return crop(images, centres, sides, cast(tuple[int, int], self.size), self._levels(images.shape[1:3]))

    def boxes(self, draws: tuple[tf.Tensor, ...], image_size: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
        """The positions of the crops in the image.

        Args:
            draws: the result of `draw`.
            image_size: `(height, width)` of the images, pixels.

        Returns:
            `(centres, sides)`: tensors (views, 2), float32, along y and x, as fractions of the image.
        """
        centres, side = draws
        # Side 1 is the largest crop with the proportions of the output that fits into the image.
        ratios = self._ratios(image_size)
        sides = side * tf.constant([min(ratios) / ratio for ratio in ratios], tf.float32)
        if self.centre == "anywhere":
            centres = sides / 2 + (1.0 - sides) * centres
        if self.inside:
            centres = tf.clip_by_value(centres, sides / 2, 1.0 - sides / 2)
        return centres, sides

    def _levels(self, image_size: tuple[int, int]) -> int:
        # Enough for side 1, which a draw may reach whatever the parameters of the distribution are.
        return count_levels(min(self._ratios(image_size))) if self.antialias else 1

    def _ratios(self, image_size: tuple[int, int]) -> list[float]:
        """Pixels of the image per pixel of the output, along the height and the width."""
        return [pixels / wanted for pixels, wanted in zip(image_size, cast(tuple[int, int], self.size))]


def check_side(name: str, side: Distribution | Schedule) -> Distribution:
    """Check the sides of crops, as far as they are known before the run.

    Args:
        name: the argument's name, for the error.
        side: a distribution or a schedule.

    Returns:
        The distribution.

    Raises:
        ValueError: the argument is neither, or its parameters lie outside (0, 1].
    """
    distribution = as_distribution(name, side)
    if any(not (low > 0.0 and high <= 1.0) for low, high in extremes(distribution)):
        raise ValueError(
            f'"{name}" must lie in (0, 1]. Received: {side!r}. It is a fraction of the largest crop that fits into the '
            "image."
        )
    return distribution
