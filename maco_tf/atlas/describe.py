"""The manifest of an atlas: the model, the method, and what is explained."""

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from maco_tf.atlas.manifest import checksum
from maco_tf.atlas.unit import Unit
from maco_tf.atlas.unit_specs import class_names
from maco_tf.exemplars.source import ImageSource
from maco_tf.models.digests import weights_digest
from maco_tf.objectives.layer_table import layers
from maco_tf.objectives.objective import Objective
from maco_tf.version import __version__
from maco_tf.visualizers.record import encode, encode_objective
from maco_tf.visualizers.visualizer import Visualizer

# Settings that have no influence on an image.
_NAMES = ("class_names",)


def describe(
    visualizer: Visualizer,
    units: Sequence[Unit],
    specs: Iterable[Objective | str],
    *,
    seeds: Sequence[int],
    batch: int,
    concepts: int,
    concept_classes: Sequence[int],
    grid: Sequence[str],
    images: ImageSource | None,
    model_name: str,
    command: str,
) -> dict[str, Any]:
    """The manifest of an atlas.

    Args:
        visualizer: the visualizer.
        units: the units that the specs name.
        specs: texts and objectives, as the user gave them.
        seeds: the seeds.
        batch: the most images of a chunk.
        concepts: number of concepts of a class.
        concept_classes: the classes whose concepts are found.
        grid: the layers that get an activation grid.
        images: the natural images.
        model_name: how a command names the model.
        command: the command that builds the atlas; empty if it was built from Python.

    Returns:
        Dictionary, as JSON.
    """
    model, explained = visualizer.model, {unit.layer for unit in units} | set(grid)
    settings = {name: value for name, value in visualizer.config().items() if name not in _NAMES}
    return {
        "format": "maco_tf atlas",
        "version": 1,
        "title": model.name,
        "model": {
            "name": model.name,
            "input_shape": list(visualizer.activations.input_shape),
            "classes": class_names(visualizer),
            "weights": weights_digest(model),
            "layers": [
                {
                    "name": layer.path,
                    "type": layer.kind,
                    "shape": None if layer.shape is None else list(layer.shape),
                    "units": layer.units,
                    "explained": layer.path in explained,
                }
                for layer in layers(model, input_shape=visualizer.activations.input_shape)
            ],
        },
        "method": type(visualizer).__name__,
        "settings": settings,
        "units": [spec if isinstance(spec, str) else _objective(spec) for spec in specs],
        "seeds": list(seeds),
        "batch": batch,
        "concepts": concepts,
        "concept_classes": list(concept_classes),
        "grid": list(grid),
        "images": None if images is None else {"count": images.count, "digest": images.digest()},
        "versions": package_versions(),
        "command": command,
        "explain": explain_command(visualizer, model_name),
    }


def package_versions() -> dict[str, str]:
    """The versions of the packages that results depend on."""
    return {"maco_tf": __version__, "tensorflow": tf.__version__, "keras": keras.__version__}


def explain_command(visualizer: Visualizer, model_name: str) -> str | None:
    """The command `maco-tf explain` with the settings of a visualizer, without objective, seed and output.

    Args:
        visualizer: the visualizer.
        model_name: how a command names the model.

    Returns:
        The command; `None` if the method is a user's own, or a setting is neither text nor numbers, such as a
        `Magnitude`.
    """
    if not type(visualizer).__module__.startswith("maco_tf."):
        return None
    words = ["maco-tf", "explain", "--model", model_name, "--method", visualizer.method]
    defaults = type(visualizer).__dataclass_fields__
    for name in visualizer.names():
        value = encode(getattr(visualizer, name), {})
        if value == defaults[name].default or name in _NAMES:
            continue
        if any(isinstance(part, dict) for part in (value if isinstance(value, list) else [value])):
            return None
        words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def _objective(objective: Objective) -> dict[str, Any]:
    """An objective by its names and a hash, because directions are long."""
    names = objective.names
    return {"names": names[:3], "count": len(names), "digest": checksum(encode_objective(objective, {}))}
