"""The Fourier baseline: the whole spectrum is optimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from maco_tf.checks import settled
from maco_tf.parametrizations.complex_spectrum import FourierParametrization
from maco_tf.visualizers.visualizer import Visualizer

# The recipes of both baselines, this one and CBR. Their views are MACO's by default, so that a comparison differs in
# the parametrization only. These views suit the baselines too. Fourier's whole images of EfficientNet-Lite0 (four
# classes, 32 steps of 8 views) get a mean probability from other networks and itself of 0.47 (learning rate 0.05) and
# 0.59 (0.1) with these views, and of 0.29 and 0.15 with the paper's transforms.
_SHARED = {"std": 0.01, "stretch": False, "decorrelate": True, "step_blur": 0.0, "step_blur_every": 1}

# The paper's baselines: its ten transformations, one view in a step, Lucid's optimizer.
_PAPER = {"crops": 1, "transforms": "paper", "antialias": False, "learning_rate": 0.05, "image_size": 512}

BASELINE_RECIPES: Mapping[str, Mapping[str, Any]] = {
    "default": _SHARED,
    "paper": _PAPER,
    # Lucid's `render_vis` and `image`: the image is as large as the network's input, 128 pixels by default there.
    "lucid": {**_PAPER, "steps": 512, "transforms": "lucid", "image_size": "input"},
    # xplique 2.0.2, `features_visualizations/optim.py`. There the pixels start at N(0.01, 1), because the standard
    # deviation is passed as the mean; here they start at N(0, 0.01), as its documentation says.
    "xplique": {**_PAPER, "stretch": True},
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FourierVisualizer(Visualizer):
    """Feature visualisation with Fourier preconditioning (Olah et al., 2017), as in Lucid and xplique.

        explanation = FourierVisualizer(model).explain(Logit("pug"))

    The default optimizer is Adam. Settings of this method:

    Args:
        recipe: "default", with MACO's views and compute; "paper", the baselines of the MACO paper; "lucid"; or
            "xplique", that of xplique 2.0.2.
        decay: power of the frequency by which high frequencies are weakened, at least 0.
        std: standard deviation of the starting spectrum's variables, above 0.
        gain: factor of the image before the sigmoid, above 0; see `parametrizations.FourierParametrization`.
        step_blur: standard deviation of a Gaussian, pixels, with which the image before the sigmoid is blurred after
            every `step_blur_every`-th step (Yosinski et al., 2015, arXiv:1506.06579); 0 turns it off.
        step_blur_every: number of steps from one blur to the next, at least 1.
        stretch: whether each image is stretched to the full range [0, 1].

    Raises:
        ValueError: an argument lies outside its range; the message names the remedy.
    """

    decay: float | None = None
    std: float | None = None
    gain: float | None = None
    step_blur: float | None = None
    step_blur_every: int | None = None
    stretch: bool | None = None

    method: ClassVar[str] = "Fourier"
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **BASELINE_RECIPES,
        "default": {**BASELINE_RECIPES["default"], "decay": 1.0, "gain": 0.25},
        # The paper's baselines are xplique's, whose spectrum falls more slowly than Lucid's.
        "paper": {**BASELINE_RECIPES["paper"], "decay": 0.85},
        "xplique": {**BASELINE_RECIPES["xplique"], "decay": 0.85},
    }

    def parametrization(self, batch_size: int) -> FourierParametrization:
        return FourierParametrization(
            self.image_shape,
            batch_size,
            decay=settled(self.decay),
            std=settled(self.std),
            gain=settled(self.gain),
            step_blur=settled(self.step_blur),
            step_blur_every=settled(self.step_blur_every),
            stretch=settled(self.stretch),
            decorrelate=settled(self.decorrelate),
        )
