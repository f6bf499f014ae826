"""The methods by name. A visualizer registers itself when its class is defined."""

from typing import Any

_METHODS: dict[str, type] = {}


def register(kind: type, name: Any) -> None:
    """Make a method known by name.

    Args:
        kind: the visualizer's class. A class that is defined again, as in a notebook's cell, replaces the earlier one.
        name: its name.

    Raises:
        ValueError: the name is not text, or another class has it.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f'"method" must be a name. Received: {name!r}, in the class {kind.__qualname__}.')
    for known, other in _METHODS.items():
        same = (other.__module__, other.__qualname__) == (kind.__module__, kind.__qualname__)
        if known.lower() == name.lower() and not same:
            raise ValueError(
                f'"method" must be a name that no other visualizer has. Received: {name!r}, in the class '
                f"{kind.__qualname__}, but {other.__module__}.{other.__qualname__} has it."
            )
    _METHODS[name] = kind


def methods() -> dict[str, type]:
    """All methods: dictionary, name -> class, in the order of their definition."""
    return dict(_METHODS)


def find_method(name: Any) -> type:
    """The visualizer of a name.

    Args:
        name: a registered name, in any case.

    Returns:
        The class.

    Raises:
        ValueError: no method has this name.
    """
    for known, kind in _METHODS.items():
        if isinstance(name, str) and known.lower() == name.lower():
            return kind
    raise ValueError(
        f'"method" must be one of {", ".join(_METHODS)}. Received: {name!r}. If it is a method of your own, import its '
        "module first."
    )
