"""The zoo's networks by name: those of this package, those that the user registers, and those of `keras.applications`.

To add a network to the package, write a file beside this one that builds it and lists it in `ENTRIES`, and add the
file's name to `_FILES`.
"""

import difflib
import importlib

import keras

from maco_tf.models.zoo.applications import application_names, load_application
from maco_tf.models.zoo.zoo_entry import ZooEntry

_FILES = (
    "efficientnet_lite",
    "mobilenet_v2",
    "squeezenet",
    "vit_s14",
)

_ENTRIES: dict[str, ZooEntry] = {}


def register(entry: ZooEntry) -> None:
    """Add a network to the zoo, so that `load`, `names` and everything that takes a network's name find it.

    Args:
        entry: the network. Registering the same entry again has no effect.

    Raises:
        ValueError: the name belongs to another entry or to a network of `keras.applications`.
    """
    if not isinstance(entry, ZooEntry):
        raise ValueError(f'"entry" must be a ZooEntry. Received: {type(entry).__name__}.')
    if entry.name in application_names() or _ENTRIES.get(entry.name, entry) != entry:
        owner = "keras.applications" if entry.name in application_names() else "another network of the zoo"
        raise ValueError(
            f'"entry" must have a name that is free. Received: {entry.name!r}, which belongs to {owner}. Give it '
            "another name: dataclasses.replace(entry, name=...)."
        )
    _ENTRIES[entry.name] = entry


for _file in _FILES:
    for _entry in importlib.import_module(f"maco_tf.models.zoo.{_file}").ENTRIES:
        register(_entry)


def names() -> list[str]:
    """Names of the networks whose weights come in packages; `load` also takes those of `keras.applications`."""
    return list(_ENTRIES)


def entry(name: str) -> ZooEntry:
    """The description of a network.

    Args:
        name: one of `names()`.

    Returns:
        The network's `ZooEntry`.

    Raises:
        ValueError: the zoo has no such network.
    """
    if name not in _ENTRIES:
        near = difflib.get_close_matches(str(name), [*_ENTRIES, *application_names()], n=3, cutoff=0.4)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ValueError(
            f'"name" must be one of {", ".join(_ENTRIES)}, or a network of keras.applications. '
            f"Received: {name!r}.{hint}"
        )
    return _ENTRIES[name]


def check(name: str) -> None:
    """Check that `load` can find a network, without loading it.

    Args:
        name: see `load`.

    Raises:
        ValueError: there is no such network.
        ImportError: its package is not installed; the message contains the command that installs it.
    """
    if name not in application_names():
        entry(name).path()


def load(name: str) -> keras.Model:
    """Load a pretrained network.

    Args:
        name: one of `names()`, or a network of `keras.applications` such as "ResNet50V2".

    Returns:
        A `keras.Model` from images in [0, 1] to class probabilities; its preprocessing is its first layer. Some
        networks return something else, see `ZooEntry.output`: `vit_s14` has no classes and returns a saliency map.

    Raises:
        ValueError: there is no such network.
        ImportError: its package is not installed; the message contains the command that installs it.
        WeightFileError: its weight file is not the published one.
    """
    if name in application_names():
        return load_application(name)
    return entry(name).load()
