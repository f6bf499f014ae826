"""Weighted sums of objectives."""

import keras
import numpy as np

from maco_tf.objectives.objective import Objective


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
