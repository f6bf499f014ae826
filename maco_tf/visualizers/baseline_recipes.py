"""Named settings of the Fourier and pixel-space baselines."""

import dataclasses
from collections.abc import Callable
from typing import Any

from maco_tf.transforms.standard import lucid_standard, paper_standard


@dataclasses.dataclass(frozen=True)
class BaselineRecipe:
    """What the baselines share; `FourierVisualizer` and `CBRVisualizer` explain each."""

    steps: int
    crops: int
    transform_set: Callable  # Image size (height, width) -> list of transforms.
    antialias: bool
    learning_rate: Any
    std: float
    stretch: bool
    image_size: Any = None


@dataclasses.dataclass(frozen=True)
class FourierRecipe(BaselineRecipe):
    """Settings of `FourierVisualizer`."""

    decay: float = 1.0
    gain: float = 0.25


@dataclasses.dataclass(frozen=True)
class CBRRecipe(BaselineRecipe):
    """Settings of `CBRVisualizer`."""

    image_blur: float = 0.0
    gradient_blur: float = 0.0


def _lucid(_):
    return lucid_standard()


def _paper(image_size):
    return paper_standard(min(image_size))


# The computation of MACO's default, 256 steps of 8 views, so that one word compares them.
_DEFAULT = {
    "steps": 256,
    "crops": 8,
    "transform_set": _paper,
    "antialias": True,
    "learning_rate": 0.05,
    "std": 0.01,
    "stretch": False,
}

# Lucid's `render_vis` and `image`: one view a step, the image as large as the network's input, which there is of
# any size and 128 by default.
_LUCID = {
    "steps": 512,
    "crops": 1,
    "transform_set": _lucid,
    "antialias": False,
    "learning_rate": 0.05,
    "std": 0.01,
    "stretch": False,
    "image_size": "input",
}

# xplique 2.0.2, `features_visualizations/optim.py`. There the pixels start at N(0.01, 1), because the standard
# deviation is passed as the mean; here at N(0, 0.01), as its documentation says.
_XPLIQUE = {
    "steps": 256,
    "crops": 1,
    "transform_set": _paper,
    "antialias": False,
    "learning_rate": 0.05,
    "std": 0.01,
    "stretch": True,
    "image_size": 512,
}

FOURIER_RECIPES = {
    "default": FourierRecipe(**_DEFAULT),
    "lucid": FourierRecipe(**_LUCID),
    "xplique": FourierRecipe(**_XPLIQUE, decay=0.85),
}

CBR_RECIPES = {"default": CBRRecipe(**_DEFAULT), "lucid": CBRRecipe(**_LUCID), "xplique": CBRRecipe(**_XPLIQUE)}
