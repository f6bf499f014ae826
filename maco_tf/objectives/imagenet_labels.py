"""The labels of ImageNet's 1,000 classes."""

import difflib
import functools
import json
from pathlib import Path


@functools.cache
def labels():
    """List of 1,000 labels, in the order of the classifiers' outputs (ILSVRC 2012)."""
    return json.loads(Path(__file__).with_name("imagenet_labels.json").read_text(encoding="utf-8"))


@functools.cache
def wnids():
    """List of the classes' 1,000 WordNet numbers, such as "n02110958": the names of folders of ImageNet's images."""
    return json.loads(Path(__file__).with_name("imagenet_wnids.json").read_text(encoding="utf-8"))


def label(index):
    """The label of a class.

    Args:
        index: 0 to 999.

    Returns:
        The label; the number as text where ImageNet has no such class.
    """
    return labels()[index] if 0 <= index < len(labels()) else str(index)


def class_index(name):
    """The class that a label names.

    Args:
        name: a label, in any case, with spaces or underscores.

    Returns:
        The class's index, 0 to 999.

    Raises:
        ValueError: no class, or more than one ("crane" is a bird and a machine), has this label.
    """
    wanted = name.strip().lower().replace("_", " ")
    folded = [text.lower() for text in labels()]
    matches = [index for index, text in enumerate(folded) if text == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(f'"classes" {name!r} is ambiguous: classes {matches} bear it. Give the number.')
    near = difflib.get_close_matches(wanted, folded, n=5, cutoff=0.5) or [t for t in folded if wanted in t][:5]
    raise ValueError(
        f'"classes" must be class numbers or ImageNet labels. Received: {name!r}. '
        + (f"Did you mean {', '.join(near)}?" if near else "maco_tf.objectives.imagenet_labels.labels() lists them.")
    )
