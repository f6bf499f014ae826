"""Explanations as batches: some images of one, and several joined."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from maco_tf.visualizers.again import Run, join_runs, select_rows
from maco_tf.visualizers.recording import join_recordings
from maco_tf.visualizers.term_scores import padded, padded_terms


def run_of(explanation: Any) -> Run:
    """The run of an `Explanation`."""
    return Run(
        explanation.objective, explanation.config, explanation.seed, len(explanation.scores), len(explanation.images)
    )


def selected(explanation: Any, index: Any) -> dict[str, Any]:
    """The fields of an explanation of some images.

    Args:
        explanation: an `Explanation`.
        index: any index of NumPy, a name, or a list of names.

    Returns:
        Dictionary, name of a field -> value.

    Raises:
        IndexError: nothing is selected.
        KeyError: no image has the name.
    """
    chosen = np.atleast_1d(np.arange(len(explanation))[_positions(explanation.names, index)])
    if not len(chosen):
        raise IndexError(f"No image is selected by {index!r} from {len(explanation)}.")
    objective, config, seed, steps = select_rows(*run_of(explanation), chosen)
    terms, recording = explanation.term_scores, explanation.recording
    return {
        "objective": objective,
        "config": config,
        "seed": seed,
        "images": explanation.images[chosen],
        "transparency": explanation.transparency[chosen],
        "names": [explanation.names[i] for i in chosen],
        "scores": explanation.scores[:steps, chosen],
        "term_scores": padded_terms([terms[i] for i in chosen], steps) if terms else [],
        "recording": recording and recording.of(chosen),
    }


def check_joinable(explanations: list[Any]) -> list[Any]:
    """Check that there are explanations, whose images have one size, and return them."""
    if not explanations:
        raise ValueError('"explanations" must hold at least one. Received: none.')
    others = [type(item).__name__ for item in explanations if not hasattr(item, "transparency")]
    if others:
        raise ValueError(f'"explanations" must be a list of Explanations. Received: {", ".join(others[:3])} in it.')
    sizes = sorted({item.images.shape[1:] for item in explanations})
    if len(sizes) > 1:
        raise ValueError(f'"explanations" must have images of one size. Received: {" and ".join(map(str, sizes[:3]))}.')
    return explanations


def joined(explanations: Sequence[Any]) -> dict[str, Any]:
    """The fields of several explanations side by side; see `Explanation.concatenate`."""
    first = explanations[0]
    steps = max(len(item.scores) for item in explanations)
    terms = [one for item in explanations for one in item.term_scores]
    interrupted = any(item.config.get("interrupted", False) for item in explanations)
    return {
        "config": {**first.config, "interrupted": interrupted},
        "images": np.concatenate([item.images for item in explanations]),
        "transparency": np.concatenate([item.transparency for item in explanations]),
        "names": [name for item in explanations for name in item.names],
        "scores": np.concatenate([padded(item.scores, steps) for item in explanations], axis=1),
        "term_scores": padded_terms(terms, steps) if all(item.term_scores for item in explanations) else [],
        "recording": join_recordings([item.recording for item in explanations]),
        "objective": join_runs([run_of(item) for item in explanations]),
        "inputs": {key: value for item in explanations for key, value in item.inputs.items()},
    }


def _positions(names: Sequence[str], index: Any) -> Any:
    """An index of NumPy in place of names."""
    wanted = [index] if isinstance(index, str) else index
    if not isinstance(wanted, list | tuple) or not wanted or not all(isinstance(name, str) for name in wanted):
        return index
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3) or list(names[:5])
            raise KeyError(f"No image has the name {name!r}. There are {', '.join(map(repr, near))}.")
    # A name may belong to several images.
    return [place for name in wanted for place, other in enumerate(names) if other == name]
