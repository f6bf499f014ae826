"""Neuron: one value of a layer."""

import keras
import numpy as np
import tensorflow as tf

from maco_tf.objectives.objective import Term
from maco_tf.objectives.units import as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Neuron(Term):
    """One value of a layer.

    Args:
        layer: name, path or index of the layer.
        units: the neuron's index in the flattened layer, or its position as a tuple, `(y, x, channel)`; or a
            list of either: a batch of objectives.
        names: list of names for the results.
    """

    def __init__(self, layer, units, *, names=None):
        self.layer = layer
        positions = [units] if isinstance(units, tuple) else units
        if isinstance(positions, list) and positions and isinstance(positions[0], list | tuple):
            if len({len(position) for position in positions}) != 1:
                raise ValueError(f'"units" must be positions of one rank. Received: {units}.')
            parameters = {"position": np.stack([as_units("units", position) for position in positions])}
            texts = [",".join(map(str, position)) for position in positions]
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
        if positions.shape[1] != len(shape):
            raise ValueError(
                f'"units" must have {len(shape)} coordinates: {where} has {len(shape)} axes. '
                f"Received: {tuple(positions[0].tolist())}."
            )
        for axis, size in enumerate(shape):
            check_units("units", positions[:, axis], size, f"axis {axis} of {where}")

    def score(self, activation, *, index=None, position=None):
        if position is not None:
            return tf.gather_nd(activation, position, batch_dims=1)
        return tf.gather(tf.reshape(activation, (activation.shape[0], -1)), index, batch_dims=1)

    def get_config(self):
        if "index" in self.parameters:
            units = self.parameters["index"].tolist()
        else:
            units = [tuple(position) for position in self.parameters["position"].tolist()]
        return {"layer": self.layer, "units": units, "names": self.names}
