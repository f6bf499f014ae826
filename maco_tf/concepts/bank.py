"""A dictionary of directions in a layer's activation space."""

import dataclasses

import keras
import numpy as np
from scipy.optimize import nnls

from maco_tf.objectives.direction import Direction
from maco_tf.objectives.units import as_units, check_units


@dataclasses.dataclass(frozen=True, eq=False)
class ConceptBank:
    """Concepts as directions: of CRAFT, k-means, PCA, a sparse autoencoder's decoder, whatever their source.

        bank = ConceptBank(kmeans.cluster_centers_, "block6d_add")
        visualizer.explain(Concept(bank, [0, 3]))

    Attributes:
        directions: array (concepts, channels), float32, brought to length 1, so that coefficients can be compared.
        layer: name, path or index of the layer whose activations the directions lie in.
        importances: array (concepts,), float32, how much each matters to the prediction; or `None` where nobody asked.
        names: list of strings; `None` numbers them.

    Raises:
        ValueError: an array of another shape, a direction that is not finite or zero, importances that are not finite,
            a layer that is no reference of one.
    """

    directions: np.ndarray
    layer: str | int
    importances: np.ndarray | None = None
    names: list | None = None

    def __post_init__(self):
        try:
            directions = np.array(self.directions, "float32")
        except (TypeError, ValueError) as error:
            raise ValueError(f'"directions" must be an array (concepts, channels). Received: {error}.') from error
        if directions.ndim != 2 or not directions.size:
            raise ValueError(f'"directions" must have the shape (concepts, channels). Received: {directions.shape}.')
        lengths = np.linalg.norm(directions, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            unusable = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0)).tolist()
            raise ValueError(
                f'"directions" must be finite and not zero. Received: rows {unusable} that are not. Leave these '
                "concepts out."
            )
        if not isinstance(self.layer, str | int) or isinstance(self.layer, bool):
            raise ValueError(f'"layer" must be the name, path or index of a layer. Received: {self.layer!r}.')
        importances = None if self.importances is None else _as_importances(self.importances)
        names = [f"concept {index}" for index in range(len(directions))] if self.names is None else list(self.names)
        for name, value in (("importances", importances), ("names", names)):
            if value is not None and len(value) != len(directions):
                raise ValueError(f'"{name}" must have one for each of {len(directions)} concepts. Received: {value}.')
        for name, value in (
            ("directions", _frozen(directions / lengths)),
            ("importances", _frozen(importances)),
            ("names", names),
        ):
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.directions)

    def __repr__(self):
        return f"<ConceptBank of {len(self)} concepts in {self.layer}>"

    def ranking(self):
        """Array of concept numbers: by falling importance, or as they are where there is none."""
        if self.importances is None:
            return np.arange(len(self))
        return np.argsort(-self.importances, kind="stable")

    def coefficients(self, activations):
        """Each activation as a sum of the directions with coefficients of 0 or more, the nearest there is.

        Args:
            activations: array (..., channels).

        Returns:
            Array (..., concepts), float32, not negative (non-negative least squares).

        Raises:
            ValueError: another number of channels, or values that are not finite.
        """
        activations = np.asarray(activations)
        channels = self.directions.shape[1]
        if not activations.ndim or activations.shape[-1] != channels:
            raise ValueError(
                f'"activations" must have {channels} channels in the last axis. Received: shape {activations.shape}.'
            )
        rows = activations.reshape(-1, channels).astype("float64")
        if not np.isfinite(rows).all():
            raise ValueError('"activations" must be finite. Received: NaN or infinity among them.')
        basis = self.directions.T.astype("float64")
        # Solved in the space that the directions span: the same solution, with few equations instead of one a channel.
        orthonormal, triangle = np.linalg.qr(basis)
        solved = [nnls(triangle, row)[0] for row in rows @ orthonormal]
        return np.asarray(solved, "float32").reshape(*activations.shape[:-1], len(self))


def _as_importances(importances):
    try:
        values = np.array(importances, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'"importances" must be a list of numbers, one for each concept. Received: {error}.'
        ) from error
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(
            f'"importances" must be a list of finite numbers, one for each concept. Received: {importances!r}.'
        )
    return values


def _frozen(value):
    if value is not None:
        value.setflags(write=False)
    return value


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
