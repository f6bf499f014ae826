"""The nearest units of each unit, by their weights where the layer has them, else by their exemplars."""

import json
from collections.abc import Sequence

import keras
import numpy as np

from maco_tf.atlas.natural_images import FEATURES, SECTION
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit
from maco_tf.checks import check_integer
from maco_tf.models.layers import find_layer, layer_paths
from maco_tf.objectives.direction import Direction

#: The file with the neighbours of all units.
FILE = "neighbours.json"

# Number of cosines that are held at once: 64 MB in float32.
_AT_ONCE = 2**24


def write_neighbours(store: Store, model: keras.Model, units: Sequence[Unit], *, count: int = 8) -> None:
    """Write the nearest units of each unit, among those of its kind and layer.

    Units are compared by the cosine of

    - the directions of concepts and of cells;
    - the weights of channels and classes, if their layer has a kernel with one filter for each; the layer of the
      classes is the last one with a kernel;
    - otherwise the features of their exemplars, see `write_natural_images`.

    A unit without any of these, such as a dead one, has no neighbours. The file is written if its content changes.

    Args:
        store: the atlas, with the natural images of the units if there are any.
        model: the model.
        units: all units of the atlas.
        count: number of neighbours of each unit.
    """
    count = check_integer("count", count, 1)
    groups: dict[tuple[str, str | None], list[Unit]] = {}
    for unit in units:
        groups.setdefault((unit.kind, unit.layer), []).append(unit)
    found: dict[str, list[list[str | float]]] = {}
    for group in groups.values():
        vectors = _vectors(store, model, group)
        known = [unit for unit in group if unit.key in vectors]
        if len(known) > 1:
            found |= _nearest([unit.key for unit in known], np.stack([vectors[unit.key] for unit in known]), count)
    content = json.dumps(dict(sorted(found.items())), separators=(",", ":")).encode()
    path = store.folder / FILE
    if not path.is_file() or path.read_bytes() != content:
        store.write_file(FILE, content)


def _nearest(keys: Sequence[str], vectors: np.ndarray, count: int) -> dict[str, list[list[str | float]]]:
    """The keys and cosines of the nearest vectors of each, the nearest first."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = (vectors / np.where(lengths > 0, lengths, 1)).astype("float32")
    found: dict[str, list[list[str | float]]] = {}
    size = max(1, _AT_ONCE // len(rows))
    for start in range(0, len(rows), size):
        # Rounded, so that the order does not depend on how a product is summed.
        cosines = np.round(rows[start : start + size] @ rows.T, 4)
        for place, row in enumerate(cosines, start=start):
            row[place] = -np.inf
            nearest = np.argsort(-row, kind="stable")[:count].tolist()
            found[keys[place]] = [[keys[n], round(float(row[n]), 4)] for n in nearest if n != place]
    return found


def _vectors(store: Store, model: keras.Model, units: Sequence[Unit]) -> dict[str, np.ndarray]:
    """What units of one kind and layer are compared by, as far as it is known."""
    kind, layer = units[0].kind, units[0].layer
    if kind in ("concept", "cell"):
        return {unit.key: vector for unit in units if (vector := _direction(unit)) is not None}
    kernel = _kernel(model, layer) if kind in ("logit", "channel") else None
    if kernel is not None and all(unit.index < kernel.shape[-1] for unit in units):
        filters = kernel.reshape(-1, kernel.shape[-1])
        return {unit.key: filters[:, unit.index] for unit in units}
    paths = {unit.key: store.path(SECTION, unit.key, FEATURES) for unit in units}
    return {key: np.load(path).astype("float32") for key, path in paths.items() if path.is_file()}


def _direction(unit: Unit) -> np.ndarray | None:
    term = unit.objective.terms[0][1]
    return term.parameters["vector"][0].ravel() if isinstance(term, Direction) else None


def _kernel(model: keras.Model, layer: str | None) -> np.ndarray | None:
    """The weights of a layer with one filter for each channel of its output, by default of the last with a kernel."""
    if layer is None:
        operations = [operation for operation in layer_paths(model).values() if hasattr(operation, "kernel")]
        operation = operations[-1] if operations else None
    else:
        operation = find_layer(model, layer)[1]
    # The filters of other layers are not the last axis of the kernel.
    if not isinstance(operation, keras.layers.Dense | keras.layers.Conv2D):
        return None
    return np.asarray(operation.kernel, "float32")
