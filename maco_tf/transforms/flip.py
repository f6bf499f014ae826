"""Mirror images."""

import dataclasses

import keras
import tensorflow as tf

from maco_tf.checks import check_flag
from maco_tf.transforms.draws import next_seed, uniform
from maco_tf.transforms.transform import Transform


@keras.saving.register_keras_serializable(package="maco_tf")
@dataclasses.dataclass(frozen=True, eq=False)
class RandomFlip(Transform):
    """Mirror each image with probability 0.5, independently along each of the chosen axes.

    Args:
        horizontal: whether to exchange left and right.
        vertical: whether to exchange top and bottom.

    Raises:
        ValueError: an argument is not a flag, or both are False.
    """

    horizontal: bool = True
    vertical: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "horizontal", check_flag("horizontal", self.horizontal))
        object.__setattr__(self, "vertical", check_flag("vertical", self.vertical))
        if not (self.horizontal or self.vertical):
            raise ValueError('"horizontal" or "vertical" must be True. Received: False for both.')

    def draw(self, views: int, step: int | tf.Tensor = 0, steps: int = 1) -> tuple[tf.Tensor, ...]:
        return tuple(uniform((views, 1, 1, 1), next_seed(self.seed_generator)) < 0.5 for _ in self._axes)

    def apply(self, images: tf.Tensor, draws: tuple[tf.Tensor, ...]) -> tf.Tensor:
        for axis, mirrored in zip(self._axes, draws):
            images = tf.where(mirrored, tf.reverse(images, [axis]), images)
        return images

    @property
    def _axes(self) -> list[int]:
        return [axis for axis, chosen in ((1, self.vertical), (2, self.horizontal)) if chosen]
