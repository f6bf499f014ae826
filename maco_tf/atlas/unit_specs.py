"""From texts such as "logit:*" and "channel:block5b_add:0-95", or from objectives, to units."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from maco_tf.atlas.unit import Unit, channel_key, logit_key, padded_number, safe_name
from maco_tf.models.activations import LOGITS, Activations
from maco_tf.models.layers import find_layer
from maco_tf.objectives.channel import Channel
from maco_tf.objectives.imagenet_labels import class_index, labels
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.neuron import Neuron
from maco_tf.objectives.objective import Objective
from maco_tf.visualizers.visualizer import Visualizer

#: The units of an atlas: texts, objectives of any length, or both.
Specs = Objective | str | Sequence[Objective | str]

_GRAMMAR = (
    'Write "logit:*", "logit:3,7,10-20", "logit:golfcart", "channel:LAYER:*", "channel:LAYER:0-95" or '
    '"neuron:LAYER:Y,X,CHANNEL".'
)
_RANGE = re.compile(r"(\d+)-(\d+)")


def find_units(visualizer: Visualizer, specs: Specs) -> list[Unit]:
    """The units that texts and objectives name, each once.

    Args:
        visualizer: the visualizer that will explain them.
        specs: "logit:*" is all classes, "logit:3,7,10-20" some, by number, and "logit:golfcart" one, by name;
            "channel:LAYER:*" and "channel:LAYER:0-95" are channels of a layer; "neuron:LAYER:Y,X,CHANNEL" is a single
            value. Or objectives of any length.

    Returns:
        List of `Unit`s in the order of the specs.

    Raises:
        ValueError: a text does not follow this grammar, an entry is something else, or the model does not have a unit.
    """
    listed = [specs] if isinstance(specs, str | Objective) else list(specs)
    if not listed:
        raise ValueError(f'"units" must name at least one unit. Received: none. {_GRAMMAR}')
    found: dict[str, Unit] = {}
    for spec in listed:
        for unit in _units(visualizer, spec, len(found)):
            found.setdefault(unit.key, unit)
    return list(found.values())


def class_names(visualizer: Visualizer) -> list[str] | None:
    """The names of the model's classes, if the visualizer knows them."""
    names = visualizer.resolved.class_names
    return labels() if isinstance(names, str) else None if names is None else list(names)


def class_numbers(visualizer: Visualizer, text: str) -> list[int]:
    """Classes by their numbers and names.

    Args:
        visualizer: a `Visualizer`.
        text: "*", or numbers, ranges and names with commas between them.

    Returns:
        List of integers, each once.

    Raises:
        ValueError: the model has no such class.
    """
    count = _class_count(visualizer.activations)
    return _numbers(text, count, f"logit:{text}", lambda name: class_index(name, class_names(visualizer)))


def planned_keys(manifest: Mapping[str, Any]) -> set[str]:
    """The keys of the units that the texts of a manifest name, without the model.

    Args:
        manifest: dictionary, the manifest of an atlas.

    Returns:
        Set of keys. Objectives are left out, and so are texts with a layer or a number of classes that the manifest
        does not tell.
    """
    model = manifest.get("model") or {}
    shapes = {layer["name"]: tuple(layer["shape"] or ()) for layer in model.get("layers", [])}
    found: set[str] = set()
    for spec in manifest.get("units", []):
        if isinstance(spec, str):
            with contextlib.suppress(ValueError):
                found |= set(_keys(spec, shapes, model.get("classes")))
    return found


def _keys(spec: str, shapes: Mapping[str, tuple[Any, ...]], names: Sequence[str] | None) -> list[str]:
    kind, _, rest = spec.partition(":")
    layer, _, numbers = rest.rpartition(":")
    output = (len(names),) if names else (list(shapes.values()) or [()])[-1]
    shape = shapes.get(layer, ()) if layer else output
    if not shape or None in shape or (not layer and len(shape) > 1):
        raise ValueError(f"The manifest does not tell how many units {spec!r} can name.")
    if not layer:
        indices = _numbers(numbers, shape[0], spec, lambda name: class_index(name, names))
        return [logit_key(index, shape[0]) for index in indices]
    if kind == "neuron":
        return [_neuron(layer, shape, numbers, spec).key]
    return [channel_key(layer, index, shape[-1]) for index in _numbers(numbers, shape[-1], spec)]


