"""What every visualizer does: check, compile once for each structure of objective, run, return."""

import abc
import hashlib
import warnings

import keras
import numpy as np

from maco_tf.checks import check_integer
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.images import as_images, fit_images
from maco_tf.objectives.objective import check_objective_type
from maco_tf.optimization.loop import Run, check_verbose, optimize
from maco_tf.optimization.profile import profile_steps
from maco_tf.optimization.replicas import as_strategy, outside_scope, resolve_batch_size, resolve_jit
from maco_tf.optimization.scoring import check_objective, objective_tensors
from maco_tf.optimization.step import CompiledSteps
from maco_tf.version import __version__
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.image_size import resolve_image_size
from maco_tf.visualizers.precision_choice import (
    choose_precision,
    compute_dtype,
    example_views,
    matrix_products,
    precision_config,
)
from maco_tf.visualizers.run_arguments import resolve_callbacks, resolve_seed


class Visualizer(abc.ABC):
    """Base of the visualizers: `explain` and its machinery.

    Args:
        model: a built `keras.Model` of any kind; never changed.
        steps: length of a run.
        image_size: side of the image, pixels, `(height, width)`, or "input" for the model's; `None` is 512, or
            512 / 224 of the model's input where that is less.
        optimizer: a `keras.optimizers.Optimizer`, copied for every run; `None` is the visualizer's own.
        preprocessing: `None` where the model takes images in [0, 1], a callable from such images to the model's
            input, or Keras's "tf", "torch" or "caffe".
        input_shape: `(height, width, channels)` of the model's input where the model does not tell it.
        relu_warmup: steps at the start of a run in which the gradient passes through ReLUs that are off wherever it
            would otherwise stop; Lucid takes 16. For units that are dead at the start.
        steps_per_execution: steps a call of the compiled function; callbacks and progress come between calls.
        jit_compile: whether XLA compiles the steps; "auto" does where one GPU is.
        max_batch_size: most views that the model sees at once; see `MacoVisualizer`.
        strategy: a `tf.distribute.MirroredStrategy` or `None`; see `MacoVisualizer`.
        precision: what the model computes in; see `MacoVisualizer`.

    Attributes:
        transforms: list of transforms between the image and the model; subclasses set it.
        precision_choice: the `PrecisionChoice` of "auto", `None` until the first explanation.
    """

    def __init__(
        self,
        model,
        *,
        steps,
        image_size,
        optimizer,
        preprocessing,
        input_shape,
        relu_warmup,
        steps_per_execution,
        jit_compile,
        precision,
        max_batch_size,
        strategy,
    ):
        _check_backend()
        # Thousands of steps differ from Keras's by rounding anyway; scores of images do not fold.
        activations = Activations(model, preprocessing, input_shape, fold=True)
        self.activations = activations.with_precision(compute_dtype(model, precision))
        self.precision, self.precision_choice = precision, None
        for name, value in (("steps", steps), ("steps_per_execution", steps_per_execution)):
            check_integer(name, value, 1)
        check_integer("relu_warmup", relu_warmup, 0)
        if optimizer is not None and not isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                f'"optimizer" must be a keras.optimizers.Optimizer, such as Adam(0.1). Received: {optimizer!r}.'
            )
        self.steps, self.steps_per_execution, self.relu_warmup = int(steps), int(steps_per_execution), int(relu_warmup)
        self.optimizer = self.default_optimizer() if optimizer is None else optimizer
        self.image_size = resolve_image_size(image_size, self.activations.input_shape)
        self.strategy = as_strategy(strategy)
        self.jit_compile = resolve_jit(jit_compile, self.strategy)
        self.max_batch_size = resolve_batch_size(max_batch_size, self.jit_compile, self.strategy)
        self._preprocessing = preprocessing
        self._compiled = {}

    @abc.abstractmethod
    def default_optimizer(self):
        """The optimizer where the user gives none; `self.steps` is the length of a run."""

    @abc.abstractmethod
    def parametrization(self, batch_size):
        """The parametrization of a batch of images."""

    @abc.abstractmethod
    def config(self):
        """The settings that a result depends on, as a dictionary of numbers and strings."""

    def common_config(self):
        """What `config` holds of every visualizer."""
        optimizer = keras.saving.serialize_keras_object(self.optimizer)
        # Keras counts the optimizers of a process in their names.
        optimizer["config"].pop("name", None)
        preprocessing = self._preprocessing
        return {
            "preprocessing": getattr(preprocessing, "__qualname__", None) or repr(preprocessing),
            "steps": self.steps,
            "image_size": list(self.image_size),
            "transforms": [repr(transform) for transform in self.transforms],
            "optimizer": optimizer,
            **precision_config(self.precision, self.precision_choice),
        }

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self.config().items() if name != "optimizer")
        return f"<{type(self).__name__} of {self.activations.model.name}: {settings}>"

    @property
    def traces(self):
        """How many times a step was traced so far: once for each structure and length of objective."""
        return sum(compiled.traces for compiled in self._compiled.values())

    def check(self, objective):
        """Refuse an objective that does not fit the model, without computing anything.

        Args:
            objective: an `Objective`.

        Raises:
            ValueError: it is none, or names a layer or a unit that the model does not have.
        """
        check_objective_type(objective)
        check_objective(objective, self.activations.shapes([term.layer for _, term in objective.terms]))
        objective.fitted(self._image_shape)

    def explain(self, objective, *, seed=None, start=None, callbacks=None, verbose="auto"):
        """Optimise one image for each objective of a batch.

        Args:
            objective: an `Objective`.
            seed: integer from 0; equal seeds give equal results on one machine. `None` draws one, which the
                result tells.
            start: where the run starts instead of at random: an image for every objective, (batch, height, width,
                channels), or one for all, or an `Explanation`; integers up to 255 or numbers in [0, 1]; the centre is
                resized to the image's size. MACO starts at its phase under the magnitude it keeps, the baselines at
                the image itself. A small learning rate, as 0.05 of MACO, keeps near to it.
            callbacks: list of `keras.callbacks.Callback`; a run is one epoch, its steps are the batches, and
                `self.model` is the run in progress, with `images()`, `scores()` and `stop_training`.
            verbose: 0 is silent; 1 or "auto" shows a progress bar, 2 its last line.

        Returns:
            An `Explanation`. After a Ctrl-C it holds what there is when the step under way is done; a second Ctrl-C
            raises, where Python sees it before that.

        Raises:
            ValueError: the objective does not fit the model, or `start` the objective; nothing has been computed by
                then.
            FloatingPointError: a score is not finite.
        """
        self.check(objective)
        check_verbose(verbose)
        seed, callbacks = resolve_seed(seed), resolve_callbacks(callbacks)
        fitted, start = objective.fitted(self._image_shape), self._start(start, len(objective))
        with matrix_products(self.precision):
            run = Run(self._compile(fitted, verbose), self.steps, seed, start)
            optimize(
                run,
                *objective_tensors(fitted),
                steps_per_execution=self.steps_per_execution,
                callbacks=callbacks,
                verbose=verbose,
            )
        images = run.images()
        if not np.isfinite(images).all():
            raise FloatingPointError(
                f"The image is not finite after step {len(run.scores()) - 1}: a layer's gradient is not, as that of a "
                "square root at zero. Take another layer or another seed."
            )
        if not run.interrupted:
            _warn_without_gradient(run.transparency(), objective.names)
        return Explanation(
            images=images,
            transparency=run.transparency(),
            names=objective.names,
            scores=run.scores(),
            config={
                "maco_tf": __version__,
                "model": self.activations.model.name,
                **self.config(),
                "relu_warmup": self.relu_warmup,
                # Both change a step by rounding alone, which many steps make another image of.
                "max_batch_size": self.max_batch_size,
                "jit_compile": self.jit_compile,
                # The images themselves would be larger than the result.
                "start": "random" if start is None else f"images of SHA-256 {hashlib.sha256(start).hexdigest()}",
                "interrupted": run.interrupted,
            },
            seed=seed,
        )

    def profile(self, objective, *, repeats=5):
        """Measure where the time of a step goes: the model, the views, the parametrization, the optimizer.

            print(visualizer.profile(Logit("pug")))

        Args:
            objective: an `Objective`.
            repeats: times that each is run, in turns; medians are taken.

        Returns:
            A `maco_tf.optimization.Profile`: seconds of each; `print` shows a table.

        Raises:
            ValueError: as `explain`; `repeats` is below 1.
        """
        self.check(objective)
        check_integer("repeats", repeats, 1)
        fitted = objective.fitted(self._image_shape)
        with matrix_products(self.precision):
            compiled, tensors = self._compile(fitted, verbose=0), objective_tensors(fitted)
            return outside_scope(
                lambda: profile_steps(compiled, *tensors, repeats=repeats, jit_compile=self.jit_compile)
            )

    def _start(self, images, count):
        if images is None:
            return None
        images = as_images("start", images.images if isinstance(images, Explanation) else images)
        if len(images) not in (1, count) or images.shape[-1] != self._image_shape[-1]:
            raise ValueError(
                f'"start" must hold one image, or one for each of the {count} objectives, of {self._image_shape[-1]} '
                f"channel(s). Received: shape {images.shape}."
            )
        return np.repeat(fit_images(images, self.image_size), count // len(images), axis=0)

    @property
    def _image_shape(self):
        return (*self.image_size, self.activations.input_shape[-1])

    def _choose_precision(self, objective, compiled, verbose):
        """For "auto": measured with the first objective that reads the model, and kept for all that follow."""
        layers = [term.layer for _, term in objective.terms if term.layer != IMAGE]
        if self.precision != "auto" or self.precision_choice is not None or not layers:
            return
        views = example_views(compiled)
        choice = choose_precision(self.activations, views, layers, jit_compile=self.jit_compile)
        self.activations = self.activations.with_precision(choice.precision)
        self.precision_choice = choice
        if verbose:
            print(f"Precision: {choice}")

    def _compile(self, objective, verbose):
        """The compiled steps for this structure of objective, traced on first use."""
        terms = [term for _, term in objective.terms]
        key = (len(objective), *(term.structure() for term in terms))
        if key not in self._compiled:
            compiled = CompiledSteps(
                self.activations,
                self.parametrization(len(objective)),
                self.transforms,
                self.optimizer,
                terms,
                self.steps,
                relu_warmup=self.relu_warmup,
                jit_compile=self.jit_compile,
                max_batch_size=self.max_batch_size,
                strategy=self.strategy,
            )
            # Once it is known that the views can be cut: a measurement takes its time. Nothing has been traced yet.
            self._choose_precision(objective, compiled, verbose)
            compiled.activations = self.activations
            self._compiled[key] = compiled
        return self._compiled[key]


def _warn_without_gradient(transparency, names):
    still = [name for name, values in zip(names, transparency) if not values.any()]
    if still:
        warnings.warn(
            f"The score of {', '.join(still)} had no gradient at any step, so the image is still its random start. "
            "The unit may be dead at the start (try relu_warmup=16 or another seed), the objective's terms may cancel, "
            "or a part of the model or of the preprocessing cannot be differentiated.",
            stacklevel=3,
        )


def _check_backend():
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras must run on TensorFlow. Received: the backend {keras.backend.backend()!r}. Set "
            'os.environ["KERAS_BACKEND"] = "tensorflow" before Keras is first imported.'
        )
