"""The machinery behind `explain`: compile once for each structure of objective, then run."""

import random
import threading
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from maco_tf.checks import check_integer, settled, warn_user
from maco_tf.images.fitting import as_images, fit_images
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.objectives.imagenet_labels import labels
from maco_tf.objectives.objective import Objective, check_objective_type
from maco_tf.objectives.term import layers_read
from maco_tf.objectives.units import plain
from maco_tf.optimization.balance import balanced
from maco_tf.optimization.callbacks import as_callbacks
from maco_tf.optimization.contexts import check_context
from maco_tf.optimization.loop import Run, check_verbose, optimize
from maco_tf.optimization.profile import Profile, profile_steps
from maco_tf.optimization.replicas import outside_scope
from maco_tf.optimization.scoring import check_objective, objective_tensors
from maco_tf.optimization.step import CompiledSteps
from maco_tf.optimization.views import AnyTransform
from maco_tf.parametrizations.parametrization import Parametrization
from maco_tf.visualizers.method import Method
from maco_tf.visualizers.precision_choice import PrecisionChoice, choose_precision, example_views, matrix_products
from maco_tf.visualizers.recording import Recorder, Recording

# Pixels that change by less are drawn alike: half a step of 8 bits.
_LEAST_CHANGE = 0.5 / 255


class Outcome(NamedTuple):
    """A finished run.

    Attributes:
        images: array (batch, height, width, channels), float32 in [0, 1].
        transparency: array (batch, height, width), float32.
        terms: array (steps, batch, terms), float32, what each term adds to the scores.
        interrupted: whether Ctrl-C stopped the run.
        objective: the objective, as the user gave it; with several seeds, all images share it.
        seeds: the seeds that were used.
        start: the images that the run started from, or `None`.
        recording: the `Recording`, if one was asked for.
    """

    images: np.ndarray
    transparency: np.ndarray
    terms: np.ndarray
    interrupted: bool
    objective: Objective
    seeds: list[int]
    start: np.ndarray | None
    recording: Recording | None


