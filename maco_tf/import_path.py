"""Functions stored by the path that imports them: "module:qualified name"."""

import importlib
import re
from collections.abc import Callable
from typing import Any

_PATH = re.compile(r"[\w.]+:[\w.]+")


def import_path(function: Any) -> str | None:
    """The path under which a function can be imported again, perhaps in another process.

    Args:
        function: a callable.

    Returns:
        "module:qualified name", or `None` where importing that path does not give the same object; `import_obstacle`
        says why.
    """
    if import_obstacle(function) is not None:
        return None
    return f"{function.__module__}:{function.__qualname__}"


def import_obstacle(function: Any) -> str | None:
    """The reason why a function cannot be imported again, to complete an error message.

    Args:
        function: a callable.

    Returns:
        A clause such as "which is a lambda"; `None` where the function can be imported.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return "which has no name in a module"
    if "<lambda>" in name:
        return "which is a lambda"
    if "<locals>" in name:
        return "which is defined inside another function"
    if module == "__main__":
        return "which is defined in a notebook or a script"
    try:
        found = _resolve(module, name)
    except Exception as error:  # Importing runs the module's code, which may raise anything.
        return f"for which importing {module}:{name} fails with {type(error).__name__}: {error}"
    return None if found is function else f"for which importing {module}:{name} gives another object"


def from_import_path(path: Any, name: str) -> Callable[..., Any]:
    """Import the function that a path names. This runs the code of its module.

    Args:
        path: "module:qualified name", as `import_path` returns it.
        name: the argument's name, for the error.

    Returns:
        The function.

    Raises:
        ValueError: the path is malformed, nothing can be imported from it, or it names something that is not callable.
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ValueError(f'"{name}" must be the import path of a function, "module:name". Received: {path!r}.')
    try:
        function = _resolve(*path.split(":"))
    except Exception as error:  # See `import_obstacle`.
        raise ValueError(
            f'"{name}" must be the import path of a function. Received: {path!r}, and importing it fails with '
            f"{type(error).__name__}: {error}. Install the package or add the folder of the module to PYTHONPATH."
        ) from error
    if not callable(function):
        raise ValueError(
            f'"{name}" must be the import path of a function. Received: {path!r}, which is an object of type '
            f"{type(function).__name__}."
        )
    return function


def _resolve(module: str, qualified_name: str) -> Any:
    found: Any = importlib.import_module(module)
    for part in qualified_name.split("."):
        found = getattr(found, part)
    return found
