"""MACO: the phase is optimised, the magnitude kept."""

import hashlib
import math
import numbers

import keras

from maco_tf.parametrizations.phase import PhaseParametrization
from maco_tf.spectrum.imagenet import imagenet_magnitude
from maco_tf.spectrum.magnitude import Magnitude
from maco_tf.visualizers.recipes import RECIPES, resolve_recipe
from maco_tf.visualizers.views import crops_and_noise, whole_transforms
from maco_tf.visualizers.visualizer import Visualizer


class MacoVisualizer(Visualizer):
    """Feature visualisation by MAgnitude Constrained Optimization (Fel et al., 2023, arXiv:2306.06805).

        explanation = MacoVisualizer(model).explain(Logit("pug") - 0.5 * Channel("block5_out", 12))
        explanation.show()

    Every setting left at `None` is the recipe's.

    Args:
        model: a built `keras.Model` of any kind: functional, sequential, nested or subclassed. It is never changed.
        recipe: "default"; "fast", the same in a quarter of the steps; "paper", the settings of the paper; or "xplique",
            those of xplique 2.0.2.
        steps: length of a run.
        crops: views of each image the model sees in a step.
        crop_side: side of a crop as a fraction of the image's: a number, `(start, end)` over the run, a Keras
            schedule, a callable of the step, or a `transforms.Normal` or `Uniform` of such.
        crop_centre: centre of a crop as a fraction of the image: "anywhere" inside, or as `crop_side`.
        crop_inside: whether crops that cross the border are moved inside; otherwise grey fills what is beyond.
        whole_views: how many of a step's views are as large as the image, around centres drawn as the others' are, as
            far as there are more views than these.
        crop_antialias: whether crops that have more pixels than the model's input are taken from the image at half, a
            quarter ... of its size; otherwise they alias. See `transforms.RandomCrop`.
        gaussian_noise: standard deviation of normal noise on the views, in units of the range [0, 1]; a schedule.
        uniform_noise: amplitude of uniform noise on the views, likewise.
        transforms: list of transforms or callables that replaces crops and noise, such as
            `transforms.lucid_standard()`; with `crops`, that many copies of each image go through it, each with draws
            of its own. What comes out is resized to the model's input.
        mean_level: the image's mean before the sigmoid as a fraction of the magnitude's, 0 (mid-grey) or more.
        learning_rate: of NAdam, radians of phase at the start; it falls to zero as a cosine where the recipe's
            `decay` says so. A Keras schedule is used as it is.
        optimizer: a `keras.optimizers.Optimizer` that replaces NAdam.
        image_size: side of the image, pixels, `(height, width)`, or "input" for the model's; by default 512, or
            512 / 224 of the model's input where that is less.
        magnitude: a `Magnitude`, resized to the image; `None` is ImageNet's, for images of three channels.
        preprocessing: `None` where the model takes images in [0, 1] (the zoo's do), a callable from such images to
            the model's input, or Keras's "tf", "torch" or "caffe".
        input_shape: `(height, width, channels)` of the model's input where the model does not tell it.
        relu_warmup: steps at the start of a run in which the gradient passes through ReLUs that are off wherever it
            would otherwise stop; Lucid takes 16. For units that are dead at the start.
        steps_per_execution: steps a call of the compiled function; callbacks and progress come between calls.
        jit_compile: whether XLA compiles the steps; "auto" does where one GPU is. The random numbers stay the same, and
            each step but for rounding; users' own random callables draw other numbers.
        max_batch_size: most views that the model sees at once, over all images. More are seen one batch after another
            and their gradients added, so that memory stays that of one batch and the gradient what it would be without,
            but for rounding, of which dozens of steps make another image; users' own random callables draw other
            numbers. The views are cut into equal parts, so that what divides by little is slow, and told. "auto" cuts
            them into parts of about 8 on a CPU, which is fastest there, and not at all on a GPU, under XLA or a
            strategy; `None` sets no limit anywhere.
        strategy: a `tf.distribute.MirroredStrategy`, whose replicas share the views of a run; by default the one in
            whose scope the visualizer is made, if any. A model made in its scope too is kept on every device.
        precision: what the network computes in, from weights that stay its own: "float32", "bfloat16", "float16", or
            "tensorfloat32", float32 whose matrix products a GPU may take in fewer bits, which "float32" forbids; "auto"
            measures at the first explanation which is fastest here and near enough to float32; `None` is the model's
            own policy. Images, views, scores and gradients are float32 in any.

    Raises:
        ValueError: an argument outside its range; the message names the remedy.
    """

    def __init__(
        self,
        model,
        recipe="default",
        *,
        steps=None,
        crops=None,
        crop_side=None,
        crop_centre=None,
        crop_inside=None,
        crop_antialias=None,
        whole_views=None,
        gaussian_noise=None,
        uniform_noise=None,
        transforms=None,
        mean_level=None,
        learning_rate=None,
        optimizer=None,
        image_size=None,
        magnitude=None,
        preprocessing=None,
        input_shape=None,
        relu_warmup=0,
        steps_per_execution=1,
        jit_compile="auto",
        precision=None,
        max_batch_size="auto",
        strategy=None,
    ):
        view_settings = {
            "crops": crops,
            "crop_side": crop_side,
            "crop_centre": crop_centre,
            "crop_inside": crop_inside,
            "crop_antialias": crop_antialias,
            "whole_views": whole_views,
            "gaussian_noise": gaussian_noise,
            "uniform_noise": uniform_noise,
        }
        given = [name for name, value in view_settings.items() if value is not None and name != "crops"]
        if transforms is not None and given:
            raise ValueError(
                f'"transforms" replaces crops and noise. Received: {", ".join(given)} besides it. Put what you want '
                "into the list."
            )
        chosen = {
            **view_settings,
            "steps": steps,
            "mean_level": mean_level,
            "learning_rate": learning_rate,
            "image_size": image_size,
        }
        self.recipe = resolve_recipe(RECIPES, recipe, chosen, optimizer)
        _check_mean_level(self.recipe.mean_level)
        super().__init__(
            model,
            steps=self.recipe.steps,
            image_size=self.recipe.image_size,
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
        self.magnitude = _magnitude(magnitude, self.image_size, self.activations.input_shape[-1])
        self._recipe_name = recipe
        if transforms is None:
            self.transforms = crops_and_noise(self.recipe, self.activations.input_shape[:2], self.jit_compile)
        else:
            self.transforms = whole_transforms(transforms, crops, self.activations.input_shape[:2], self.jit_compile)

    def default_optimizer(self):
        rate = self.recipe.learning_rate
        if not isinstance(rate, int | float | keras.optimizers.schedules.LearningRateSchedule):
            raise ValueError(f'"learning_rate" must be a number or a Keras schedule. Received: {rate!r}.')
        if isinstance(rate, int | float):
            if not 0 < rate < math.inf:
                raise ValueError(f'"learning_rate" must be above 0 and finite. Received: {rate!r}.')
            if self.recipe.decay:
                rate = keras.optimizers.schedules.CosineDecay(float(rate), self.steps)
        return keras.optimizers.Nadam(rate)

    def parametrization(self, batch_size):
        return PhaseParametrization(
            self.magnitude, batch_size, mean_level=self.recipe.mean_level, phase=self.recipe.phase
        )

    def config(self):
        return {
            "method": "MACO",
            "recipe": self._recipe_name,
            **self.common_config(),
            "magnitude": hashlib.sha256(self.magnitude.values.tobytes()).hexdigest()[:16],
            "mean_level": self.recipe.mean_level,
            "phase": self.recipe.phase,
        }


def _check_mean_level(level):
    if isinstance(level, bool) or not isinstance(level, numbers.Real) or not 0 <= level < math.inf:
        raise ValueError(f'"mean_level" must be a finite number of at least 0. Received: {level!r}.')


def _magnitude(magnitude, image_size, channels):
    if magnitude is None:
        if channels != 3:
            raise ValueError(
                f'"magnitude" must be given for a model of {channels} channel(s): ImageNet\'s is for three. Received: '
                "None. Estimate one from your images with maco_tf.estimate_magnitude(images)."
            )
        magnitude = imagenet_magnitude()
    if not isinstance(magnitude, Magnitude):
        raise ValueError(
            f'"magnitude" must be a maco_tf.Magnitude. Received: {type(magnitude).__name__}. '
            "Make one with estimate_magnitude(images) or Magnitude.load(path)."
        )
    if magnitude.channels != channels:
        raise ValueError(
            f'"magnitude" must have the {channels} channel(s) of the model\'s input. Received: {magnitude.channels}.'
        )
    return magnitude.resized(*image_size)
