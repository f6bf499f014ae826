"""The pixel-space baseline: every pixel is optimised."""

from maco_tf.parametrizations.pixels import PixelParametrization
from maco_tf.visualizers.baseline import Baseline
from maco_tf.visualizers.baseline_recipes import CBR_RECIPES


class CBRVisualizer(Baseline):
    """Feature visualisation in pixel space, the row called CBR in the paper's tables.

        explanation = CBRVisualizer(model).explain(Logit("pug"))

    The name stands here for optimisation held back by regularisation alone: pixels are free, and what keeps high
    frequencies down are the transforms and, on request, a blur of the image (Yosinski et al., 2015) or of the gradient
    (Øygard, 2015), or total variation (Mahendran and Vedaldi, 2015; Nguyen et al., 2016), which is a term of the
    objective: `explain(Logit("pug") - 10 * TotalVariation())`. Colours are decorrelated and a sigmoid bounds them, as
    for the other two methods. Defaults: pixels of standard deviation 0.01 and Adam from Lucid's
    `image(fft=False)`; views and learning rate as for `FourierVisualizer`; no blur, as in the paper.

    Objectives, callbacks, results and errors are those of `MacoVisualizer`; settings left at `None` are the recipe's.

    Args:
        model: a built `keras.Model` of any kind: functional, sequential, nested or subclassed. It is never changed.
        recipe: "default", with the views and the computation of MACO's default; "paper", the baselines of the MACO
            paper; "lucid"; or "xplique", that of xplique 2.0.2.
        steps: length of a run.
        crops: views of each image the model sees in a step, each transformed by itself.
        std: standard deviation of the starting pixels before the sigmoid.
        image_blur: standard deviation of a Gaussian over the image, pixels; 0 is none.
        gradient_blur: the same over the gradient.
        stretch: whether each image's values are stretched to the whole of [0, 1].
        transforms: see `MacoVisualizer`.
        antialias: whether the resizing of what comes out of transforms averages over the pixels it leaves out.
        learning_rate: of Adam, a number or a Keras schedule.
        optimizer: a `keras.optimizers.Optimizer` that replaces Adam.
        image_size: see `MacoVisualizer`.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        relu_warmup: see `MacoVisualizer`.
        steps_per_execution: see `MacoVisualizer`.
        jit_compile: see `MacoVisualizer`.
        precision: see `MacoVisualizer`.
        max_batch_size: see `MacoVisualizer`.
        strategy: see `MacoVisualizer`.

    Raises:
        ValueError: an argument outside its range; the message names the remedy.
    """

    method = "CBR"

    def __init__(
        self,
        model,
        recipe="default",
        *,
        steps=None,
        crops=None,
        std=None,
        image_blur=None,
        gradient_blur=None,
        stretch=None,
        transforms=None,
        antialias=None,
        learning_rate=None,
        optimizer=None,
        image_size=None,
        preprocessing=None,
        input_shape=None,
        relu_warmup=0,
        steps_per_execution=1,
        jit_compile="auto",
        precision=None,
        max_batch_size="auto",
        strategy=None,
    ):
        settings = {
            "steps": steps,
            "crops": crops,
            "std": std,
            "image_blur": image_blur,
            "gradient_blur": gradient_blur,
            "stretch": stretch,
            "antialias": antialias,
            "learning_rate": learning_rate,
            "image_size": image_size,
        }
        super().__init__(
            model,
            CBR_RECIPES,
            recipe,
            settings,
            transforms=transforms,
            optimizer=optimizer,
            preprocessing=preprocessing,
            input_shape=input_shape,
            relu_warmup=relu_warmup,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            precision=precision,
            max_batch_size=max_batch_size,
            strategy=strategy,
        )

    def parametrization(self, batch_size):
        recipe = self.recipe
        return PixelParametrization(
            *self.image_size,
            self.activations.input_shape[-1],
            batch_size,
            std=recipe.std,
            image_blur=recipe.image_blur,
            gradient_blur=recipe.gradient_blur,
            stretch=recipe.stretch,
        )

    def own_config(self):
        return {"image_blur": self.recipe.image_blur, "gradient_blur": self.recipe.gradient_blur}
