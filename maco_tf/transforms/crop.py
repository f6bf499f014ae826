"""Random crops, resized to what the model takes."""

import tensorflow as tf

from maco_tf.checks import check_integer, check_size
from maco_tf.transforms.crop_sampling import crop_by_gathering, crop_by_matrices
from maco_tf.transforms.distribution import Uniform, as_distribution, extremes
from maco_tf.transforms.pyramid import count_levels
from maco_tf.transforms.transform import Transform

# A crop below one twentieth of the image holds too few pixels to mean anything (as in xplique).
_SMALLEST = 0.05


class RandomCrop(Transform):
    """Take several random crops of each image, of the model's input's proportions, and resize them to it.

    Args:
        size: `(height, width)` of the crops, pixels, or one number for both.
        count: crops an image.
        side: side of the crop as a fraction of the largest that fits into the image: a `Normal`,
            `Uniform` or `Choice`, or a schedule. Kept in [0.05, 1].
        centre: centre of the crop as a fraction of the image, for each axis alike: "anywhere", so that every crop
            inside the image is equally likely, or a `Normal`, `Uniform` or schedule.
        inside: whether a crop that crosses the border is moved inside; otherwise mid-grey fills what is beyond.
        antialias: whether a crop that has more pixels than the output is sampled from the image at half, a quarter ...
            of its size, the finest at which it has at most 1.15 times as many a side. What is too fine for the output
            is weakened by that, most where it is finest; a crop at a factor of 1.2, 2.4 ... is blurred a little as
            well (`maco_tf.transforms.pyramid` has figures). Otherwise every crop is sampled from the image itself, and
            what is too fine for it aliases.
        whole: how many of an image's crops are as large as fits, whatever `side` says; their centres are drawn as the
            others' are.
        implementation: "gather" (CPU), "matrices" (XLA, GPU), or "auto": matrices where a GPU is.
    """

    def __init__(
        self,
        size,
        count=8,
        *,
        side=(0.8, 0.35),
        centre="anywhere",
        inside=True,
        antialias=True,
        whole=0,
        implementation="auto",
    ):
        super().__init__()
        count = check_integer("count", count, 1)
        if implementation not in ("auto", "gather", "matrices"):
            raise ValueError(f'"implementation" must be "auto", "gather" or "matrices". Received: {implementation!r}.')
        if check_integer("whole", whole, 0) > count:
            raise ValueError(f'"whole" must lie in 0..{count}, the number of crops. Received: {whole!r}.')
        for name, value in (("inside", inside), ("antialias", antialias)):
            if not isinstance(value, bool):
                raise ValueError(f'"{name}" must be True or False. Received: {value!r}.')
        if isinstance(centre, str) and centre != "anywhere":
            raise ValueError(f'"centre" must be "anywhere", a distribution or a schedule. Received: {centre!r}.')
        self.size = check_size("size", size)
        self.count, self.inside, self.antialias, self.whole = count, inside, antialias, int(whole)
        self.side = as_distribution("side", side)
        check_side("side", self.side)
        self.centre = centre if centre == "anywhere" else as_distribution("centre", centre)
        self.implementation = implementation

    def draw(self, views, step=0, steps=1):
        side = tf.clip_by_value(self.side.sample((views, 1), self.seed_generator, step, steps), _SMALLEST, 1.0)
        whole = tf.constant([1.0] * self.whole + [0.0] * (self.count - self.whole))
        side = tf.maximum(side, tf.tile(whole, [views // self.count])[:, None])
        centre = Uniform(0.0, 1.0) if self.centre == "anywhere" else self.centre
        return centre.sample((views, 2), self.seed_generator, step, steps), side

    def apply(self, images, draws):
        centres, sides = self.boxes(draws, images.shape[1:3])
        gather = self.implementation == "gather"
        if self.implementation == "auto":
            gather = not tf.config.list_logical_devices("GPU")
        crop = crop_by_gathering if gather else crop_by_matrices
        return crop(images, centres, sides, self.size, self._levels(images.shape[1:3]))

    def sample(self, batch, step=0, steps=1, image_size=None):
        """Draw the crops of a step.

        Args:
            batch: number of images.
            step: see `Transform.__call__`.
            steps: see `Transform.__call__`.
            image_size: `(height, width)` of the images, pixels; `None`: of the crops' proportions.

        Returns:
            See `boxes`.
        """
        return self.boxes(self.draw(batch * self.count, step, steps), image_size or self.size)

    def boxes(self, draws, image_size):
        """Where the crops of a step lie.

        Args:
            draws: what `draw` returns.
            image_size: `(height, width)` of the images, pixels.

        Returns:
            `(centres, sides)`: tensors (views, 2), float32, (y, x) as fractions of the image.
        """
        centres, side = draws
        # Side 1 is the largest crop of the output's proportions that fits into the image.
        ratios = self._ratios(image_size)
        sides = side * tf.constant([min(ratios) / ratio for ratio in ratios], tf.float32)
        if self.centre == "anywhere":
            centres = sides / 2 + (1.0 - sides) * centres
        if self.inside:
            centres = tf.clip_by_value(centres, sides / 2, 1.0 - sides / 2)
        return centres, sides

    def _levels(self, image_size):
        # Enough for side 1, which a draw may reach whatever the distribution's parameters say.
        return count_levels(min(self._ratios(image_size))) if self.antialias else 1

    def _ratios(self, image_size):
        return [pixels / wanted for pixels, wanted in zip(image_size, self.size)]

    def __repr__(self):
        return (
            f"RandomCrop(size={self.size}, count={self.count}, side={self.side!r}, centre={self.centre!r}, "
            f"inside={self.inside}, antialias={self.antialias}, whole={self.whole})"
        )


def check_side(name, side):
    """Refuse sides of crops that no image has, where numbers say so.

    Args:
        name: the argument's name, for the error.
        side: a distribution or a schedule.

    Raises:
        ValueError: it is none, or reaches outside (0, 1].
    """
    side = as_distribution(name, side)
    if any(not (low > 0.0 and high <= 1.0) for low, high in extremes(side)):
        raise ValueError(f'"{name}" must lie in (0, 1]. Received: {side!r}. It is a fraction of the image\'s side.')
