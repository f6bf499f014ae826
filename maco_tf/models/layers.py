"""Layers of any Keras 3 model by name, path or index, nested and subclassed models included."""

import difflib
import numbers

import keras


def layer_paths(model: keras.Model) -> dict[str, keras.Operation]:
    """All layers and operations of a model.

    Args:
        model: a model of any kind.

    Returns:
        Dictionary, path -> layer or operation. A path joins the names from the model downwards by "/", which Keras does
        not allow inside a name. Siblings that share a name are numbered: "name@1", "name@2".
    """
    paths: dict[str, keras.Operation] = {}

    def visit(parent: keras.Operation, prefix: str) -> None:
        children = _children(parent)
        names = [child.name for child in children]
        for index, child in enumerate(children):
            path = f"{prefix}{child.name}"
            if names.count(child.name) > 1:
                path += f"@{names[: index + 1].count(child.name)}"
            paths[path] = child
            visit(child, f"{path}/")

    visit(model, "")
    return paths


def find_layer(model: keras.Model, reference: str | int) -> tuple[str, keras.Operation]:
    """Find the layer or operation that a reference means.

    Args:
        model: the model.
        reference: a name; a path such as "backbone/block5_add", or the end of a path; or an index into `model.layers`.

    Returns:
        `(path, layer)`.

    Raises:
        ValueError: no layer matches, or several do; the message suggests names or lists the paths.
    """
    if isinstance(reference, keras.Operation):
        raise ValueError(
            f'"layer" must be a name, not the layer itself. Received: {reference!r}. Give its name or path.'
        )
    if isinstance(reference, numbers.Integral) and not isinstance(reference, bool):
        layers = model.layers
        if not -len(layers) <= reference < len(layers):
            raise ValueError(
                f'"layer" must be an index into the {len(layers)} layers of {model.name!r}. Received: {reference}.'
            )
        return layers[reference].name, layers[reference]
    paths = layer_paths(model)
    if reference in paths:
        return reference, paths[reference]
    found = {
        id(layer): (path, layer)
        for path, layer in paths.items()
        if f"/{path}".endswith(f"/{reference}") or f"/{path.rpartition('@')[0]}".endswith(f"/{reference}")
    }
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise ValueError(
            f'"layer" must name one layer of {model.name!r}. Received: {reference!r}, which may be '
            f"{', '.join(path for path, _ in found.values())}. Give the path."
        )
    candidates = {*paths, *(path.rsplit("/", 1)[-1] for path in paths)}
    near = difflib.get_close_matches(str(reference), candidates, n=5, cutoff=0.5)
    hint = f"Did you mean {', '.join(near)}?" if near else f"Its last layers are {', '.join(list(paths)[-5:])}."
    raise ValueError(f'"layer" must name a layer of {model.name!r}. Received: {reference!r}. {hint}')


def _children(parent: keras.Operation) -> list[keras.Operation]:
    """The direct sublayers, and the operations of a functional graph that are not layers (`x + y`)."""
    if not isinstance(parent, keras.Layer):
        return []
    # Keras has no public method that lists the sublayers of a layer that is not a model.
    children = list(parent._flatten_layers(include_self=False, recursive=False))
    known = {id(child) for child in children}
    return children + [op for op in getattr(parent, "operations", ()) if id(op) not in known]
