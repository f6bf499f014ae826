"""Finding a layer in any Keras 3 model, nested and subclassed ones included."""

import difflib
import numbers

import keras


def layer_paths(model):
    """Every layer and operation of a model.

    Args:
        model: a `keras.Model` of any kind.

    Returns:
        Dictionary, path -> layer or operation; the path holds the names from the model down, joined by "/".
        Keras allows no "/" inside a name. Siblings of one name are told apart as "name@1", "name@2".
    """
    paths = {}

    def visit(parent, prefix):
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


def find_layer(model, reference):
    """The layer or operation that a reference means.

    Args:
        model: a `keras.Model`.
        reference: a name; a path "backbone/block5_add", or the end of one; or an index into `model.layers`.

    Returns:
        `(path, layer)`.

    Raises:
        ValueError: nothing or more than one thing has that name; the message has the nearest names.
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


def _children(parent):
    """The direct sublayers, and the operations of a functional graph that are no layers (`x + y`)."""
    if not isinstance(parent, keras.Layer):
        return []
    # Keras has no public way to list the sublayers of a layer that is no model.
    children = list(parent._flatten_layers(include_self=False, recursive=False))
    known = {id(child) for child in children}
    return children + [op for op in getattr(parent, "operations", ()) if id(op) not in known]
