"""The manifest of an atlas: all settings that its results depend on, and checksums of JSON."""

import hashlib
import json
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Manifests that differ only in these describe the same results. Keras numbers the names of models and layers that have
# none, so they differ if a model is made twice.
_DESCRIPTIVE = ("digest", "title", "versions", "command", "explain")
_DESCRIPTIVE_OF_MODEL = ("name", "layers")


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """A dictionary as JSON reads it back: tuples become lists, and keys become text."""
    return json.loads(json.dumps(value, allow_nan=False))


def readable(value: Mapping[str, Any]) -> bytes:
    """JSON with a line for each entry, which people read, too."""
    lines = (f" {json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}" for name, part in value.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """Read a dictionary.

    Args:
        path: a file of JSON.

    Raises:
        ValueError: the file is damaged; the message names it.
    """
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'"{path.name}" must be JSON. Received: {path}, which is damaged ({error}).') from error
    if not isinstance(value, dict):
        raise ValueError(f'"{path.name}" must hold a dictionary. Received: {path}, which holds {reprlib.repr(value)}.')
    return value


def checksum(value: Mapping[str, Any]) -> str:
    """The SHA-256 of a dictionary as canonical JSON, with sorted keys and no spaces, and without its "checksum".

    Args:
        value: dictionary, as JSON.
    """
    kept = {name: part for name, part in value.items() if name != "checksum"}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """The checksum of all that the results of an atlas depend on.

    Args:
        manifest: dictionary, as JSON. Names, the list of layers, versions of packages and commands are left out.
    """
    return checksum(_decisive(manifest))


def differences(earlier: Any, new: Any) -> list[str]:
    """How two manifests differ.

    Args:
        earlier: dictionary, as JSON.
        new: dictionary, as JSON.

    Returns:
        List of texts such as "settings.steps is 256, and not 64".
    """
    return list(_differences(_decisive(earlier), _decisive(new), ""))


def _decisive(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a manifest that results depend on."""
    kept = {name: value for name, value in manifest.items() if name not in _DESCRIPTIVE}
    if isinstance(kept.get("model"), dict):
        kept["model"] = {name: value for name, value in kept["model"].items() if name not in _DESCRIPTIVE_OF_MODEL}
    return kept


def _differences(earlier: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(earlier, dict) and isinstance(new, dict):
        for name in dict.fromkeys([*earlier, *new]):
            yield from _differences(earlier.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif earlier != new:
        yield f"{path} is {reprlib.repr(earlier)}, and not {reprlib.repr(new)}"
