"""Logit: a class of a classifier."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models.activations import logits_of
from maco_tf.objectives.imagenet_labels import class_index, label, labels
from maco_tf.objectives.term import Term
from maco_tf.objectives.units import as_units, check_units, plain


@keras.saving.register_keras_serializable(package="maco_tf")
class Logit(Term):
    """The score of a class before the model's final softmax or sigmoid.

    Args:
        classes: the number of a class, 0 for an output of one score; for an ImageNet classifier also its label, such as
            "pug" or "tarantula". A list of numbers or labels is a batch of objectives.
        output: the output to read if the model has several. It is the key in the dictionary that the model returns, or
            in a list the name of the output's layer (in a subclassed model, its position, as text). "a/classes" is an
            output within another.
        names: list of names for the results. By default they are the labels if labels were given, otherwise the
            numbers, followed by the output.

    Raises:
        ValueError: no class has the label, or several have it.
    """

    # The output is part of the layer, and labels are only compared with the model's shape.
    _untraced = Term._untraced | {"_output", "_labelled"}

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
        self._labelled = isinstance(given, list | tuple) and any(isinstance(value, str) for value in given)
        if self._labelled:
            given = [class_index(value) if isinstance(value, str) else value for value in given]
        indices = as_units("classes", given)
        if names is None:
            suffix = "" if output is None else f" of {output}"
            names = [f"{label(index) if self._labelled else f'logit {index}'}{suffix}" for index in indices]
        super().__init__({"index": indices}, names)

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
        if self._labelled and shape[0] != len(labels()):
            raise ValueError(
                f'"classes" may only be labels if the model has the {len(labels())} classes of ImageNet. Received: '
                f"{', '.join(self.names)} for a model with {shape[0]} classes. Use numbers."
            )
        check_units("classes", self.parameters["index"], shape[0], where)

    def score(self, activation: tf.Tensor, *, index: tf.Tensor) -> tf.Tensor:
        return activation if len(activation.shape) == 1 else tf.gather(activation, index, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        return {"classes": self.parameters["index"].tolist(), "output": self._output, "names": self.names}