class Engine:
    """The compiled steps of one visualizer, and their runs.

    Args:
        visualizer: a `Method` whose settings are resolved.
        activations: an `Activations` of its model.
        automatic: the names of the settings that the user left to "auto"; see `CompiledSteps`.

    Attributes:
        activations: the `Activations`, in the precision that is in force.
        precision_choice: the `PrecisionChoice` of the precision "auto"; `None` before it is made.
        transforms: list of transforms between the image and the model.
    """

    def __init__(self, visualizer: Method, activations: Activations, automatic: Collection[str] = ()) -> None:
        self._automatic = automatic
        self.visualizer, self.activations = visualizer, activations
        self.precision_choice: PrecisionChoice | None = None
        self.transforms: list[AnyTransform] = visualizer.views()
        self._optimizer = visualizer.optimizer or visualizer.default_optimizer()
        # Wrong settings of the parametrization are refused now, not at the first explanation.
        shape = visualizer.parametrization(1).image_shape
        self.image_shape: tuple[int, int, int] = shape
        self._compiled: dict[tuple, CompiledSteps] = {}
        # Threads share the variables of a compiled step, so they take turns.
        self._lock = threading.RLock()

    @property
    def changed(self) -> dict[str, Any]:
        """The automatic settings that a run has changed; see `CompiledSteps`."""
        # A list, because another thread may add to the dictionary.
        return {name: value for steps in list(self._compiled.values()) for name, value in steps.changed.items()}

    @property
    def traces(self) -> int:
        """How often a step was traced so far."""
        return sum(compiled.traces for compiled in self._compiled.values())

    def check(self, objective: Any) -> tuple[Objective, Objective]:
        """Refuse an objective that does not fit the model.

        Returns:
            The objective with the names of the model's classes; and the same with what depends on the model, and its
            images in the run's size.
        """
        check_objective_type(objective)
        names = self.visualizer.class_names
        if names is not None:
            objective = objective.named(labels() if isinstance(names, str) else names)
        resolved = objective.resolved(self.activations)
        shapes = self.activations.shapes(layers_read(term for _, term in resolved.terms))
        check_objective(resolved, {IMAGE: self.image_shape, **shapes})
        return objective, resolved.fitted(self.image_shape)

    def run(
        self,
        objective: Any,
        seed: Any,
        start: Any,
        callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None,
        verbose: int | str,
        record: int | None = None,
    ) -> "Outcome":
        """Check all arguments, then optimise."""
        check_context("explain")
        objective, fitted = self.check(objective)
        check_verbose(verbose)
        seeds, callbacks = _seeds(seed), as_callbacks(callbacks, self._optimizer)
        if verbose:
            self.activations.say_range()
        start = self.start(start, len(fitted))
        run_start = start
        if len(seeds) > 1:
            fitted = fitted.take(np.tile(np.arange(len(fitted)), len(seeds)))
            run_start = None if start is None else np.tile(start, (len(seeds), 1, 1, 1))
        steps = settled(self.visualizer.steps)
        recorder = None if record is None else Recorder(record, steps, (len(fitted), *self.image_shape))
        with self._lock, matrix_products(self.visualizer.precision):
            compiled = self._compile(fitted, verbose, len(seeds))
            terms = [term for _, term in fitted.terms]
            tensors = balanced(compiled, objective_tensors(fitted), terms, seeds, run_start)
            run = Run(compiled, steps, seeds, run_start, fitted.names)
            begun = run.images()
            optimize(
                run,
                tensors,
                steps_per_execution=self.visualizer.steps_per_execution,
                callbacks=[*([recorder] if recorder else []), *callbacks],
                verbose=verbose,
            )
            # Read before the lock is released: the next run overwrites the variables.
            made = (run.images(), run.transparency(), run.term_scores(), run.interrupted)
            outcome = Outcome(*made, objective, seeds, start, recorder.recording if recorder else None)
        if not np.isfinite(outcome.images).all():
            raise FloatingPointError(
                f"The image is not finite after step {len(outcome.terms) - 1}, because the gradient of a layer is not "
                "finite, as that of a square root at zero. Use another layer or another seed."
            )
        if not outcome.interrupted:
            _warn_without_gradient(outcome.transparency, fitted.names)
            _warn_without_change(np.abs(outcome.images - begun).max(axis=(1, 2, 3)), outcome.transparency, fitted.names)
        return outcome

    def profile(self, objective: Any, repeats: int) -> Profile:
        """Measure where the time of a step goes; see `Visualizer.profile`."""
        _, fitted = self.check(objective)
        repeats = check_integer("repeats", repeats, 1)
        with self._lock, matrix_products(self.visualizer.precision):
            compiled, tensors = self._compile(fitted, verbose=0), objective_tensors(fitted)
            jit_compile = bool(self.changed.get("jit_compile", self.visualizer.jit_compile))
            return outside_scope(lambda: profile_steps(compiled, tensors, repeats=repeats, jit_compile=jit_compile))

    def _compile(self, objective: Objective, verbose: int | str, seeds: int = 1) -> CompiledSteps:
        """The compiled steps for this structure of objective, made on first use and traced on the first call."""
        terms = [term for _, term in objective.terms]
        key = (seeds, len(objective), *(term.structure() for term in terms))
        if key not in self._compiled:
            visualizer, parametrization = self.visualizer, self.visualizer.parametrization(len(objective))
            self._choose_precision(objective, parametrization, verbose)
            self._compiled[key] = CompiledSteps(
                self.activations,
                parametrization,
                self.transforms,
                self._optimizer,
                terms,
                settled(visualizer.steps),
                relu_warmup=visualizer.relu_warmup,
                jit_compile=bool(self.changed.get("jit_compile", visualizer.jit_compile)),
                max_batch_size=self.changed.get("max_batch_size", visualizer.max_batch_size),
                strategy=visualizer.strategy,
                automatic=self._automatic,
            )
        return self._compiled[key]

    def _choose_precision(self, objective: Objective, parametrization: Parametrization, verbose: int | str) -> None:
        """For "auto": measure with the first objective that reads the model, and keep the choice."""
        visualizer = self.visualizer
        layers = [layer for layer in layers_read(term for _, term in objective.terms) if layer != IMAGE]
        if visualizer.precision != "auto" or self.precision_choice is not None or not layers:
            return
        # Fails before the measurement if the views cannot be cut.
        views = example_views(
            parametrization,
            self.transforms,
            [term for _, term in objective.terms],
            self.activations.input_shape,
            settled(visualizer.steps),
            max_batch_size=visualizer.max_batch_size,
            replicas=visualizer.strategy.num_replicas_in_sync if visualizer.strategy else 1,
        )
        choice = choose_precision(self.activations, views, layers, jit_compile=bool(visualizer.jit_compile))
        self.activations = self.activations.with_precision(choice.precision)
        self.precision_choice = choice
        if verbose:
            print(f"Precision: {choice}")

    def start(self, images: Any, count: int) -> np.ndarray | None:
        """The images that a run starts from, one for each of `count` objectives, in the run's size."""
        if images is None:
            return None
        # An `Explanation` stands for its images.
        *size, channels = self.image_shape
        images = as_images("start", getattr(images, "images", images), channels, size=size)
        if len(images) not in (1, count) or images.shape[-1] != channels:
            raise ValueError(
                f'"start" must hold one image, or one for each of the {count} objectives, of {channels} channel(s). '
                f"Received: shape {images.shape}."
            )
        return np.repeat(fit_images(images, size), count // len(images), axis=0)


def _seeds(seed: Any) -> list[int]:
    if seed is None:
        # Python's generator, so that `keras.utils.set_random_seed` decides it.
        return [random.randrange(2**31)]
    seeds = [check_integer("seed", value, 0, 2**31 - 1) for value in (plain(seed) if np.iterable(seed) else [seed])]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f'"seed" must be one integer, or a list of different ones. Received: {seed!r}.')
    return seeds


def _warn_without_gradient(transparency: np.ndarray, names: list[str]) -> None:
    still = [name for name, values in zip(names, transparency) if not values.any()]
    if still:
        warn_user(
            f"The score of {', '.join(still)} had no gradient at any step, so the image is still its random start. "
            "Possible reasons: the unit is dead at the start (try relu_warmup=16 or another seed), the terms of the "
            "objective cancel, or a part of the model or of the preprocessing cannot be differentiated."
        )


def _warn_without_change(change: np.ndarray, transparency: np.ndarray, names: list[str]) -> None:
    still = [name for name, most, values in zip(names, change, transparency) if most < _LEAST_CHANGE and values.any()]
    if still:
        warn_user(
            f"The image of {', '.join(still)} is still its start, although its score had a gradient. It is so weak "
            "that the epsilon of the optimizer, 1e-7 by default, hides it, or the learning rate is too small. "
            "Multiply the objective, for instance by 1e6."
        )
