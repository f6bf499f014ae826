"""Objectives: what an image is optimised for, declared apart from any model."""

import abc
import copy
import numbers
import reprlib

import numpy as np


class Objective(abc.ABC):
    """A batch of scores to maximise, one for each image.

    Objectives are immutable and know no model. They combine as numbers do: `a + b`, `a - b`, `2 * a`, `a / 4`, `-a`,
    `sum([a, b, c])`; every operator returns a new objective. Batches of equal length pair up, a batch of one goes
    with every image, and `product(a, b)` gives all combinations. A list of numbers weighs the images of a batch:
    `[1, 0.5, 0] * a`. `objective[i]` selects from the batch.
    """

    # A NumPy number on the left must leave the operation to us, not take the objective for a sequence.
    __array_ufunc__ = None

    @property
    @abc.abstractmethod
    def terms(self):
        """Tuple of `(weight, Term)`: the objective as a weighted sum."""

    @property
    @abc.abstractmethod
    def names(self):
        """List of strings, one for each image."""

    @abc.abstractmethod
    def take(self, indices):
        """The objective for some images of the batch.

        Args:
            indices: sequence of integers; repeats are allowed.

        Returns:
            An objective of length `len(indices)`.
        """

    @abc.abstractmethod
    def fitted(self, image_shape):
        """The objective as a run on images of this shape takes it; what knows no images stays as it is.

        Args:
            image_shape: `(height, width, channels)` of the optimised image.

        Returns:
            An objective of the same length.

        Raises:
            ValueError: it holds images of another number of channels.
        """

    @classmethod
    def from_config(cls, config):
        """The objective that `get_config` described."""
        return cls(**config)

    @classmethod
    def from_xplique(cls, objective):
        """An objective of xplique as one of ours.

        Args:
            objective: an `xplique.features_visualizations.Objective`.

        Returns:
            An `Objective` that scores each image apart, with each multiplier on its own term.
        """
        from maco_tf.objectives.from_xplique import from_xplique

        return from_xplique(objective)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        positions = np.atleast_1d(np.arange(len(self))[index])
        if not len(positions):
            raise IndexError(f"No objective is selected by {index!r} from {len(self)}.")
        return self.take(positions)

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def __add__(self, other):
        if isinstance(other, numbers.Number) and other == 0:
            return self  # What `sum` starts from.
        return self._combine(other, 1.0)

    __radd__ = __add__

    def __sub__(self, other):
        return self._combine(other, -1.0)

    def __mul__(self, factor):
        from maco_tf.objectives.sum import Sum

        factor = _factor(factor)
        return Sum([(factor * weight, term) for weight, term in self.terms])

    __rmul__ = __mul__

    def __truediv__(self, divisor):
        if not isinstance(divisor, numbers.Real) or divisor == 0:
            raise ValueError(f'"divisor" must be a number other than 0. Received: {divisor!r}.')
        return self * (1.0 / divisor)

    def __neg__(self):
        return self * -1.0

    def __repr__(self):
        shown = ", ".join(self.names[:3]) + (f", ... ({len(self)} in all)" if len(self) > 3 else "")
        return f"<{type(self).__name__}: {shown}>"

    def _combine(self, other, sign):
        from maco_tf.objectives.sum import Sum

        if not isinstance(other, Objective):
            raise ValueError(
                f"Only an objective can be combined with an objective. Received: {other!r} ({type(other).__name__})."
            )
        return Sum([*self.terms, *((sign * weight, term) for weight, term in other.terms)])


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


def check_objective_type(objective):
    """Refuse what is no objective.

    Args:
        objective: the argument "objective".

    Raises:
        ValueError: it is none.
    """
    if not isinstance(objective, Objective):
        raise ValueError(
            f'"objective" must be a maco_tf objective, such as Logit(254). Received: {reprlib.repr(objective)}. '
            "Objectives of xplique are taken over by Objective.from_xplique."
        )


def _factor(factor):
    """A weight, or one for each image, as a float array."""
    try:
        values = np.array(factor, "float64")
        numeric = np.asarray(factor).dtype.kind in "iuf"
    except (TypeError, ValueError):
        numeric = False
    if not numeric or values.ndim > 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f'"factor" must be a finite number, or a list of one for each image. Received: {factor!r}. Objectives are '
            "added, not multiplied."
        )
    return values


def _frozen(value):
    """A copy that nobody can write to: objectives are immutable."""
    value = np.array(value)
    value.setflags(write=False)
    return value
