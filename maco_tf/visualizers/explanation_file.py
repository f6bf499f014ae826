"""An explanation as the arrays and the JSON of its file, and back."""

from typing import Any

import numpy as np

from maco_tf.visualizers.recording import Recording
from maco_tf.visualizers.term_scores import pack, unpack


def to_archive(explanation: Any, *, inputs: bool) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The contents of an explanation's file.

    Args:
        explanation: an `Explanation`.
        inputs: whether to include its reference images, start and magnitude.

    Returns:
        Dictionary, name -> array; and a dictionary, as JSON.
    """
    arrays = {name: getattr(explanation, name) for name in ("images", "transparency", "scores")}
    record = {name: getattr(explanation, name) for name in ("names", "config", "seed", "objective")}
    arrays["term_scores"], record["term_names"] = pack(explanation.term_scores)
    if inputs:
        arrays |= {f"input_{key}": value for key, value in explanation.inputs.items()}
    if explanation.recording is not None:
        arrays["frames"], record["frame_steps"] = explanation.recording.frames, explanation.recording.steps
    return arrays, record


def from_archive(arrays: dict[str, np.ndarray], record: dict[str, Any]) -> dict[str, Any]:
    """The fields of an explanation; the inverse of `to_archive`.

    Args:
        arrays: dictionary, name -> array. Files of earlier versions lack some.
        record: dictionary, as JSON.

    Returns:
        Dictionary, name of a field -> value.

    Raises:
        KeyError, ValueError: the arrays and the record do not belong together.
    """
    fields = {**arrays, **record}
    fields["inputs"] = {key.removeprefix("input_"): fields.pop(key) for key in arrays if key.startswith("input_")}
    if "term_names" in fields:
        fields["term_scores"] = unpack(fields["term_scores"], fields.pop("term_names"))
    if "frames" in fields:
        fields["recording"] = Recording(fields.pop("frames"), fields.pop("frame_steps"))
    return fields
