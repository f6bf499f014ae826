"""Really trained networks, by name.

model = maco_tf.models.zoo.load("efficientnet_lite0")  # from a package of the Python registry
model = maco_tf.models.zoo.load("ResNet50V2")  # from keras.applications, downloaded by Keras
model = maco_tf.models.zoo.flexivit("flexivit_b_i1k.npz")  # from a checkpoint of your own
"""

import difflib

from maco_tf.models.zoo.applications import application_names, load_application
from maco_tf.models.zoo.catalogue import ENTRIES
from maco_tf.models.zoo.entry import ZooEntry
from maco_tf.models.zoo.flexivit import flexivit
from maco_tf.models.zoo.weight_files import WeightFileError

__all__ = ["WeightFileError", "ZooEntry", "check", "entry", "flexivit", "load", "names"]


def names():
    """Names of the networks whose weights come in packages; those of `keras.applications` work too."""
    return list(ENTRIES)


def entry(name):
    """What is known of a network.

    Args:
        name: one of `names()`.

    Returns:
        A `ZooEntry`.

    Raises:
        ValueError: the zoo has no such network.
    """
    if name not in ENTRIES:
        known = [*ENTRIES, *application_names()]
        near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
        hint = f"Did you mean {', '.join(near)}?" if near else ""
        raise ValueError(
            f'"name" must be one of {", ".join(ENTRIES)}, or a network of keras.applications. '
            f"Received: {name!r}. {hint}".rstrip()
        )
    return ENTRIES[name]


def check(name):
    """Refuse a network that `load` could not load, without loading it.

    Args:
        name: see `load`.

    Raises:
        ValueError: no such network.
        ImportError: its package is missing; the message has the command that brings it.
    """
    if name not in application_names():
        entry(name).path()


def load(name):
    """A trained network.

    Args:
        name: one of `names()`, or a network of `keras.applications` such as "ResNet50V2".

    Returns:
        A `keras.Model` from images in [0, 1] (its preprocessing is inside) to class probabilities; `vit_s14` has no
        classes and returns a map of importance.

    Raises:
        ValueError: no such network.
        ImportError: its package is missing; the message has the command that brings it.
        WeightFileError: its file is not the published one.
    """
    if name in application_names():
        return load_application(name)
    return entry(name).load()
