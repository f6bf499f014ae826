"""Neuron: a single value of a layer."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.objectives.positions import (
    CENTRE,
    Positions,
    as_map,
    as_positions,
    central,
    check_window,
    map_size,
    patch_side,
)
from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import check_tokens, class_tokens
from maco_tf.objectives.units import as_units, check_units, plain

_CLASS = "class"
_FLAT = "flat"


@keras.saving.register_keras_serializable(package="maco_tf")
class Neuron(Term):
    """A single value of a layer.

        Neuron("conv", 12)  # Channel 12 at the centre of the map.
        Neuron("conv", 12, position=(3, 4))  # Channel 12 in row 3 and column 4.
        Neuron("conv", (3, 4, 12))  # The same.

    Args:
        layer: name, path or index of the layer.
        units: the neuron's channel, or its complete position as a tuple, `(y, x, channel)`. A list of channels, or of
            positions, is a batch of objectives. In a transformer's layer, (tokens, width), a complete position is
            `(token, feature)` with the token counted from the first, `("class", feature)`, or `(y, x, feature)` on the
            grid of patches. In a layer without positions, (units,), it is the unit.
        position: where to read the channels `units`: "centre", the middle of every axis, and the second of the two
            values in the middle where the size is even; in a transformer's layer, the patch at the centre. Or `(y, x)`,
            or a list with a position for each channel. With "flat", `units` are indices into the flattened layer.
        names: list of names for the results.

    Source: Lucid's `neuron`, which also takes the centre by default.
    """

    # The class token is position 0, so the parameters hold it.
    _untraced = Term._untraced | {"_of_class", "_of_position"}
    # Whether the positions come from the argument "position", for the errors.
    _of_position = False

    def __init__(
        self,
        layer: str | int,
        units: int | tuple[int | str, ...] | Sequence[int | tuple[int | str, ...]] | np.ndarray,
        *,
        position: Positions = CENTRE,
        names: Iterable[str] | None = None,
    ) -> None:
        self.layer = layer
        complete: Any = [units] if isinstance(units, tuple) else plain(units)
        self._of_class = False
        if isinstance(complete, list) and complete and isinstance(complete[0], list | tuple):
            if not (isinstance(position, str) and position == CENTRE):
                raise ValueError(
                    f'"position" must be left out if "units" are positions. Received: {position!r} with {units!r}.'
                )
            parameters, texts = {"position": self._read_complete(complete)}, [",".join(map(str, p)) for p in complete]
        else:
            indices = as_units("units", units)
            if isinstance(position, str) and position == _FLAT:
                parameters, texts = {"index": indices}, [str(index) for index in indices]
            elif (places := as_positions("position", position, (CENTRE, _FLAT))) is None:
                parameters, texts = {"channel": indices}, [f"{CENTRE},{index}" for index in indices]
            else:
                parameters = {"position": _joined(places, indices)}
                self._of_position = True
                texts = [",".join(map(str, p)) for p in parameters["position"]]
        super().__init__(parameters, [f"{layer}[{text}]" for text in texts] if names is None else names)

    def _read_complete(self, positions: list[Any]) -> np.ndarray:
        """Positions with all coordinates as an array (batch, coordinates)."""
        if not all(isinstance(position, list | tuple) for position in positions) or (
            len({len(position) for position in positions}) != 1
        ):
            raise ValueError(f'"units" must be positions with equal numbers of coordinates. Received: {positions}.')
        of_class = [len(position) == 2 and position[0] == _CLASS for position in positions]
        self._of_class = any(of_class)
        if self._of_class:
            if not all(of_class):
                raise ValueError(
                    '"units" must all belong to the class token, or none of them. Received: '
                    f"{positions}. Combine two Neurons."
                )
            positions = [(0, feature) for _, feature in positions]
        return np.stack([as_units("units", position) for position in positions])

    def check(self, shape: tuple[int | None, ...]) -> None:
        where = f"the layer {self.layer!r}, of shape {shape},"
        if "channel" in self.parameters:
            self._check_channels(shape, where)
            return
        if "index" in self.parameters:
            sizes = [size for size in shape if size is not None]
            count = math.prod(sizes) if len(sizes) == len(shape) else None
            check_units("units", self.parameters["index"], count, where)
            return
        positions = self.parameters["position"]
        if self._of_position:
            check_window(positions[:, :2], (1, 1), map_size("position", shape, self.layer), self.layer)
            check_units("units", positions[:, 2], shape[-1], f"the last axis of {where}")
            return
        if self._of_class:
            if len(shape) != 2:
                raise ValueError(
                    f'"units" must not name the class token: {where} has no tokens. Received: {self._first_unit()}.'
                )
            check_tokens(_CLASS, shape, self.layer)
        if len(shape) == 2 and positions.shape[1] == 3:
            check_tokens("patch", shape, self.layer)
            side = patch_side(shape[0] or 0)
            shape, where = (side, side, shape[1]), f"the {side} x {side} patches of {self.layer!r}"
        if positions.shape[1] != len(shape):
            raise ValueError(
                f'"units" must have {len(shape)} coordinates: {where} has {len(shape)} axes. Received: '
                f"{self._first_unit()}."
            )
        for axis, size in enumerate(shape):
            check_units("units", positions[:, axis], size, f"axis {axis} of {where}")

    def _check_channels(self, shape: tuple[int | None, ...], where: str) -> None:
        """Check channels at the centre."""
        if len(shape) == 2:
            try:
                map_size("units", shape, self.layer)
            except ValueError as error:
                raise ValueError(f"{error} Use the complete position, (token, feature).") from None
        try:
            check_units("units", self.parameters["channel"], shape[-1] if shape else 1, f"the last axis of {where}")
        except ValueError as error:
            if len(shape) < 2:
                raise
            raise ValueError(
                f"{error} A number is a channel at the centre; for an index into the flattened layer, use "
                'position="flat".'
            ) from None

    def score(
        self,
        activation: tf.Tensor,
        *,
        channel: tf.Tensor | None = None,
        index: tf.Tensor | None = None,
        position: tf.Tensor | None = None,
    ) -> tf.Tensor:
        if channel is not None:
            return tf.gather(_at_centre(activation), channel, batch_dims=1)
        if position is None:
            return tf.gather(tf.reshape(activation, (activation.shape[0], -1)), index, batch_dims=1)
        if len(activation.shape) == 3 and position.shape[1] == 3:
            count = activation.shape[1]
            y, x, feature = tf.unstack(position, axis=1)
            position = tf.stack([class_tokens(count) + y * patch_side(count) + x, feature], axis=1)
        return tf.gather_nd(activation, position, batch_dims=1)

    def get_config(self) -> dict[str, Any]:
        config = {"layer": self.layer, "units": self._units(), "names": self.names}
        if "channel" in self.parameters:
            config["position"] = CENTRE
        elif "index" in self.parameters:
            config["position"] = _FLAT
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Neuron":
        # Before the centre was the default, files held flat indices without a position.
        if "position" not in config and not isinstance(config["units"][0], list | tuple):
            config = {**config, "position": _FLAT}
        return cls(**config)

    def _units(self) -> list[Any]:
        """The argument "units" as a list."""
        for name in ("channel", "index"):
            if name in self.parameters:
                return self.parameters[name].tolist()
        positions = [tuple(position) for position in self.parameters["position"].tolist()]
        return [(_CLASS, feature) for _, feature in positions] if self._of_class else positions

    def _first_unit(self) -> Any:
        return self._units()[0]


def _at_centre(activation: tf.Tensor) -> tf.Tensor:
    """All channels at the centre, (views, channels)."""
    if len(activation.shape) == 1:
        return activation[:, None]
    activation = as_map(activation)
    while len(activation.shape) > 2:
        activation = activation[:, central(activation, 1)]
    return activation


def _joined(places: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Positions (y, x) and channels as positions (y, x, channel); one of either serves all of the other."""
    if len(places) != len(channels) and 1 not in (len(places), len(channels)):
        raise ValueError(
            f'"position" must be one position, or one for each of the {len(channels)} units. Received: {len(places)}.'
        )
    count = max(len(places), len(channels))
    return np.column_stack([np.broadcast_to(places, (count, 2)), np.broadcast_to(channels, count)])
