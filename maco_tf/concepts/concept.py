"""Concept: a direction of a bank as an objective."""

import keras

from maco_tf.concepts.bank import ConceptBank
from maco_tf.objectives.direction import Direction
from maco_tf.objectives.units import as_units, check_units


@keras.saving.register_keras_serializable(package="maco_tf")
class Concept(Direction):
    """Dot product with a concept's direction times a power of the cosine to it, at every position of its layer.

    Args:
        bank: a `ConceptBank`.
        concepts: a concept's number, or a list of them: a batch of objectives.
        cosine_power: see `Direction`.
        names: list of names for the results; `None` takes the bank's.

    Raises:
        ValueError: `bank` is none, or a concept that it does not have.
    """

    def __init__(self, bank, concepts, *, cosine_power=2.0, names=None):
        if not isinstance(bank, ConceptBank):
            raise ValueError(
                f'"bank" must be a maco_tf.ConceptBank. Received: {type(bank).__name__}. Make one from an array of '
                "directions with ConceptBank(directions, layer)."
            )
        indices = as_units("concepts", concepts)
        check_units("concepts", indices, len(bank), "the bank")
        names = names or [bank.names[index] for index in indices]
        super().__init__(bank.layer, list(bank.directions[indices]), cosine_power=cosine_power, names=names)

    @classmethod
    def from_config(cls, config):
        # What was saved are the directions: the bank is not needed to maximise them.
        concept = cls.__new__(cls)
        Direction.__init__(concept, **{**config, "vectors": list(config["vectors"])})
        return concept
