"""Standard sets of transforms: Lucid's and the paper's."""

from maco_tf.checks import check_integer
from maco_tf.transforms.blur import GaussianBlur
from maco_tf.transforms.flip import RandomFlip
from maco_tf.transforms.jitter import Jitter
from maco_tf.transforms.pad import Pad
from maco_tf.transforms.resize import RandomScale
from maco_tf.transforms.rotate import RandomRotate
from maco_tf.transforms.transform import Transform


def lucid_standard() -> list[Transform]:
    """Lucid's standard transforms.

    Height and width grow by 12 pixels in total. `[Repeat(views), *lucid_standard(), Resize(input_size)]` makes several
    views of the model's input size.

    Returns:
        List of five transforms.

    Source: Olah et al., 2017; `standard_transforms` in `lucid/optvis/transform.py`.
    """
    return [
        Pad(12, 0.5),
        Jitter(8),
        RandomScale([1 + (i - 5) / 50 for i in range(11)]),
        RandomRotate([*range(-10, 11), *[0] * 5]),
        Jitter(4),
    ]


def paper_standard(size: int) -> list[Transform]:
    """The ten transformations that the MACO paper uses for its baselines, after a border.

    They are proportional to u = size / 16, rounded down. Views are smaller than the image by 10 u, which leaves three
    eighths of its side. `[Repeat(views), *paper_standard(size), Resize(input_size)]` makes several views of the model's
    input size.

    There are three differences from xplique. Every image gets its own random numbers. Scaling keeps the size and fills
    the margin with grey. The border is mid-grey; xplique's is 0, which is mid-grey only for images in (-1, 1).

    Args:
        size: the smaller side of the image, pixels, at least 16.

    Returns:
        List of eleven transforms.

    Raises:
        ValueError: `size` is not an integer of at least 16.

    Source: xplique 2.0.2, `generate_standard_transformations`.
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
