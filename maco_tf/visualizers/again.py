"""A result made again, from its settings, its objective and its seed."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import keras

from maco_tf.checks import warn_user
from maco_tf.images.fitting import as_images
from maco_tf.objectives.objective import Objective
from maco_tf.optimization.callbacks import StopAfter
from maco_tf.visualizers.record import Arrays, decode_objective, digest, stored_array
from maco_tf.visualizers.registry import find_method

# One seed, or the seeds of a batch.
Seed = int | list[int]


class Run(NamedTuple):
    """A run as an explanation holds it: the objective's record, settings, seed, number of steps, number of images.

    The record of an objective may name "rows", the images of the run that are left, or "runs", the runs that were
    joined.
    """

    objective: dict[str, Any] | None
    config: dict[str, Any]
    seed: Seed
    steps: int
    length: int


def select_rows(
    objective: dict[str, Any] | None, config: dict[str, Any], seed: Seed, steps: int, length: int, chosen: Iterable[int]
) -> tuple[dict[str, Any] | None, dict[str, Any], Seed, int]:
    """The record of some images of a run, with the settings, the seed and the number of steps that belong to them.

    If the images are from one of several joined runs, that run is described.
    """
    if objective is None:
        return None, config, seed, steps
    rows = objective.get("rows", list(range(length)))
    rows = [rows[index] for index in chosen]
    found = sorted({run for run, _ in rows}) if "runs" in objective else []
    if len(found) != 1:
        return {**objective, "rows": rows}, config, seed, steps
    run = objective["runs"][found[0]]
    return {**run["objective"], "rows": [row for _, row in rows]}, run["config"], run["seed"], run["steps"]


def join_runs(parts: Iterable[Run]) -> dict[str, Any] | None:
    """The record of several runs: the runs, and for each image its run and its row there; `None` if one is unknown."""
    runs: list[dict[str, Any]] = []
    rows: list[list[int]] = []
    for part in parts:
        if part.objective is None:
            return None
        own, places = part.objective.get("runs"), part.objective.get("rows", range(part.length))
        if own is None:
            record = {key: value for key, value in part.objective.items() if key != "rows"}
            own = [{"objective": record, "config": part.config, "seed": part.seed, "steps": part.steps}]
            places = [[0, row] for row in places]
        runs += [run for run in own if run not in runs]
        rows += [[runs.index(own[run]), row] for run, row in places]
    return {"runs": runs, "rows": rows}


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """Everything that is stored of a run.

    Attributes:
        objective: dictionary, as `encode_objective` returns it.
        config: dictionary, as `Visualizer.config` returns it, with the "start" of the run.
        seed: the seed of the run, or a list of its seeds.
        steps: number of steps done.
        inputs: dictionary, SHA-256 -> array.
    """

    objective: Mapping[str, Any]
    config: Mapping[str, Any]
    seed: Seed
    steps: int
    inputs: Arrays


def run_again(
    record: RunRecord,
    model: keras.Model,
    *,
    objective: Objective | None = None,
    images: Any = None,
    start: Any = None,
    seed: Seed | None = None,
    verbose: int | str = "auto",
    settings: Mapping[str, Any],
) -> Any:
    """Run an optimisation again; see `Explanation.again` for the arguments.

    Returns:
        An `Explanation`.

    Raises:
        ValueError: a value must be given again, or is not the original one; or the method is unknown.
    """
    arrays = {**record.inputs, **_reference_images(record, images)}
    if objective is None:
        objective = decode_objective(record.objective, arrays)
    if model.name != record.config.get("model"):
        warn_user(
            f"The original run explained the model {record.config.get('model')!r}, and this one is {model.name!r}. The "
            "result is another image unless they are the same network."
        )
    kind: Any = find_method(record.config.get("method"))
    visualizer = kind.from_config(model, record.config, arrays=arrays, **settings)
    wanted = record.config.get("magnitude")
    if isinstance(wanted, dict) and visualizer.config()["magnitude"] != wanted:
        raise ValueError('"magnitude" must be that of the original run. Received: another one.')
    begun = record.config.get("start")
    if isinstance(begun, dict) and start is None:
        start = stored_array("start", begun["sha256"], arrays)
    if isinstance(begun, dict) and digest(visualizer.starting_images(start, len(objective))) != begun["sha256"]:
        raise ValueError('"start" must hold the images of the original run. Received: other images.')
    stopped = record.steps < record.config["steps"]
    return visualizer.explain(
        objective,
        seed=record.seed if seed is None else seed,
        start=start,
        callbacks=[StopAfter(record.steps)] if stopped else None,
        verbose=verbose,
    )


def _reference_images(record: RunRecord, given: Any) -> Arrays:
    """The reference images that a user gave again, each checked against its SHA-256."""
    if given is None:
        return {}
    keys = [config["config"].get("images") for _, config in record.objective.get("terms", [])]
    wanted = [key for key in keys if isinstance(key, str)]
    each = given if isinstance(given, list | tuple) and len(wanted) > 1 else [given]
    arrays = {digest(array): array for array in (as_images("images", item) for item in each)}
    missing = [key for key in wanted if key not in {*arrays, *record.inputs}]
    if missing or not set(arrays) <= set(wanted):
        raise ValueError(
            f'"images" must hold the images of the original run, which has {len(wanted)} reference term(s). Received: '
            "other images."
        )
    return arrays
