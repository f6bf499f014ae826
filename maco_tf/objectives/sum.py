"""Weighted sums of objectives."""

import keras

from maco_tf.objectives.objective import Objective


@keras.saving.register_keras_serializable(package="maco_tf")
class Sum(Objective):
    """A weighted sum; what the operators return.

    Args:
        terms: list of `(weight, Term)`. Each weight multiplies its own term only.

    Raises:
        ValueError: the terms' batches have different lengths, none of them one.
    """

    def __init__(self, terms):
        lengths = sorted({len(term) for _, term in terms} - {1})
        if len(lengths) > 1:
            raise ValueError(
                "Objectives that are combined must have equal lengths, or length one. Received: lengths "
                f"{', '.join(str(len(term)) for _, term in terms)}. For every combination use product(a, b)."
            )
        self._length = lengths[0] if lengths else 1
        self._terms = tuple((float(weight), term) for weight, term in terms)

    @property
    def terms(self):
        return self._terms

    @property
    def names(self):
        texts = [_signed(weight) for weight, _ in self._terms]
        texts[0] = texts[0].removeprefix(" + ").replace(" - ", "-")
        columns = [term.names * (self._length // len(term)) for _, term in self._terms]
        return ["".join(text + name for text, name in zip(texts, row)) for row in zip(*columns)]

    def take(self, indices):
        # A batch of one serves every image, so it stays as it is, unless all are.
        if self._length == 1:
            return Sum([(weight, term.take(indices)) for weight, term in self._terms])
        return Sum([(weight, term if len(term) == 1 else term.take(indices)) for weight, term in self._terms])

    def get_config(self):
        return {"terms": [[weight, keras.saving.serialize_keras_object(term)] for weight, term in self._terms]}

    @classmethod
    def from_config(cls, config):
        return cls([(weight, keras.saving.deserialize_keras_object(term)) for weight, term in config["terms"]])


def _signed(weight):
    sign = " - " if weight < 0 else " + "
    return sign if abs(weight) == 1 else f"{sign}{abs(weight):g} "
