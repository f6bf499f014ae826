"""Visualizer: what every method does with its settings, from an objective to an explanation."""

import dataclasses
import difflib
import inspect
from collections.abc import Collection, Sequence
from typing import Any, Literal, NoReturn

import keras
import numpy as np

from maco_tf.models.activations import Activations
from maco_tf.objectives.objective import Objective
from maco_tf.optimization.profile import Profile
from maco_tf.version import __version__
from maco_tf.visualizers.engine import Engine
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.method import Method
from maco_tf.visualizers.precision_choice import PrecisionChoice
from maco_tf.visualizers.record import Arrays, digest, encode_objective
from maco_tf.visualizers.term_scores import scores_by_term

# To type checkers, the `sum` of a list of objectives may be 0, which is refused at run time.
AnyObjective = Objective | Literal[0]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Visualizer(Method):
    """The base of all methods.

    A new method is a frozen dataclass that derives from this class. It declares its name as the class attribute
    `method`, its own settings as fields, its `recipes` as dictionaries of settings, and up to three functions, which
    see resolved settings: `parametrization`, `views` and `default_optimizer`. Defining the class registers it, so that
    the command line and the benchmark find it by name.

    Args: see `Settings`.
    """

    _engine: Engine = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        automatic = [name for name in ("jit_compile", "max_batch_size") if getattr(self, name) == "auto"]
        self._keep(_engine=Engine(self.resolved, self._activations, automatic))

    @property
    def activations(self) -> Activations:
        """The model as a function from images in [0, 1] to activations."""
        return self._engine.activations

    @property
    def precision_choice(self) -> PrecisionChoice | None:
        """The measurement behind the precision "auto"; `None` before the first explanation."""
        return self._engine.precision_choice

    @property
    def traces(self) -> int:
        """How often a step was traced so far: once for each structure and batch size of an objective."""
        return self._engine.traces

    def config(self) -> dict[str, Any]:
        config, choice = {**super().config(), **self._engine.changed}, self.precision_choice
        if choice is None:
            return config
        return {**config, "precision": choice.precision, "precision_choice": f"auto: {choice}"}

    def check(self, objective: AnyObjective) -> None:
        """Refuse an objective that does not fit the model, without computing anything.

        Args:
            objective: an `Objective`.

        Raises:
            ValueError: the argument is not an objective, or names a layer or a unit that the model does not have.
        """
        self._engine.check(objective)

    def explain(
        self,
        objective: AnyObjective,
        *,
        seed: int | Sequence[int] | None = None,
        start: Any = None,
        callbacks: keras.callbacks.Callback | Sequence[keras.callbacks.Callback] | None = None,
        verbose: int | str = "auto",
        record: int | None = None,
        **unknown: NoReturn,
    ) -> Explanation:
        """Optimise one image for each objective of a batch.

        Args:
            objective: an `Objective`.
            seed: integer from 0 to 2**31 - 1; equal seeds give equal results on one machine. `None` draws a seed, which
                the result reports. A list of seeds makes the images of all objectives with the first seed, then with
                the second and so on, in one batch. They are the images of separate runs, up to rounding, unless a
                `Diversity` or `Alignment` compares them, or the model or a Keras layer among the transforms draws
                random numbers.
            start: images to start from instead of a random start: an image for each objective, (batch, height, width,
                channels), one image for all, or an `Explanation`. Integers count from 0 to 255, floating-point values
                lie in [0, 1]. The centre is resized to the image's size. MACO starts from the phase and keeps its own
                magnitude; the baselines start from the image itself. A small learning rate, such as 0.05 for MACO,
                stays near the image.
            callbacks: a `keras.callbacks.Callback`, or a list of them. To a callback, every step is an epoch of one
                batch; `self.model` is the run in progress, with `images()`, `scores()` and `stop_training`. Keras's
                callbacks that monitor a value find it under "score".
            verbose: 0 is silent; 1 or "auto" shows a progress bar, and 2 shows its last line.
            record: number of steps between two frames of a film, which the result keeps as 8-bit images: the start,
                the end, and what lies between. All frames together take at most 256 MB, as thumbnails if need be.
                `None` records nothing.

        Returns:
            An `Explanation`. After Ctrl-C, it holds the images as they are after the current step. A second Ctrl-C
            raises.

        Raises:
            ValueError: the objective does not fit the model, or `start` does not fit the objective. This is found
                before anything is computed.
            FloatingPointError: a score or an image is not finite.
            TypeError: a setting of the visualizer, or an unknown argument.
        """
        self._refuse(unknown)
        outcome = self._engine.run(objective, seed, start, callbacks, verbose, record)
        arrays: Arrays = dict(self._arrays)
        begun: str | dict[str, str] = "random"
        if outcome.start is not None:
            begun = {"sha256": digest(outcome.start)}
            arrays[begun["sha256"]] = outcome.start
        names = outcome.objective.names
        if len(outcome.seeds) > 1:
            names = [f"{name}, seed {seed}" for seed in outcome.seeds for name in names]
        return Explanation(
            images=outcome.images,
            transparency=outcome.transparency,
            names=names,
            scores=outcome.terms.sum(axis=-1),
            config={
                "maco_tf": __version__,
                "model": self.model.name,
                **self.config(),
                "start": begun,
                "interrupted": outcome.interrupted,
            },
            seed=outcome.seeds[0] if len(outcome.seeds) == 1 else outcome.seeds,
            objective=encode_objective(outcome.objective, arrays),
            inputs=arrays,
            term_scores=scores_by_term(outcome.objective, outcome.terms),
            recording=outcome.recording,
        )

    def _refuse(self, unknown: Collection[str]) -> None:
        """Say where a setting belongs that was given to `explain`."""
        for name in unknown:
            if name in self.names():
                hint = f"It is a setting: use dataclasses.replace(visualizer, {name}=...).explain(objective)."
            else:
                near = difflib.get_close_matches(name, [*inspect.signature(self.explain).parameters][:-1], 1)
                hint = f"Did you mean {near[0]}?" if near else "Settings belong to the visualizer."
            raise TypeError(f"explain has no argument {name!r}. {hint}")

    def starting_images(self, start: Any, count: int) -> np.ndarray | None:
        """The images that a run starts from.

        Args:
            start: see `explain`.
            count: number of objectives.

        Returns:
            Array (count, height, width, channels), float32 in [0, 1], of the run's size; `None` for a random start.

        Raises:
            ValueError: the images do not fit.
        """
        return self._engine.start(start, count)

    def profile(self, objective: AnyObjective, *, repeats: int = 5) -> Profile:
        """Measure where the time of a step goes: the model, the views, the parametrization, the optimizer.

            print(visualizer.profile(Logit("pug")))

        Args:
            objective: an `Objective`.
            repeats: how often each part runs; the result holds medians.

        Returns:
            A `maco_tf.optimization.Profile` in seconds; `print` shows a table.

        Raises:
            ValueError: as `explain`, or `repeats` is below 1.
        """
        return self._engine.profile(objective, repeats)
