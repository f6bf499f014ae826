"""Neuron: one value of a layer."""

import math

import keras
import numpy as np
import tensorflow as tf

from maco_tf.objectives.term import Term
from maco_tf.objectives.tokens import check_choice, class_tokens
from maco_tf.objectives.units import as_units, check_units

_CLASS = "class"


@keras.saving.register_keras_serializable(package="maco_tf")
class Neuron(Term):
    """One value of a layer.

    Args:
        layer: name, path or index of the layer.
        units: the neuron's index in the flattened layer, or its position as a tuple, `(y, x, channel)`; or a
            list of either: a batch of objectives. In a transformer's layer, (tokens, width), a position is
            `(token, feature)` counted over all tokens, `("class", feature)`, or `(y, x, feature)` on the grid of
            patches.
        names: list of names for the results.
    """

    def __init__(self, layer, units, *, names=None):
        self.layer = layer
        positions = [units] if isinstance(units, tuple) else units
        self._of_class = False
        if isinstance(positions, list) and positions and isinstance(positions[0], list | tuple):
            if len({len(position) for position in positions}) != 1:
                raise ValueError(f'"units" must be positions of one rank. Received: {units}.')
            texts = [",".join(map(str, position)) for position in positions]
            named = [position[0] == _CLASS and len(position) == 2 for position in positions if position]
            self._of_class = any(named)
            if self._of_class:
                if not all(named):
                    raise ValueError(
                        f'"units" must all be of the class token, or none. Received: {units}. Combine two Neurons.'
                    )
                positions = [(0, feature) for _, feature in positions]
            parameters = {"position": np.stack([as_units("units", position) for position in positions])}
        else:
            parameters = {"index": as_units("units", units)}
            texts = parameters["index"].tolist()
        super().__init__(parameters, names or [f"{layer}[{text}]" for text in texts])

    def check(self, shape):
        where = f"the layer {self.layer!r}, of shape {shape},"
        if "index" in self.parameters:
            count = None if None in shape else int(np.prod(shape))
            check_units("units", self.parameters["index"], count, where)
            return
        positions = self.parameters["position"]
        if self._of_class and len(shape) != 2:
            raise ValueError(
                f'"units" must not name the class token: {where} has no tokens. Received: {self._shown()}.'
            )
        if self._of_class:
            check_choice(_CLASS, shape, self.layer)
        if len(shape) == 2 and positions.shape[1] == 3:
            check_choice("patch", shape, self.layer)
            side = _side(shape[0])
            shape, where = (side, side, shape[1]), f"the {side} x {side} patches of {self.layer!r}"
        if positions.shape[1] != len(shape):
            raise ValueError(
                f'"units" must have {len(shape)} coordinates: {where} has {len(shape)} axes. Received: {self._shown()}.'
            )
        for axis, size in enumerate(shape):
            check_units("units", positions[:, axis], size, f"axis {axis} of {where}")

    def score(self, activation, *, index=None, position=None):
        if position is None:
            return tf.gather(tf.reshape(activation, (activation.shape[0], -1)), index, batch_dims=1)
        if len(activation.shape) == 3 and position.shape[1] == 3:
            count = activation.shape[1]
            y, x, feature = tf.unstack(position, axis=1)
            position = tf.stack([class_tokens(count) + y * _side(count) + x, feature], axis=1)
        return tf.gather_nd(activation, position, batch_dims=1)

    def get_config(self):
        if "index" in self.parameters:
            units = self.parameters["index"].tolist()
        else:
            units = [tuple(position) for position in self.parameters["position"].tolist()]
        if self._of_class:
            units = [(_CLASS, feature) for _, feature in units]
        return {"layer": self.layer, "units": units, "names": self.names}

    def _shown(self):
        return self.get_config()["units"][0]


def _side(count):
    """Side of the grid of patches that a layer of so many tokens has."""
    return math.isqrt(count - class_tokens(count))
