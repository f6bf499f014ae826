"""A result made again, from its settings, its objective and its seed."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maco_tf.models.images import as_images
from maco_tf.objectives.objective import Objective
from maco_tf.visualizers.record import Arrays, decode_objective, digest, stored_array
from maco_tf.visualizers.registry import find_method

if TYPE_CHECKING:
    from maco_tf.visualizers.explanation import Explanation


def again(
    explanation: "Explanation",
    model: keras.Model,
    objective: Objective | None,
    images: Any,
    start: Any,
    verbose: int | str,
    settings: Mapping[str, Any],
) -> "Explanation":
    """Run an optimisation again; see `Explanation.again` for the arguments."""
    if explanation.objective is None:
        raise ValueError(
            "The explanation must hold its objective. Received: one that an earlier version saved. Call "
            "MacoVisualizer(model, ...).explain(objective, seed=...) instead."
        )
    if "runs" in explanation.objective:
        parts = [
            again(_part(explanation, run), model, None, None, None, verbose, settings)
            for run in explanation.objective["runs"]
        ]
        whole = explanation.concatenate(parts)
        return whole[explanation.objective["rows"]] if "rows" in explanation.objective else whole
    arrays = {**explanation.inputs, **_by_digest("images", images, _missing_images(explanation))}
    if objective is None:
        objective = decode_objective(explanation.objective, arrays)
    kind: Any = find_method(explanation.config.get("method"))
    visualizer = kind.from_config(model, explanation.config, arrays=arrays, **settings)
    wanted = explanation.config.get("magnitude")
    if isinstance(wanted, dict) and visualizer.config()["magnitude"] != wanted:
        raise ValueError('"magnitude" must be that of the original run. Received: another one.')
    begun = explanation.config.get("start")
    if isinstance(begun, dict) and start is None:
        start = stored_array("start", begun["sha256"], arrays)
    steps = len(explanation.scores)
    stopped = steps < explanation.config["steps"]
    made = visualizer.explain(
        objective,
        seed=explanation.seed,
        start=start,
        callbacks=[_StopAfter(steps)] if stopped else None,
        verbose=verbose,
    )
    if isinstance(begun, dict) and made.config["start"] != begun:
        raise ValueError('"start" must hold the images of the original run. Received: other images.')
    return made[explanation.objective["rows"]] if "rows" in explanation.objective else made


def _part(explanation: "Explanation", run: Mapping[str, Any]) -> "Explanation":
    """One of the runs that `concatenate` joined, without its images."""
    empty = np.zeros((run["steps"], len(run["names"])), "float32")
    return dataclasses.replace(
        explanation,
        names=run["names"],
        scores=empty,
        config=run["config"],
        seed=run["seed"],
        objective=run["objective"],
    )


def _missing_images(explanation: "Explanation") -> list[str]:
    """SHA-256 of the reference images whose arrays are not here, in the order of the terms."""
    keys = [config["config"].get("images") for _, config in (explanation.objective or {}).get("terms", [])]
    return [key for key in keys if isinstance(key, str) and key not in explanation.inputs]


def _by_digest(name: str, given: Any, missing: list[str]) -> Arrays:
    """The arrays that a user gave again, each checked against its SHA-256."""
    if given is None:
        return {}
    each = list(given) if isinstance(given, list | tuple) and len(missing) > 1 else [given]
    arrays = {digest(array): array for array in (as_images(name, item) for item in each)}
    wrong = [key for key in missing if key not in arrays]
    if wrong:
        raise ValueError(f'"{name}" must hold the images of the original run. Received: other images.')
    return arrays


class _StopAfter(keras.callbacks.Callback):
    """Stops a run as early as the original one stopped."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 >= self._steps:
            self.model.stop_training = True
