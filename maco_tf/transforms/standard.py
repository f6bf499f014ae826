"""The sets of transforms that the baselines use."""

from maco_tf.checks import check_integer
from maco_tf.transforms.blur import GaussianBlur
from maco_tf.transforms.flip import RandomFlip
from maco_tf.transforms.jitter import Jitter
from maco_tf.transforms.pad import Pad
from maco_tf.transforms.resize import RandomScale
from maco_tf.transforms.rotate import RandomRotate


def lucid_standard():
    """Lucid's standard transforms (Olah et al., 2017; `lucid/optvis/transform.py`, `standard_transforms`).

    Height and width grow by 12 pixels in all: `[Repeat(views), *lucid_standard(), Resize(input_size)]` brings several
    views to the model.

    Returns:
        List of five transforms.
    """
    return [
        Pad(12, 0.5),
        Jitter(8),
        RandomScale([1 + (i - 5) / 50 for i in range(11)]),
        RandomRotate([*range(-10, 11), *[0] * 5]),
        Jitter(4),
    ]


def paper_standard(size):
    """The MACO paper's ten transformations for its baselines (xplique 2.0.2, `generate_standard_transformations`).

    Their unit is u = size / 16, rounded down. Views are smaller than the image by 10 u, so that they have three
    eighths of its side: `[Repeat(views), *paper_standard(size), Resize(input_size)]` brings them to the model.
    What differs from xplique: each image has its own draws; scaling keeps the size, so that grey fills the margin; and
    the border is mid-grey, where xplique's is 0, which is mid-grey for images in (-1, 1) only.

    Args:
        size: the image's smaller side, pixels, from 16.

    Returns:
        List of eleven transforms: a border, and the ten.

    Raises:
        ValueError: `size` is not an integer of at least 16.
    """
    unit = check_integer("size", size, 16) // 16
    return [
        Pad(4 * unit, 0.5),
        Jitter(2 * unit),
        Jitter(2 * unit),
        Jitter(4 * unit),
        Jitter(4 * unit),
        Jitter(4 * unit),
        RandomScale((0.92, 0.96)),
        GaussianBlur(10, (1.0, 1.1)),
        Jitter(unit),
        Jitter(unit),
        RandomFlip(horizontal=True, vertical=False),
    ]
