"""Named settings of MACO."""

import dataclasses
from typing import Any

from maco_tf.transforms.distribution import Normal


@dataclasses.dataclass(frozen=True)
class MacoRecipe:
    """All that `MacoVisualizer` can be told by name; its docstring explains each."""

    steps: int
    crops: int
    crop_side: Any
    crop_centre: Any
    crop_inside: bool
    crop_antialias: bool
    whole_views: int
    gaussian_noise: Any
    uniform_noise: Any
    learning_rate: Any
    decay: bool
    mean_level: float
    phase: str
    image_size: Any = None


# Chosen by what other networks make of the images; the README has the figures.
DEFAULT = MacoRecipe(
    steps=256,
    crops=8,
    # From nearly the whole image, so that one object forms and not several, to about one pixel of the image for
    # one of the network's, so that its details do: 0.5 x 512 / 224 is 1.1.
    crop_side=Normal((0.9, 0.5), 0.05),
    # Around the centre, and over the border: crops spread evenly inside grow several objects.
    crop_centre=Normal(0.5, 0.15),
    crop_inside=False,
    # Without, crops that have more pixels than the network's input alias, and the optimisation hides in frequencies
    # that only this sampling shows the network.
    crop_antialias=True,
    # As large as the image, shifted by its centre: people and other networks look at the whole, and without such views
    # its parts may be right and it may not.
    whole_views=2,
    gaussian_noise=0.08,
    uniform_noise=0.04,
    learning_rate=1.0,
    # Cosine to zero: at a constant rate of 1 the phases never settle, and the image stays noise.
    decay=True,
    mean_level=0.0,
    phase="uniform",
)

# A quarter of the compute, for .06 +- .11 of the judges' probability (six classes; tests/benchmarks/quality.py).
FAST = dataclasses.replace(DEFAULT, steps=64)

# Fel et al., 2023 (arXiv:2306.06805), section 4 and appendix: one view a step.
PAPER = MacoRecipe(
    steps=256,
    crops=1,
    crop_side=Normal(0.25, 0.1),
    crop_centre="anywhere",
    crop_inside=True,
    crop_antialias=False,
    whole_views=0,
    gaussian_noise=0.0,
    uniform_noise=0.1,
    learning_rate=1.0,
    decay=False,
    mean_level=0.0,
    phase="uniform",
    image_size=512,
)

# xplique 2.0.2, `features_visualizations/maco.py`: noise and boxes for images in a range of width 2 there, so
# that noise is half as strong on [0, 1]. What differs from xplique itself: the magnitude is exact, crops that cross the
# border see grey, and the image keeps its natural contrast, 1.28 times that of xplique, which standardises it.
XPLIQUE = MacoRecipe(
    steps=256,
    crops=32,
    crop_side=Normal((0.5, 0.05), 0.05),
    crop_centre=Normal(0.5, 0.15),
    crop_inside=False,
    crop_antialias=False,
    whole_views=0,
    gaussian_noise=0.04,
    uniform_noise=0.02,
    learning_rate=1.0,
    decay=False,
    mean_level=0.0,
    phase="standardized",
    image_size=512,
)

RECIPES = {"default": DEFAULT, "fast": FAST, "paper": PAPER, "xplique": XPLIQUE}


def resolve_recipe(recipes, name, settings, optimizer):
    """The named recipe with the user's settings in place of its own.

    Args:
        recipes: dictionary, name -> dataclass.
        name: what the user asked for.
        settings: dictionary, field -> value; `None` leaves the recipe's.
        optimizer: the user's, or `None`.

    Returns:
        A dataclass of the same kind.

    Raises:
        ValueError: there is no such recipe, or a learning rate beside an optimizer.
    """
    if optimizer is not None and settings["learning_rate"] is not None:
        raise ValueError('"learning_rate" belongs to the default optimizer. Received: an "optimizer" besides it.')
    if not isinstance(name, str) or name not in recipes:
        raise ValueError(f'"recipe" must be one of {", ".join(map(repr, recipes))}. Received: {name!r}.')
    return dataclasses.replace(recipes[name], **{key: value for key, value in settings.items() if value is not None})
