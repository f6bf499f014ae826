"""The algebra of objectives: scores to maximise, declared without a model and combined by operators."""

from __future__ import annotations

import abc
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maco_tf.checks import is_number

if TYPE_CHECKING:
    from maco_tf.models.activations import Activations
    from maco_tf.objectives.term import Term


class Objective(abc.ABC):
    """A batch of scores to maximise, one for each image.

    Objectives are immutable and know no model. They combine like numbers: `a + b`, `a - b`, `2 * a`, `a / 4`, `-a` and
    `sum([a, b, c])` return new objectives. Batches of equal length pair up, and a batch of length one combines with
    every image; `product(a, b)` makes all combinations. A list of numbers weights the images of a batch:
    `[1, 0.5, 0] * a`. `objective[i]` selects from the batch.
    """

    # NumPy would treat an objective as a sequence. With None it calls our reflected operators instead.
    __array_ufunc__ = None

    @property
    @abc.abstractmethod
    def terms(self) -> tuple[tuple[float | np.ndarray, Term], ...]:
        """Tuple of `(weight, Term)`: the objective as a weighted sum."""

    @property
    @abc.abstractmethod
    def names(self) -> list[str]:
        """List of strings, one for each image."""

    @abc.abstractmethod
    def take(self, indices: Sequence[int] | np.ndarray) -> Objective:
        """Select images of the batch.

        Args:
            indices: integers; repeats are allowed.

        Returns:
            An objective of length `len(indices)`.
        """

    @abc.abstractmethod
    def fitted(self, image_shape: tuple[int, int, int]) -> Objective:
        """Resize the images that the objective holds, if any, to the optimised image.

        Args:
            image_shape: `(height, width, channels)` of the optimised image.

        Returns:
            An objective of the same length.

        Raises:
            ValueError: the objective holds images with another number of channels.
        """

    @abc.abstractmethod
    def named(self, class_names: Sequence[str]) -> Objective:
        """Read classes that are given by name as those of a model, and name classes that are given by number.

        Args:
            class_names: the name of each class of the model.

        Returns:
            An objective of the same length.

        Raises:
            ValueError: no class has the name, or several have it.
        """

    @abc.abstractmethod
    def resolved(self, activations: Activations) -> Objective:
        """Fill in what depends on the model, such as layers that are left open and targets that the model holds.

        Args:
            activations: the model.

        Returns:
            An objective of the same length and structure of terms, with the same names.

        Raises:
            ValueError: the model lacks what the objective needs.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, from which `from_config` makes the objective again.

        Raises:
            ValueError: the objective holds something that cannot be stored.
        """

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Objective:
        """The objective that `get_config` described."""
        return cls(**config)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Objective:
        positions = np.atleast_1d(np.arange(len(self))[index])
        if positions.ndim != 1 or not len(positions):
            raise IndexError(f"The index {index!r} selects nothing from a batch of {len(self)} objectives.")
        return self.take(positions)

    def __iter__(self) -> Iterator[Objective]:
        return (self[index] for index in range(len(self)))

    def __add__(self, other: Objective | int) -> Objective:
        if is_number(other) and other == 0:
            return self  # `sum` starts at 0.
        return self._combine(other, 1.0)

    __radd__ = __add__

    def __sub__(self, other: Objective) -> Objective:
        return self._combine(other, -1.0)

    def __rsub__(self, other: Objective) -> Objective:
        return (-self)._combine(other, 1.0)

    def __mul__(self, factor: float | Sequence[float] | np.ndarray) -> Objective:
        factor = _as_weights("factor", factor)
        return Sum([(factor * weight, term) for weight, term in self.terms])

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        if not is_number(divisor) or divisor == 0:
            raise ValueError(f'"divisor" must be a finite number other than 0. Received: {divisor!r}.')
        return self * (1.0 / divisor)

    def __neg__(self) -> Objective:
        return self * -1.0

    def __repr__(self) -> str:
        shown = ", ".join(self.names[:3]) + (f", ... ({len(self)} in all)" if len(self) > 3 else "")
        return f"<{type(self).__name__}: {shown}>"

    def _combine(self, other: Any, sign: float) -> Objective:
        if not isinstance(other, Objective):
            remedy = ""
            if is_number(other):
                remedy = " A constant does not change the image; leave it out."
            elif callable(other):
                remedy = ' A function of a layer is an objective as maco_tf.Lambda("layer", function).'
            raise ValueError(
                f"Only an objective can be combined with an objective. Received: {reprlib.repr(other)} "
                f"({type(other).__name__}).{remedy}"
            )
        return Sum([*self.terms, *((sign * weight, term) for weight, term in other.terms)])


