"""The Fourier baseline: the whole spectrum is optimised."""

from maco_tf.parametrizations.fourier import FourierParametrization
from maco_tf.visualizers.baseline import Baseline
from maco_tf.visualizers.baseline_recipes import FOURIER_RECIPES


class FourierVisualizer(Baseline):
    """Feature visualisation with Fourier preconditioning (Olah et al., 2017), as in Lucid and xplique.

        explanation = FourierVisualizer(model).explain(Logit("pug"))

    Objectives, callbacks, results and errors are those of `MacoVisualizer`; settings left at `None` are the recipe's.

    Args:
        model: a built `keras.Model` of any kind: functional, sequential, nested or subclassed. It is never changed.
        recipe: "default", with the views and the computation of MACO's default; "paper", the baselines of the MACO
            paper; "lucid"; or "xplique", that of xplique 2.0.2.
        steps: length of a run.
        crops: views of each image the model sees in a step, each transformed by itself.
        decay: power of the frequency by which waves are weakened, 0 or more.
        std: standard deviation of the starting spectrum's variables.
        gain: factor of the image before the sigmoid; see `FourierParametrization`.
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

    method = "Fourier"

    def __init__(
        self,
        model,
        recipe="default",
        *,
        steps=None,
        crops=None,
        decay=None,
        std=None,
        gain=None,
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
            "decay": decay,
            "std": std,
            "gain": gain,
            "stretch": stretch,
            "antialias": antialias,
            "learning_rate": learning_rate,
            "image_size": image_size,
        }
        super().__init__(
            model,
            FOURIER_RECIPES,
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
        return FourierParametrization(
            *self.image_size,
            self.activations.input_shape[-1],
            batch_size,
            decay=recipe.decay,
            std=recipe.std,
            gain=recipe.gain,
            stretch=recipe.stretch,
        )

    def own_config(self):
        return {"decay": self.recipe.decay, "gain": self.recipe.gain}
