"""What each position of a layer contributes to a score, and which pixels its strongest position depends on."""

from typing import Any

import numpy as np
import tensorflow as tf

from maco_tf.exemplars.fields.receptive_field import token_grid
from maco_tf.models.activations import IMAGE, Activations
from maco_tf.models.layers import layer_paths
from maco_tf.models.tracing import record_outputs
from maco_tf.objectives.objective import Objective
from maco_tf.objectives.term import layers_read
from maco_tf.optimization.scoring import check_objective, objective_tensors, reference_activations, score_images


class PatchMaps:
    """The contributions of positions to an objective, compiled for batches of one size.

    Args:
        activations: the model.
        objective: an objective for each image.
        layer: the layer whose positions are meant; `None` takes the objective's own, or the last feature maps that it
            depends on.

    Attributes:
        layer: the layer in force.
        local: whether the objective reads positions of this layer, so that the strongest of them has a patch. Otherwise
            the whole score has one.

    Raises:
        ValueError: the objective does not fit the model, or the score does not depend on the layer.
    """

    layer: str | int
    local: bool

    def __init__(self, activations: Activations, objective: Objective, layer: str | int | None) -> None:
        objective = objective.resolved(activations)
        self._activations, self._objective = activations, objective
        self._terms = [term for _, term in objective.terms]
        self._layers = list(dict.fromkeys(layers_read(self._terms)))
        shapes: dict[Any, Any] = dict(activations.shapes([*self._layers, *([] if layer is None else [layer])]))
        check_objective(objective, shapes)
        shapes[IMAGE] = activations.input_shape
        single = self._layers[0] if len(self._layers) == 1 else None
        if layer is not None and not _has_positions(shapes[layer]):
            raise ValueError(f'"layer" must have positions. Received: {layer!r}, of shape {shapes[layer]}.')
        self._given = layer
        own = single is not None and _has_positions(shapes[single]) and single != IMAGE
        self.local = own and layer in (None, single)
        self.layer = layer if layer is not None else single if own and single is not None else self._last_maps()

    def __call__(
        self, images: np.ndarray, batch_size: int, *, gradients: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute maps, their strongest positions, and gradients.

        Args:
            images: array (batch, height, width, channels) of the model's input size, float32 in [0, 1].
            batch_size: number of images at a time.
            gradients: whether gradients are needed; otherwise they are an empty array.

        Returns:
            Array (batch, rows, columns), float32, the contributions; array (batch, 2), int64, row and column of the
            strongest of the positions that the objective reads, the first of several; and array (batch, height, width),
            float32, the magnitude over channels of the gradient with respect to the image: of the contribution of that
            position, or of the whole score if the objective does not read positions.
        """
        maps, strongest, slopes = self._run(images, batch_size, gradients)
        if self.local and self._given is None and not maps.any() and self._of_tokens:
            # Only tokens outside the grid are read, such as the class token.
            self.local, self.layer = False, self._last_maps()
            maps, strongest, slopes = self._run(images, batch_size, gradients)
        return maps, np.stack(np.unravel_index(strongest, maps.shape[1:]), axis=1), slopes

    @property
    def _of_tokens(self) -> bool:
        return len(self._activations.shapes([self.layer])[self.layer]) == 2

    def _run(self, images: np.ndarray, batch_size: int, gradients: bool) -> list[np.ndarray]:
        """Contributions, the numbers of the strongest positions, and gradients, batch after batch."""
        tensors = objective_tensors(self._objective)
        number = min(batch_size, len(images))

        @tf.function(autograph=False)
        def compute(batch: tf.Tensor, weights: tf.Tensor, parameters: Any) -> tuple[tf.Tensor, ...]:
            wanted = [layer for layer in dict.fromkeys([*self._layers, self.layer]) if layer != IMAGE]
            seen = {**self._activations(batch, wanted), IMAGE: batch}
            score = self._score(batch, seen, weights, parameters)
            contributions, read = _contributions(score, seen[self.layer])
            flat = tf.reshape(contributions, (number, -1))
            strongest = tf.argmax(tf.where(tf.reshape(read, flat.shape), flat, flat.dtype.min), axis=1)
            if not gradients:
                return contributions, strongest, tf.zeros((number, 0, 0))
            # One position even among equals, as where an activation is clipped: together they would have one large box.
            target = tf.reduce_sum(tf.gather(flat, strongest, batch_dims=1)) if self.local else score
            (slope,) = tf.gradients(target, batch)
            if slope is None:
                raise ValueError(
                    '"objective" must have a gradient with respect to the image. Received: one without. Preprocessing '
                    "and layers must not round, cast to integers or stop gradients."
                )
            return contributions, strongest, tf.norm(slope, axis=-1)

        found: list[list[np.ndarray]] = []
        concrete = None
        for start in range(0, len(images), number):
            # The last batch is filled up, so that one trace serves all batches.
            rows = np.minimum(np.arange(start, start + number), len(images) - 1)
            chosen = tensors.of(tf.constant(rows, tf.int32))
            inputs = (tf.constant(images[rows]), chosen.weights, chosen.parameters)
            # A concrete function, since TensorFlow warns of functions that are traced again and again.
            concrete = concrete or compute.get_concrete_function(*inputs)
            found.append([values.numpy()[: len(images) - start] for values in concrete(*inputs)])
        return [np.concatenate(parts) for parts in zip(*found)]

    def _score(self, batch: tf.Tensor, seen: Any, weights: tf.Tensor, parameters: Any) -> tf.Tensor:
        references = reference_activations(
            self._terms, parameters, lambda images, layer: self._activations(images, [layer])[layer]
        )
        return tf.reduce_sum(score_images(self._terms, seen, weights, parameters, batch.shape[0], references))

    def _last_maps(self) -> str | int:
        """The last layer of feature maps on which the score depends, or the image."""
        paths = layer_paths(self._activations.model)
        chosen: list[str] = []
        tensors = objective_tensors(self._objective).of(tf.constant([0], tf.int32))

        def run(batch: tf.Tensor) -> tf.Tensor:
            with record_outputs(paths.values()) as outputs:
                seen = {**self._activations(batch, self._layers), IMAGE: batch}
            score = self._score(batch, seen, tensors.weights, tensors.parameters)
            chosen.clear()
            for path, operation in reversed(paths.items()):
                calls = outputs[id(operation)]
                maps: Any = calls[0] if len(calls) == 1 else None
                if not tf.is_tensor(maps) or maps.shape.rank != 4 or maps.shape[1] * maps.shape[2] == 1:
                    continue
                if tf.gradients(score, maps)[0] is not None:
                    chosen.append(path)
                    break
            return score

        spec = tf.TensorSpec((1, *self._activations.input_shape), tf.float32)
        tf.function(run, autograph=False).get_concrete_function(spec)
        return chosen[0] if chosen else IMAGE


def _has_positions(shape: tuple[int | None, ...]) -> bool:
    """Whether a layer has several positions: feature maps, or a grid of tokens."""
    if len(shape) == 3:
        return (shape[0] or 2) * (shape[1] or 2) > 1
    return len(shape) == 2 and token_grid(shape[0] or 0)[0] > 1


def _contributions(score: tf.Tensor, activation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Activation times gradient, summed over channels, on the grid of positions, and which of them have a gradient.

    Returns:
        Two tensors (batch, rows, columns), float32 and boolean.
    """
    (slope,) = tf.gradients(score, activation)
    if slope is None:
        raise ValueError('"layer" must be a layer on which the objective depends. Received: one without a gradient.')
    products = tf.reduce_sum(activation * tf.stop_gradient(slope), axis=-1)
    read = tf.reduce_any(slope != 0, axis=-1)
    if products.shape.rank == 3:
        return products, read
    side, before = token_grid(products.shape[1])
    products, read = (tf.reshape(values[:, before:], (-1, side, side)) for values in (products, read))
    return products, read
