"""How an item can be made again, in the words of its page."""

import json
from collections.abc import Mapping
from typing import Any


def command_and_note(manifest: Mapping[str, Any], item: Mapping[str, Any]) -> tuple[str | None, str]:
    """The command that makes an item again, and what is to be known about it.

    Args:
        manifest: the manifest of the atlas.
        item: the record of the item.

    Returns:
        The command, or `None` if there is none; and a sentence with a space at its end, or nothing.
    """
    if item.get("command"):
        if item.get("batch", 1) == 1:
            return item["command"], ""
        place = item["place"] + 1
        return item["command"], f"The command makes {item['batch']} images at once; this is number {place}. "
    if manifest.get("command"):
        return manifest["command"], "There is no command for this unit alone; this command builds the whole atlas. "
    return None, "The atlas was built from Python, so there is no command; the record holds the objective. "


def shown_settings(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings of the method as text, without those that are not set.

    Args:
        manifest: the manifest of the atlas.
    """
    return [
        (name.replace("_", " "), value if isinstance(value, str) else json.dumps(_plain(value)))
        for name, value in manifest["settings"].items()
        if value is not None
    ]


def _plain(value: Any) -> Any:
    """A setting without the packing of Keras."""
    if isinstance(value, dict) and set(value) == {"keras"}:
        return value["keras"].get("config", value)
    return value