def check_objective_type(objective: Any) -> None:
    """Check that the argument "objective" is an objective.

    Args:
        objective: the argument.

    Raises:
        ValueError: it is something else.
    """
    listed = isinstance(objective, list | tuple)
    if listed and objective and all(isinstance(part, Objective) for part in objective):
        raise ValueError(
            f'"objective" must be one objective. Received: a {type(objective).__name__} of {len(objective)}, '
            f"{reprlib.repr(objective)}. For one image that maximises all of them, add them: sum(objectives). For an "
            "image of every combination, use maco_tf.product(a, b). For an image of each, make a batch of one kind, "
            "such as Logit([1, 2]), or run explain for each and join the results with Explanation.concatenate."
        )
    if not isinstance(objective, Objective):
        raise ValueError(
            f'"objective" must be a maco_tf objective, such as Logit(254) or Channel("block5b_add", 10). Received: '
            f"{reprlib.repr(objective)}. "
            "Convert an objective of xplique with maco_tf.from_xplique, and write a function of a layer as "
            'maco_tf.Lambda("layer", function).'
        )


@keras.saving.register_keras_serializable(package="maco_tf")
class Sum(Objective):
    """A weighted sum of terms, as the operators return it.

    Args:
        terms: list of `(weight, Term)`; a weight is a number, or a sequence with one number for each image. Each weight
            multiplies its own term only.

    Raises:
        ValueError: there is no term, a weight is not a number, or the batches of terms and weights have different
            lengths other than one.
    """

    def __init__(self, terms: Iterable[tuple[float | Sequence[float] | np.ndarray, Term]]) -> None:
        self._terms = tuple((_as_weights("weight", weight), term) for weight, term in terms)
        if not self._terms:
            raise ValueError('"terms" must hold at least one (weight, Term). Received: none.')
        for _, term in self._terms:
            if not isinstance(term, Objective) or isinstance(term, Sum):
                raise ValueError(f'"terms" must hold (weight, Term) pairs. Received: {term!r} in place of a Term.')
        lengths = [max(len(term), weight.size) for weight, term in self._terms]
        if len({size for weight, term in self._terms for size in (len(term), weight.size)} - {1}) > 1:
            raise ValueError(
                "Objectives that are combined, and sequences of weights, must have equal lengths, or length one. "
                f"Received: lengths {', '.join(map(str, lengths))}. For all combinations use product(a, b)."
            )
        self._length = max(lengths)

    @property
    def terms(self) -> tuple[tuple[np.ndarray, Term], ...]:
        return self._terms

    @property
    def names(self) -> list[str]:
        return [self._name(index) for index in range(self._length)]

    def _name(self, index: int) -> str:
        parts = []
        for weight, term in self._terms:
            value = float(np.broadcast_to(weight, self._length)[index])
            if value or len(self._terms) == 1:  # A term with weight 0 is left out of the name.
                parts.append(_signed(value) + term.names[index % len(term)])
        if not parts:
            return "0"
        parts[0] = parts[0].removeprefix(" + ").replace(" - ", "-", 1)
        return "".join(parts)

    def take(self, indices: Sequence[int] | np.ndarray) -> Sum:
        indices = np.asarray(indices)
        # In a longer batch, a term of length one stays as it is, since it serves every image.
        return Sum(
            [
                (
                    weight[indices] if weight.ndim else weight,
                    term if len(term) == 1 < self._length else term.take(indices % len(term)),
                )
                for weight, term in self._terms
            ]
        )

    def fitted(self, image_shape: tuple[int, int, int]) -> Sum:
        return Sum([(weight, term.fitted(image_shape)) for weight, term in self._terms])

    def named(self, class_names: Sequence[str]) -> Sum:
        return Sum([(weight, term.named(class_names)) for weight, term in self._terms])

    def resolved(self, activations: Activations) -> Sum:
        return Sum([(weight, term.resolved(activations)) for weight, term in self._terms])

    def get_config(self) -> dict[str, Any]:
        return {"terms": [[weight.tolist(), keras.saving.serialize_keras_object(term)] for weight, term in self._terms]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sum:
        return cls([(weight, keras.saving.deserialize_keras_object(term)) for weight, term in config["terms"]])


def _as_weights(name: str, value: Any) -> np.ndarray:
    """A read-only float array, () or (batch,); a sequence of one number becomes a number."""
    entries = value if isinstance(value, list | tuple) else [value]
    numeric = not any(isinstance(entry, Objective | bool | np.bool_) for entry in entries)
    try:
        numeric = numeric and np.asarray(value).dtype.kind in "iuf"
        weights = np.array(value if numeric else [], "float64")
    except (TypeError, ValueError, OverflowError):
        numeric, weights = False, np.array([])
    if not numeric or weights.ndim > 1 or not weights.size or not np.isfinite(weights).all():
        raise ValueError(
            f'"{name}" must be a finite number, or a list with one number for each image. Received: {value!r}. '
            "Objectives are added, not multiplied."
        )
    weights = weights.reshape(()) if weights.size == 1 else weights
    weights.setflags(write=False)
    return weights


def _signed(weight: float) -> str:
    sign = " - " if weight < 0 else " + "
    return sign if abs(weight) == 1 else f"{sign}{abs(weight):g} "
