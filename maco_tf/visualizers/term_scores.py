"""The scores of the terms of an objective, for each image of an explanation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from maco_tf.objectives.objective import Objective

# For each image, the weighted name of a term -> array (steps,), float32.
TermScores = list[dict[str, np.ndarray]]


def scores_by_term(objective: Objective, scores: np.ndarray) -> TermScores:
    """Name what each term adds to the scores of a run.

    Args:
        objective: an `Objective`.
        scores: array (steps, batch, terms), float32; the batch is a multiple of the objective's length.

    Returns:
        For each image a dictionary, such as `{"pug": array(steps,), "-0.5 * total variation": array(steps,)}`. Terms
        of the same name and weight are added up, and terms of weight 0 are left out, unless there is only one.
    """
    length = len(objective)
    named: TermScores = [{} for _ in range(scores.shape[1])]
    for number, (weights, term) in enumerate(objective.terms):
        for image, by_name in enumerate(named):
            index = image % length
            weight = float(np.broadcast_to(weights, length)[index])
            if weight or len(objective.terms) == 1:
                name = term.names[index % len(term)]
                name = name if weight == 1 else f"{weight:g} * {name}"
                by_name[name] = by_name.get(name, 0) + scores[:, image, number]
    return named


def padded(scores: np.ndarray, steps: int) -> np.ndarray:
    """Cut scores to a number of steps, or lengthen them by NaN along the first axis."""
    missing = max(0, steps - len(scores))
    return np.pad(scores, ((0, missing), *[(0, 0)] * (scores.ndim - 1)), constant_values=np.nan)[:steps]


def padded_terms(scores: TermScores, steps: int) -> TermScores:
    """The scores of terms, cut or lengthened as `padded` does it."""
    return [{name: padded(values, steps) for name, values in by_name.items()} for by_name in scores]


def pack(scores: TermScores) -> tuple[np.ndarray, list[list[str]]]:
    """Turn scores into one array and names, for a file.

    Args:
        scores: scores of equal length.

    Returns:
        Array (all terms, steps), float32, image after image; and the names of each image's terms.
    """
    rows = [values for by_name in scores for values in by_name.values()]
    return np.array(rows, "float32"), [list(by_name) for by_name in scores]


def unpack(array: np.ndarray, names: Sequence[Sequence[str]]) -> TermScores:
    """Turn an array and names from a file back into scores; the inverse of `pack`.

    Raises:
        ValueError: the array does not have a row for each name.
    """
    count = sum(map(len, names))
    if array.shape[:1] != (count,):
        raise ValueError(f"the scores of terms have shape {array.shape}, for {count} names")
    rows: Any = iter(array)
    return [{name: next(rows) for name in of_image} for of_image in names]
