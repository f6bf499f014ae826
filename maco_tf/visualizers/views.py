"""What the model sees of an image in a step: the crops and noise of a recipe, or a user's transforms."""

import copy

from maco_tf.checks import check_flag, check_integer
from maco_tf.transforms.crop import RandomCrop, check_side
from maco_tf.transforms.noise import GaussianNoise, UniformNoise
from maco_tf.transforms.resize import Resize
from maco_tf.transforms.schedule import check_amount
from maco_tf.transforms.transform import Repeat


def crops_and_noise(recipe, input_size, jit_compile):
    """The transforms of MACO.

    Args:
        recipe: a `MacoRecipe`.
        input_size: `(height, width)` of the model's input, pixels.
        jit_compile: whether XLA compiles them.

    Returns:
        List of transforms.

    Raises:
        ValueError: a setting outside its range.
    """
    crops = check_integer("crops", recipe.crops, 1)
    whole_views = check_integer("whole_views", recipe.whole_views, 0)
    check_side("crop_side", recipe.crop_side)
    check_flag("crop_antialias", recipe.crop_antialias)
    check_amount("gaussian_noise", recipe.gaussian_noise)
    check_amount("uniform_noise", recipe.uniform_noise)
    crop = RandomCrop(
        input_size,
        crops,
        side=recipe.crop_side,
        centre=recipe.crop_centre,
        inside=recipe.crop_inside,
        antialias=recipe.crop_antialias,
        # One view a step that is always whole would be no crop at all.
        whole=min(whole_views, crops - 1),
        # The gathering crop has no XLA kernel.
        implementation="matrices" if jit_compile else "auto",
    )
    noises = ((GaussianNoise, recipe.gaussian_noise), (UniformNoise, recipe.uniform_noise))
    return [crop, *(noise(level) for noise, level in noises if level != 0)]


def whole_transforms(transforms, views, input_size, jit_compile, *, antialias=True):
    """A list of transforms between copies of the image and the model's input.

    Args:
        transforms: what the user gave.
        views: copies of each image, transformed each by itself; `None` is one.
        input_size: `(height, width)` of the model's input, pixels, to which what comes out is resized.
        jit_compile: whether XLA compiles them; crops that are left to choose how they are made then choose matrices.
        antialias: see `Resize`.

    Returns:
        List of transforms; the user's objects are not changed.

    Raises:
        ValueError: no list, or one of it cannot be called.
    """
    if not isinstance(transforms, list | tuple) or not all(map(callable, transforms)):
        raise ValueError(
            f'"transforms" must be a list of transforms or callables from images to images. Received: {transforms!r}.'
        )
    copies = [] if views is None or check_integer("crops", views, 1) == 1 else [Repeat(views)]
    if jit_compile:
        transforms = [_in_matrices(transform) for transform in transforms]
    return [*copies, *transforms, Resize(input_size, antialias=antialias)]


def _in_matrices(transform):
    if not isinstance(transform, RandomCrop) or transform.implementation != "auto":
        return transform
    own = copy.copy(transform)
    own.implementation = "matrices"
    return own
