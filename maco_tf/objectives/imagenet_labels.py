"""The labels and WordNet numbers of ImageNet's 1,000 classes (ILSVRC 2012)."""

import difflib
import functools
import json
import re
from collections.abc import Sequence
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


def class_index(name: str, class_names: Sequence[str] | None = None) -> int:
    """The class with a given label or WordNet number.

    Args:
        name: a label, where case does not matter and underscores may replace spaces, or a WordNet number, such as
            "n02110958".
        class_names: the labels to look in; `None` for those of ImageNet, and only those have WordNet numbers.

    Returns:
        The class, from 0.

    Raises:
        ValueError: no class has this label or number, or several have the label ("crane" is a bird and a machine).
    """
    wanted = name.strip().lower().replace("_", " ")
    if class_names is None and re.fullmatch(r"n\d{8}", wanted):
        if wanted not in wnids():
            raise ValueError(
                f'"classes" must be among the 1,000 classes of ImageNet. Received: {name!r}, a WordNet number that '
                "none of them has."
            )
        return wnids().index(wanted)
    folded = [text.lower().replace("_", " ") for text in (labels() if class_names is None else class_names)]
    matches = [index for index, text in enumerate(folded) if text == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ValueError(
            f'"classes" must be unambiguous. Received: {name!r}, the label of classes '
            f"{' and '.join(map(str, matches))}. Use the number."
        )
    near = difflib.get_close_matches(wanted, folded, n=5, cutoff=0.5) or [t for t in folded if wanted in t][:5]
    hint = (
        f"Did you mean {', '.join(near)}?" if near else f"They are {', '.join(folded[:5])}{', ...' * (len(folded) > 5)}"
    )
    if class_names is not None:
        raise ValueError(f'"classes" must be class numbers or names of the classes. Received: {name!r}. {hint}')
    raise ValueError(
        f'"classes" must be class numbers, or labels or WordNet numbers of ImageNet. Received: {name!r}. {hint} '
        "The visualizer's class_names name the classes of other models."
    )
