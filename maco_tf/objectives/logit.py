"""Logit: a class of a classifier."""

import keras
import tensorflow as tf

from maco_tf.models.activations import logits_of
from maco_tf.objectives.imagenet_labels import class_index, label, labels
from maco_tf.objectives.term import Term
from maco_tf.objectives.units import as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Logit(Term):
    """A class's score before the model's final softmax or sigmoid.

    Args:
        classes: a class number; for an ImageNet classifier also its label, "pug" or "tarantula"; or a list of such:
            a batch of objectives.
        output: which output is meant where a model has several: its key in the dictionary that the model returns, or
            in a list the name of its layer (its number, as text, in a subclassed model); "a/classes" is one inside
            another.
        names: list of names for the results; by default the numbers, or the labels where labels were given, and the
            output.

    Raises:
        ValueError: no class has that label, or more than one.
    """

    def __init__(self, classes, *, output=None, names=None):
        if output is not None and (not isinstance(output, str) or not output):
            raise ValueError(f'"output" must be the name of an output, or None. Received: {output!r}.')
        self.layer, self._output = logits_of(output), output
        given = [classes] if isinstance(classes, str) else classes
        if isinstance(given, list | tuple):
            given = [class_index(value) if isinstance(value, str) else value for value in given]
        indices = as_units("classes", given)
        labelled = isinstance(classes, str) or (
            isinstance(classes, list | tuple) and any(isinstance(value, str) for value in classes)
        )
        if names is None:
            of = "" if output is None else f" of {output}"
            names = [f"{label(index) if labelled else f'logit {index}'}{of}" for index in indices]
        self._labelled = labelled
        super().__init__({"index": indices}, names)

    def check(self, shape):
        if len(shape) != 1:
            raise ValueError(
                f"Logit needs a model with one output of shape (batch, classes). Received: (batch, "
                f"{', '.join(map(str, shape))}). Use Channel or Neuron with a layer's name."
            )
        if self._labelled and shape[0] != len(labels()):
            raise ValueError(
                f'"classes" may be labels where the model has ImageNet\'s {len(labels())} classes. Received: '
                f"{', '.join(self.names)} for a model of {shape[0]} classes. Give numbers."
            )
        check_units("classes", self.parameters["index"], shape[0], "the model's output")

    def score(self, activation, *, index):
        return tf.gather(activation, index, batch_dims=1)

    def get_config(self):
        return {"classes": self.parameters["index"].tolist(), "output": self._output, "names": self.names}
