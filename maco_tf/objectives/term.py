"""Term: one addend of an objective, and the base class of every new objective."""

import abc
import copy
import types
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.models.activations import Activations
from maco_tf.objectives.objective import Objective


class Term(Objective):
    """One addend: a score that reads one layer, the logits or the image.

    A new objective is a subclass with `layer` and `score`:

        class Brightest(Term):
            layer = "conv"

            def score(self, activation):
                return tf.reduce_max(activation, axis=(1, 2, 3))

        explanation = visualizer.explain(Brightest() - 0.5 * Logit(1))

    An objective with arguments stores them in its `__init__`. Numbers that vary between objectives of the same kind
    belong in `parameters`: they reach the compiled step as tensors, so that another value needs no new trace. Every
    other attribute is compiled in, and another value traces again. `check` may refuse a layer before any computation.

    An objective that defines `__init__` must also define `get_config` to be stored. To be loaded, its class must be
    registered with `keras.saving.register_keras_serializable`.

    Args:
        parameters: dictionary, name -> array whose first axis is the batch; `score` receives each under its name.
            float64 becomes float32. By default there are none, and the batch has length one.
        names: list of strings, one for each objective of the batch; by default the name of the class.

    Raises:
        ValueError: the parameters or the names differ in length.
    """

    #: Name, path or index of the layer, or `maco_tf.models.LOGITS` or `IMAGE`. Every subclass sets it.
    layer: str | int = ""
    #: Read-only arrays (batch, ...).
    parameters: Mapping[str, np.ndarray] = types.MappingProxyType({})
    #: At weight 1, the gradient of this term at the start of a run relative to that of the terms without a balance; the
    #: weight is scaled to it before the first step. `None` leaves the weight as it is.
    balance: float | None = None

    # An empty tuple stands for the default names.
    _names: tuple[str, ...] = ()
    # Attributes whose value may differ between objectives that share a compiled step.
    _untraced = frozenset({"layer", "parameters", "balance", "_names"})

    def __init__(self, parameters: Mapping[str, Any] | None = None, names: Iterable[str] | None = None) -> None:
        self.parameters = {name: _frozen(value) for name, value in (parameters or {}).items()}
        lengths = {len(value) if value.ndim else 0 for value in self.parameters.values()}
        if len(lengths) > 1 or 0 in lengths:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in self.parameters.items())
            raise ValueError(
                '"parameters" must be arrays whose first axis is the batch, of one length of at least 1. Received: '
                f"shapes {shapes}."
            )
        if names is None:
            return
        if not np.iterable(names):
            raise ValueError(f'"names" must be a list of names. Received: {names!r}.')
        self._names = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
        count = lengths.pop() if lengths else max(1, len(self._names))
        if len(self._names) != count:
            raise ValueError(
                f'"names" must be a list with a name for each of {count} objectives. Received: {len(self._names)} '
                f"names, {list(self._names)}."
            )

    @property
    def layers(self) -> tuple[str | int, ...]:
        """The layers that the score reads; several only for a `MultiLayerTerm`."""
        return (self.layer,)

    @property
    def terms(self) -> tuple[tuple[float | np.ndarray, "Term"], ...]:
        return ((1.0, self),)

    @property
    def names(self) -> list[str]:
        if self._names:
            return list(self._names)
        count = next((len(value) for value in self.parameters.values()), 1)
        name = type(self).__name__
        return [name] if count == 1 else [f"{name} {index}" for index in range(count)]

    def take(self, indices: Sequence[int] | np.ndarray) -> "Term":
        taken = self._with_parameters({name: value[np.asarray(indices)] for name, value in self.parameters.items()})
        names = self.names
        taken._names = tuple(names[index] for index in indices)
        return taken

    def fitted(self, image_shape: tuple[int, int, int]) -> "Term":
        return self

    def named(self, class_names: Sequence[str]) -> "Term":
        return self

    def resolved(self, activations: Activations) -> "Term":
        return self

    def _with_parameters(self, parameters: Mapping[str, np.ndarray]) -> "Term":
        changed = copy.copy(self)
        changed.parameters = {name: _frozen(value) for name, value in parameters.items()}
        return changed

    def structure(self) -> tuple[Hashable, ...]:
        """Hashable description of everything that the compiled step depends on, except the parameters' values.

        It holds all attributes of the objective, so that objectives with different settings never share a compiled
        step. Arrays, lists and tuples compare by content, other attributes as their type compares them, or by identity
        if they are not hashable.
        """
        shapes = tuple((name, value.shape[1:], value.dtype.str) for name, value in sorted(self.parameters.items()))
        settings = sorted((name, value) for name, value in vars(self).items() if name not in self._untraced)
        return (type(self), self.layer, shapes, *((name, comparable(value)) for name, value in settings))

    def check(self, shape: tuple[int | None, ...]) -> None:
        """Refuse an activation that the objective cannot read.

        Args:
            shape: the activation's shape without the batch axis; an axis of unknown size is `None`.

        Raises:
            ValueError: for instance, a unit is out of range or the rank is wrong.
        """

    @abc.abstractmethod
    def score(self, activation: tf.Tensor, *_: Any, **parameters: Any) -> tf.Tensor:
        """The score of every view.

        Args:
            activation: float32 tensor (views, ...).
            **parameters: tensors (views, ...): each of `parameters`, repeated for the views of its image. A subclass
                names them: `def score(self, activation, *, index)`.

        Returns:
            Float32 tensor (views,).
        """
        # Nothing is passed in `*_`. With it, type checkers accept an override that names its parameters.

    def get_config(self) -> dict[str, Any]:
        if type(self).__init__ is not Term.__init__ or self.parameters:
            raise ValueError(
                f"{type(self).__name__} must define get_config to be stored, because only the class itself knows its "
                "arguments. Received: a class without get_config. Return the arguments of __init__ as a dictionary, "
                "and register the class with @keras.saving.register_keras_serializable()."
            )
        return {"names": list(self._names)} if self._names else {}


def layers_read(terms: Iterable[Term]) -> list[str | int]:
    """The layers that terms read, in their order; a layer may be repeated.

    Args:
        terms: `Term`s that are resolved, see `Objective.resolved`.
    """
    return [layer for term in terms for layer in term.layers]


def comparable(value: Any) -> Hashable:
    """A hashable stand-in for a value; two of them are equal only if the values can be used interchangeably.

    Args:
        value: anything.

    Returns:
        A key that compares arrays, lists, tuples and slices by content, and an unhashable value by identity.
    """
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return (np.ndarray, value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, list | tuple):
        return (type(value), *map(comparable, value))
    if isinstance(value, slice):  # Hashable from Python 3.12 only.
        return (slice, value.start, value.stop, value.step)
    try:
        hash(value)
    except TypeError:
        return _Identity(value)
    return (type(value), value)  # 1, 1.0 and True are equal, but compile to different code.


class _Identity:
    """Compares a value by identity, and keeps it alive so that its identity is not reused."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __hash__(self) -> int:
        return id(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other._value is self._value


def _frozen(value: Any) -> np.ndarray:
    """A read-only copy, because objectives are immutable; float64 becomes float32, the dtype of activations."""
    array = np.array(value)
    array = array.astype("float32") if array.dtype == np.float64 else array
    array.setflags(write=False)
    return array
