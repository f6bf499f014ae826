"""Term: one addend of an objective, read from one layer."""

import abc
import copy

import numpy as np

from maco_tf.objectives.objective import Objective


class Term(Objective):
    """One addend: a score read from one layer, from the logits, or from the image.

    A new objective is a subclass with `layer`, `score` and, as a rule, `check`. What differs between objectives of one
    shape goes into `parameters` and reaches the compiled step as tensors; what `structure` names is compiled in.

    Args:
        parameters: dictionary, name -> array whose first axis is the batch.
        names: list of strings, one for each of the batch.
    """

    #: The layer's reference, or `LOGITS` or `IMAGE`.
    layer = None

    def __init__(self, parameters, names):
        self.parameters = {name: _frozen(value) for name, value in parameters.items()}
        if not np.iterable(names):
            raise ValueError(f'"names" must be a list of names. Received: {names!r}.')
        self._names = [names] if isinstance(names, str) else [str(name) for name in names]
        lengths = {len(value) for value in self.parameters.values()} | {len(self._names)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                f'"names" must be a list of as many names as there are objectives. Received: {len(self._names)} '
                f"names, {self._names}, for {max(len(value) for value in self.parameters.values())} objectives."
            )

    @property
    def terms(self):
        return ((1.0, self),)

    @property
    def names(self):
        return list(self._names)

    def take(self, indices):
        taken = self._with_parameters({name: value[np.asarray(indices)] for name, value in self.parameters.items()})
        taken._names = [self._names[index] for index in indices]
        return taken

    def fitted(self, image_shape):
        return self

    def _with_parameters(self, parameters):
        changed = copy.copy(self)
        changed.parameters = {name: _frozen(value) for name, value in parameters.items()}
        return changed

    def structure(self):
        """Hashable description of all that the compiled step depends on, parameters' values aside."""
        shapes = tuple((name, value.shape[1:], value.dtype.str) for name, value in sorted(self.parameters.items()))
        return (type(self), self.layer, shapes)

    def check(self, shape):
        """Refuse an activation that the objective cannot read.

        Args:
            shape: the activation's shape without the batch axis.

        Raises:
            ValueError: a unit out of range, a wrong rank.
        """

    @abc.abstractmethod
    def score(self, activation, **parameters):
        """The score of every view.

        Args:
            activation: float32 tensor (views, ...).
            **parameters: tensors (views, ...), the objective's parameters repeated for the views of each image.

        Returns:
            Float32 tensor (views,).
        """


def _frozen(value):
    """A copy that nobody can write to: objectives are immutable."""
    value = np.array(value)
    value.setflags(write=False)
    return value
