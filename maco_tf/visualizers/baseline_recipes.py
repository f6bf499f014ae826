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
    transform_set: Callable | None  # Image size (height, width) -> list of transforms; None is MACO's own views.
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


# MACO's computation and views, so that one word compares what is free and nothing else. They also suit the baselines:
# of EfficientNet-Lite0, four classes, 32 steps of 8 views, other networks and itself give Fourier's whole images a mean
# probability of .47 (learning rate .05) and .59 (.1) with these views, and .29 and .15 with the paper's set.
_DEFAULT = {
    "steps": 256,
    "crops": 8,
    "transform_set": None,
    "antialias": True,
    "learning_rate": 0.1,
    "std": 0.01,
    "stretch": False,
}

# The paper's baselines: its ten transformations, one view a step, Lucid's optimizer.
_PAPER = {
    "steps": 256,
    "crops": 1,
    "transform_set": _paper,
    "antialias": False,
    "learning_rate": 0.05,
    "std": 0.01,
    "stretch": False,
    "image_size": 512,
}

# Lucid's `render_vis` and `image`: the image as large as the network's input, which there is of any size and 128 by
# default.
_LUCID = {**_PAPER, "steps": 512, "transform_set": _lucid, "image_size": "input"}

# xplique 2.0.2, `features_visualizations/optim.py`. There the pixels start at N(0.01, 1), because the standard
# deviation is passed as the mean; here at N(0, 0.01), as its documentation says.
_XPLIQUE = {**_PAPER, "stretch": True}

FOURIER_RECIPES = {
    "default": FourierRecipe(**_DEFAULT),
    "paper": FourierRecipe(**_PAPER),
    "lucid": FourierRecipe(**_LUCID),
    "xplique": FourierRecipe(**_XPLIQUE, decay=0.85),
}

CBR_RECIPES = {
    "default": CBRRecipe(**_DEFAULT),
    "paper": CBRRecipe(**_PAPER),
    "lucid": CBRRecipe(**_LUCID),
    "xplique": CBRRecipe(**_XPLIQUE),
}
