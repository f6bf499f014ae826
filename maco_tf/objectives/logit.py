"""Logit: a class of a classifier."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import logits_of
from maco_tf.objectives.imagenet_labels import class_index, label, labels
from maco_tf.objectives.term import Term
from maco_tf.objectives.units import as_units, check_units, plain

# Stands for a class whose name is not one of ImageNet's labels, until `named` finds it.
_UNKNOWN = -1


@keras.saving.register_keras_serializable(package="maco_tf")
class Logit(Term):
    """The score of a class before the model's final softmax or sigmoid.

    Args:
        classes: the number of a class, 0 for an output of one score; or its name: one of the visualizer's
            `class_names`, and without them an ImageNet label, such as "pug", or a WordNet number, such as "n02110958".
            A list is a batch of objectives.
        output: the output to read if the model has several. It is the key in the dictionary that the model returns, or
            in a list the name of the output's layer (in a subclassed model, its position, as text). "a/classes" is an
            output within another.
        names: list of names for the results. By default they are the names of the classes, where these are known,
            otherwise the numbers, followed by the output.

    Raises:
        ValueError: an argument is neither a number nor a name. A name that no class has, or several, is refused by
            `explain`, which knows the `class_names`.
    """

    # The output is part of the layer, and names are only compared with the model's shape.
    _untraced = Term._untraced | {"_output", "_given", "_renamed", "_count"}
    # Number of names that the classes were looked up in; `None` for ImageNet's labels.
    _count: int | None = None

    def __init__(
        self,
        classes: int | str | Sequence[int | str] | np.ndarray,
        *,
        output: str | None = None,
        names: Iterable[str] | None = None,
    ) -> None:
        if output is not None and (not isinstance(output, str) or not output):
            raise ValueError(f'"output" must be the name of an output, or None. Received: {output!r}.')
        self.layer, self._output = logits_of(output), output
        given: Any = [classes] if isinstance(classes, str) else plain(classes)
        values = given if isinstance(given, list | tuple) else [given]
        # The names as they were given, and `None` for a number.
        self._given = tuple(value if isinstance(value, str) else None for value in values)
        by_name = any(name is not None for name in self._given)
        if by_name:
            given = [value if name is None else 0 for value, name in zip(values, self._given)]
        indices = as_units("classes", given)
        for place, name in enumerate(self._given):
            if name is not None:
                indices[place] = _imagenet_class(name)
        self._renamed = names is not None
        if names is None:
            suffix = "" if output is None else f" of {output}"
            known = [label(index) if by_name else f"logit {index}" for index in indices]
            found = [name if index == _UNKNOWN else text for name, index, text in zip(self._given, indices, known)]
            names = [f"{name}{suffix}" for name in found]
        super().__init__({"index": indices}, names)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Logit":
        taken = cast("Logit", super().take(indices))
        taken._given = tuple(self._given[index] for index in indices)
        return taken

    def _with_parameters(self, parameters: Mapping[str, np.ndarray]) -> "Logit":
        changed = cast("Logit", super()._with_parameters(parameters))
        # The names that were given belong to the earlier classes.
        changed._given = (None,) * len(parameters["index"])
        return changed

    def named(self, class_names: Sequence[str]) -> "Logit":
        if self._output is not None:
            return self  # The names are those of the only output.
        indices = [
            int(index) if name is None else class_index(name, class_names)
            for name, index in zip(self._given, self.parameters["index"])
        ]
        changed = self._with_parameters({"index": np.array(indices, "int32")})
        changed._count = len(class_names)
        if not self._renamed:
            changed._names = tuple(
                class_names[index] if index < len(class_names) else f"logit {index}" for index in indices
            )
        return changed

    def check(self, shape: tuple[int | None, ...]) -> None:
        where = "the model's output" if self._output is None else f"the output {self._output!r}"
        if not shape:
            # One score for each image, as of a binary classifier: class 0.
            check_units("classes", self.parameters["index"], 1, f"{where}, one score for each image,")
            return
        if len(shape) != 1:
            sizes = ", ".join("?" if size is None else str(size) for size in shape)
            remedy = f"Channel({self.layer!r}, class) is the mean of a class over all positions"
            if len(shape) == 2:
                remedy = f'Channel({self.layer!r}, class, tokens="all") is the mean of a class over all {shape[0]} rows'
            position = {2: "row", 3: "y, x"}.get(len(shape), "...")
            raise ValueError(
                f'"classes" must belong to an output of shape (batch, classes). Received: {where} of shape (batch, '
                f"{sizes}). {remedy}, and Neuron({self.layer!r}, ({position}, class)) a single value; both read the "
                "values before a softmax."
            )
        if self._count is not None and self._count != shape[0]:
            raise ValueError(
                f'"class_names" must hold a name for each of the {shape[0]} classes of the model. Received: '
                f"{self._count} names."
            )
        if self._count is None and any(self._given) and shape[0] != len(labels()):
            raise ValueError(
                f'"classes" may only be ImageNet labels if the model has its {len(labels())} classes. Received: '
                f"{', '.join(self.names)} for a model with {shape[0]} classes. Use numbers, or give the visualizer "
                "class_names."
            )
        for name, index in zip(self._given, self.parameters["index"]):
            if name is not None and index == _UNKNOWN:
                class_index(name)  # Raises, with similar names.
        check_units("classes", self.parameters["index"], shape[0], where)

    def score(self, activation: tf.Tensor, *, index: tf.Tensor) -> tf.Tensor:
        return activation if len(activation.shape) == 1 else tf.gather(activation, index, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        classes = [
            name if index == _UNKNOWN else int(index) for name, index in zip(self._given, self.parameters["index"])
        ]
        return {"classes": classes, "output": self._output, "names": self.names}


def _imagenet_class(name: str) -> int:
    try:
        return class_index(name)
    except ValueError:
        return _UNKNOWN
