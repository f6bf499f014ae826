"""The pixel-space baseline: every pixel is optimised."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from maco_tf.checks import settled
from maco_tf.parametrizations.pixels import PixelParametrization
from maco_tf.visualizers.fourier import BASELINE_RECIPES
from maco_tf.visualizers.visualizer import Visualizer


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CBRVisualizer(Visualizer):
    """Feature visualisation in pixel space, the row called CBR in the paper's tables.

        explanation = CBRVisualizer(model).explain(Logit("pug"))

    The paper names Nguyen, Yosinski and Clune (2015, "Deep Neural Networks are Easily Fooled", arXiv:1412.1897) as its
    source. Here the name means an optimisation that only regularisation holds back. Pixels are free. High frequencies
    are kept down by the transforms and, on request, by a blur of the image between steps (Yosinski et al., 2015) or of
    the gradient (Øygard, 2015), or by total variation (Mahendran and Vedaldi, 2015; Nguyen et al., 2016), which is a
    term of the objective: `explain(Logit("pug") - 10 * TotalVariation())`. As in the other two methods, colours are
    decorrelated and a sigmoid bounds them. The defaults are pixels with a standard deviation of 0.01 and Adam, from
    Lucid's `image(fft=False)`; views and learning rate as for `FourierVisualizer`; and no blur, as in the paper.

    The default optimizer is Adam. Settings of this method:

    Args:
        recipe: "default", with MACO's views and compute; "paper", the baselines of the MACO paper; "lucid"; or
            "xplique", that of xplique 2.0.2.
        std: standard deviation of the starting pixels before the sigmoid, above 0.
        image_blur: standard deviation of a Gaussian through which the pixels are seen, pixels; 0 turns it off.
        gradient_blur: standard deviation of a Gaussian over the gradient, pixels; 0 turns it off.
        step_blur: standard deviation of a Gaussian, pixels, with which the image before the sigmoid is blurred after
            every `step_blur_every`-th step (Yosinski et al., 2015, arXiv:1506.06579); 0 turns it off.
        step_blur_every: number of steps from one blur to the next, at least 1.
        stretch: whether each image is stretched to the full range [0, 1].

    Raises:
        ValueError: an argument lies outside its range; the message names the remedy.
    """

    std: float | None = None
    image_blur: float | None = None
    gradient_blur: float | None = None
    step_blur: float | None = None
    step_blur_every: int | None = None
    stretch: bool | None = None

    method: ClassVar[str] = "CBR"
    recipes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **BASELINE_RECIPES,
        "default": {**BASELINE_RECIPES["default"], "image_blur": 0.0, "gradient_blur": 0.0},
    }

    def parametrization(self, batch_size: int) -> PixelParametrization:
        return PixelParametrization(
            self.image_shape,
            batch_size,
            std=settled(self.std),
            image_blur=settled(self.image_blur),
            gradient_blur=settled(self.gradient_blur),
            step_blur=settled(self.step_blur),
            step_blur_every=settled(self.step_blur_every),
            stretch=settled(self.stretch),
            decorrelate=settled(self.decorrelate),
        )