def _units(visualizer: Visualizer, spec: Any, position: int) -> Iterator[Unit]:
    if isinstance(spec, Objective):
        visualizer.check(spec)
        for number, objective in enumerate(spec):
            yield _unit_of(visualizer, objective, position + number)
        return
    if not isinstance(spec, str):
        raise ValueError(f'"units" must be texts or objectives. Received: {spec!r}. {_GRAMMAR}')
    kind, _, rest = spec.partition(":")
    layer, _, numbers = rest.rpartition(":")
    if kind == "logit" and rest and not layer:
        for index in class_numbers(visualizer, rest):
            yield _logit(visualizer, index)
    elif kind in ("channel", "neuron") and layer and numbers:
        path, shape = _layer(visualizer, layer)
        if kind == "channel":
            for index in _numbers(numbers, shape[-1], spec):
                yield _channel(path, shape, index)
        else:
            yield _neuron(path, shape, numbers, spec)
    else:
        raise ValueError(f'"units" must name logits, channels or neurons. Received: {spec!r}. {_GRAMMAR}')


def _logit(visualizer: Visualizer, index: int) -> Unit:
    names, count = class_names(visualizer), _class_count(visualizer.activations)
    name = f"logit {index}" if names is None or index >= len(names) else names[index]
    return Unit(logit_key(index, count), "logit", None, index, name, Logit(index, names=[name]))


def _channel(layer: str, shape: tuple[int, ...], index: int) -> Unit:
    return Unit(
        channel_key(layer, index, shape[-1]), "channel", layer, index, f"{layer}:{index}", Channel(layer, index)
    )


def _neuron(layer: str, shape: tuple[int, ...], text: str, spec: str) -> Unit:
    parts = [part.strip() for part in text.split(",")]
    inside = len(parts) == len(shape) and all(
        part.isdecimal() and int(part) < size for part, size in zip(parts, shape, strict=True)
    )
    if not inside:
        sizes = " x ".join(map(str, shape))
        raise ValueError(
            f'"units" must name a neuron of {layer} by {len(shape)} numbers, counted from 0; its activations are '
            f"{sizes}. Received: {spec!r}."
        )
    place = tuple(map(int, parts))
    number = "-".join(padded_number(part, size) for part, size in zip(place, shape, strict=True))
    objective = Neuron(layer, place if len(place) > 1 else place[0])
    index = int(np.ravel_multi_index(place, shape))
    return Unit(f"neuron/{safe_name(layer)}/{number}", "neuron", layer, index, f"{layer}:{text}", objective)


def _unit_of(visualizer: Visualizer, objective: Objective, position: int) -> Unit:
    """The unit of an objective: a class or a channel where it is one, and otherwise a unit of its own kind."""
    (weight, term), *others = objective.terms
    if not others and np.all(np.asarray(weight) == 1):
        names = class_names(visualizer)
        if type(term) is Logit and term.layer == LOGITS:
            named = term if names is None else term.named(names)
            return _logit(visualizer, int(named.parameters["index"][0]))
        if type(term) is Channel and term.tokens == "patch":
            return _channel(*_layer(visualizer, term.layer), int(term.parameters["index"][0]))
    name = objective.names[0]
    layer = str(term.layer) if isinstance(term.layer, str) and not term.layer.startswith("<") else None
    return Unit(f"objective/{position:05d}-{safe_name(name)}", "objective", layer, position, name, objective)


def _layer(visualizer: Visualizer, layer: str | int) -> tuple[str, tuple[int, ...]]:
    """The path and the shape of a layer."""
    path, _ = find_layer(visualizer.model, layer)
    shape = visualizer.activations.shapes([path])[path]
    if not shape or any(size is None for size in shape):
        raise ValueError(f'"units" must name layers of known shape. Received: {layer!r}, of shape {shape}.')
    return path, tuple(size for size in shape if size is not None)


def _class_count(activations: Activations) -> int:
    shape = activations.shapes([LOGITS])[LOGITS]
    if len(shape) > 1 or None in shape:
        raise ValueError(
            f'"units" must not name logits unless the model is a classifier. Received: a model whose output is {shape}.'
        )
    return int(shape[0] or 1) if shape else 1


def _numbers(text: str, count: int, spec: str, by_name: Callable[[str], int] | None = None) -> list[int]:
    """Numbers, ranges, names and "*", with commas between them."""
    found: list[int] = []
    for part in map(str.strip, text.split(",")):
        if part == "*":
            found += range(count)
        elif part.isdecimal():
            found.append(int(part))
        elif bounds := _RANGE.fullmatch(part):
            found += range(int(bounds[1]), int(bounds[2]) + 1)
        elif by_name is not None and part:
            found.append(by_name(part))
        else:
            raise ValueError(f'"units" must hold numbers, ranges or "*". Received: {part!r} in {spec!r}. {_GRAMMAR}')
    if not found or max(found) >= count:
        received = f"{max(found)} in {spec!r}" if found else f"none in {spec!r}"
        raise ValueError(f'"units" must be numbers in 0..{count - 1}. Received: {received}.')
    return list(dict.fromkeys(found))
