"""The labels and WordNet numbers of ImageNet's 1,000 classes (ILSVRC 2012)."""

import difflib
import functools
import json
from pathlib import Path


@functools.cache
def labels() -> list[str]:
    """List of 1,000 labels, in the order of the classifiers' outputs."""
    return json.loads(Path(__file__).with_name("imagenet_labels.json").read_text(encoding="utf-8"))


@functools.cache
def wnids() -> list[str]:
    """List of 1,000 WordNet numbers, such as "n02110958"; ImageNet names the folders of its images by them."""
    return json.loads(Path(__file__).with_name("imagenet_wnids.json").read_text(encoding="utf-8"))


def label(index: int) -> str:
    """The label of a class.

    Args:
        index: the class, 0 to 999.

    Returns:
        The label; for any other number, the number as text.
    """
    return labels()[index] if 0 <= index < len(labels()) else str(index)


def class_index(name: str) -> int:
    """The class with a given label.

    Args:
        name: a label; case does not matter, and underscores may replace spaces.

    Returns:
        The class, 0 to 999.

    Raises:
        ValueError: no class has this label, or several have it ("crane" is a bird and a machine).
    """
    wanted = name.strip().lower().replace("_", " ")
    folded = [text.lower() for text in labels()]
    matches = [index for index, text in enumerate(folded) if text == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(
            f'"classes" must be unambiguous. Received: {name!r}, the label of classes '
            f"{' and '.join(map(str, matches))}. Use the number."
        )
    near = difflib.get_close_matches(wanted, folded, n=5, cutoff=0.5) or [t for t in folded if wanted in t][:5]
    raise ValueError(
        f'"classes" must be class numbers or ImageNet labels. Received: {name!r}. '
        + (f"Did you mean {', '.join(near)}?" if near else "maco_tf.objectives.imagenet_labels.labels() lists them.")
    )
