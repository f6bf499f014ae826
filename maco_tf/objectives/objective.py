"""Objectives: what an image is optimised for, declared apart from any model."""

import abc
import numbers
import reprlib

import keras
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
        if not isinstance(other, Objective):
            raise ValueError(
                f"Only an objective can be combined with an objective. Received: {other!r} ({type(other).__name__})."
            )
        return Sum([*self.terms, *((sign * weight, term) for weight, term in other.terms)])


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
            "Objectives of xplique are converted by maco_tf.from_xplique."
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


@keras.saving.register_keras_serializable(package="maco_tf")
class Sum(Objective):
    """A weighted sum; what the operators return.

    Args:
        terms: list of `(weight, Term)`; a weight is a number, or a sequence with one for each image. Each weight
            multiplies its own term only.

    Raises:
        ValueError: the batches of terms and weights have different lengths, none of them one.
    """

    def __init__(self, terms):
        if not terms:
            raise ValueError('"terms" must hold at least one (weight, Term). Received: none.')
        self._terms = tuple((_frozen_weight(weight), term) for weight, term in terms)
        found = [max(len(term), np.size(weight)) for weight, term in self._terms]
        lengths = {size for weight, term in self._terms for size in (len(term), np.size(weight))} - {1}
        if len(lengths) > 1:
            raise ValueError(
                "Objectives that are combined, and sequences of weights, must have equal lengths, or length one. "
                f"Received: lengths {', '.join(map(str, found))}. For every combination use product(a, b)."
            )
        self._length = max(lengths, default=1)

    @property
    def terms(self):
        return self._terms

    @property
    def names(self):
        return [self._name(index) for index in range(self._length)]

    def _name(self, index):
        parts = []
        for weight, term in self._terms:
            value = float(np.broadcast_to(weight, self._length)[index])
            if value or len(self._terms) == 1:  # What weighs nothing is not named.
                parts.append(_signed(value) + term.names[index % len(term)])
        if not parts:
            return "0"
        parts[0] = parts[0].removeprefix(" + ").replace(" - ", "-", 1)
        return "".join(parts)

    def take(self, indices):
        indices = np.asarray(indices)
        # A batch of one serves every image, so it stays as it is, unless all are.
        return Sum(
            [
                (
                    weight[indices] if weight.ndim else weight,
                    term if len(term) == 1 < self._length else term.take(indices % len(term)),
                )
                for weight, term in self._terms
            ]
        )

    def fitted(self, image_shape):
        return Sum([(weight, term.fitted(image_shape)) for weight, term in self._terms])

    def get_config(self):
        return {"terms": [[weight.tolist(), keras.saving.serialize_keras_object(term)] for weight, term in self._terms]}

    @classmethod
    def from_config(cls, config):
        return cls([(weight, keras.saving.deserialize_keras_object(term)) for weight, term in config["terms"]])


def _frozen_weight(weight):
    """A float array, () or (batch,), that nobody can write to; one weight for one image is a number."""
    weight = np.array(weight, "float64")
    weight = weight.reshape(()) if weight.size == 1 else weight
    weight.setflags(write=False)
    return weight


def _signed(weight):
    sign = " - " if weight < 0 else " + "
    return sign if abs(weight) == 1 else f"{sign}{abs(weight):g} "
