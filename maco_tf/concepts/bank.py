"""Concepts as directions in the activation space of a layer, and as objectives."""

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from maco_tf.objectives.direction import Direction
from maco_tf.objectives.units import as_units, check_units


@dataclasses.dataclass(frozen=True, eq=False, init=False, repr=False)
class ConceptBank:
    """Concepts as directions in a layer, whether they come from CRAFT, k-means, PCA or a sparse autoencoder's decoder.

        bank = ConceptBank(kmeans.cluster_centers_, "block6d_add")
        visualizer.explain(Concept(bank, [0, 3]))

    Args:
        directions: array (concepts, channels) of any length but zero.
        layer: name, path or index of the layer.
        importances: array (concepts,), the contribution of each concept to a prediction; `None` if unknown.
        names: names of the concepts; `None` numbers them.

    Attributes:
        directions: array (concepts, channels), float32, read-only, of length 1 so that coefficients can be compared.
        layer: name, path or index of the layer.
        importances: array (concepts,), float32, read-only; or `None`.
        names: list of strings.

    Raises:
        ValueError: an array has the wrong shape, a direction is zero or not finite, an importance is not finite, or
            `layer` cannot refer to a layer.
    """

    directions: np.ndarray
    layer: str | int
    importances: np.ndarray | None
    names: list[str]

    def __init__(
        self,
        directions: ArrayLike,
        layer: str | int,
        importances: ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        vectors = _unit_vectors(directions)
        weights = None if importances is None else _as_importances(importances)
        texts = [f"concept {index}" for index in range(len(vectors))] if names is None else list(names)
        if not isinstance(layer, str | numbers.Integral) or isinstance(layer, bool):
            raise ValueError(f'"layer" must be the name, path or index of a layer. Received: {layer!r}.')
        for name, values in (("importances", weights), ("names", texts)):
            if values is not None and len(values) != len(vectors):
                raise ValueError(
                    f'"{name}" must have one entry for each of {len(vectors)} concepts. Received: {len(values)}.'
                )
        for array in (vectors, weights):
            if array is not None:
                array.setflags(write=False)
        object.__setattr__(self, "directions", vectors)
        object.__setattr__(self, "layer", layer if isinstance(layer, str) else int(layer))
        object.__setattr__(self, "importances", weights)
        object.__setattr__(self, "names", texts)

    def __len__(self) -> int:
        return len(self.directions)

    def __repr__(self) -> str:
        return f"<ConceptBank of {len(self)} concepts in {self.layer}>"

    def ranking(self) -> np.ndarray:
        """Order the concepts by importance.

        Returns:
            Array (concepts,), the numbers of the concepts, the most important first; in the bank's order if the
            importances are unknown.
        """
        if self.importances is None:
            return np.arange(len(self))
        return np.argsort(-self.importances, kind="stable")

    def coefficients(self, activations: ArrayLike) -> np.ndarray:
        """Approximate activations by sums of the directions, with coefficients that are not negative.

        Args:
            activations: array (..., channels).

        Returns:
            Array (..., concepts), float32: the solution of non-negative least squares.

        Raises:
            ValueError: the number of channels is not that of the directions, or a value is not finite.
        """
        activations = np.asarray(activations)
        channels = self.directions.shape[1]
        if not activations.ndim or activations.shape[-1] != channels:
            raise ValueError(
                f'"activations" must have {channels} channels in the last axis. Received: shape {activations.shape}.'
            )
        rows = activations.reshape(-1, channels).astype("float64")
        if not np.isfinite(rows).all():
            raise ValueError('"activations" must be finite. Received: an array with NaN or infinity.')
        # Inside the space that the directions span, the solution is the same, with one equation for each concept
        # instead of one for each channel.
        orthonormal, triangle = np.linalg.qr(self.directions.T.astype("float64"))
        solved = [nnls(triangle, row)[0] for row in rows @ orthonormal]
        return np.asarray(solved, "float32").reshape(*activations.shape[:-1], len(self))


@keras.saving.register_keras_serializable(package="maco_tf")
class Concept(Direction):
    """A concept of a bank as an objective: a `Direction`, compared with every position of the bank's layer.

    Args:
        bank: a `ConceptBank`.
        concepts: the number of a concept, or a list of numbers, which makes a batch of objectives.
        cosine_power: exponent of the cosine; see `Direction`.
        names: names of the objectives; `None` takes those of the bank.

    Raises:
        ValueError: `bank` is not a `ConceptBank`, or it does not have a concept.
    """

    def __init__(
        self,
        bank: ConceptBank,
        concepts: int | Sequence[int],
        *,
        cosine_power: float = 2.0,
        names: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(bank, ConceptBank):
            raise ValueError(
                f'"bank" must be a maco_tf.ConceptBank. Received: {type(bank).__name__}. '
                "ConceptBank(directions, layer) makes one from an array of directions."
            )
        indices = as_units("concepts", concepts)
        check_units("concepts", indices, len(bank), "the bank")
        names = names or [bank.names[index] for index in indices]
        super().__init__(bank.layer, list(bank.directions[indices]), cosine_power=cosine_power, names=names)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Concept":
        # The configuration holds the directions; the bank is not needed to maximise them.
        concept = cls.__new__(cls)
        Direction.__init__(concept, **{**config, "vectors": list(config["vectors"])})
        return concept


def _unit_vectors(directions: ArrayLike) -> np.ndarray:
    try:
        vectors = np.array(directions, "float32")
    except (TypeError, ValueError) as error:
        raise ValueError(f'"directions" must be an array (concepts, channels). Received: {error}.') from error
    if vectors.ndim != 2 or not vectors.size:
        raise ValueError(f'"directions" must have the shape (concepts, channels). Received: shape {vectors.shape}.')
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unusable = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0)).tolist()
    if unusable:
        raise ValueError(
            f'"directions" must be finite and not zero. Received: rows {unusable}, which are not. Leave these concepts '
            "out."
        )
    return vectors / lengths


def _as_importances(importances: ArrayLike) -> np.ndarray:
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
