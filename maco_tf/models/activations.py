"""From images to the activations of any layers of any Keras 3 model."""

import contextlib
import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from maco_tf.checks import warn_user
from maco_tf.models.bound_batch import run_in_batches, run_otherwise
from maco_tf.models.final_activation import is_softmax, pre_activation, probabilities
from maco_tf.models.folding import folded_normalization
from maco_tf.models.input_range import InputRange, find_input_range
from maco_tf.models.input_shape import (
    as_input,
    channels_first,
    check_converted,
    check_model,
    declared_batch,
    resolve_input_shape,
)
from maco_tf.models.outputs import model_output
from maco_tf.models.precision import check_compute_dtype, computes_in, computing_in
from maco_tf.models.preprocessing import Preprocessing, as_preprocessing
from maco_tf.models.random_layers import random_layers_from
from maco_tf.models.references import distinct, find_reference, read_reference, traced_shapes
from maco_tf.models.tracing import record_outputs

# References to tensors that are not a layer's output. A layer's name cannot contain "<".
LOGITS = "<logits>"
PROBABILITIES = "<probabilities>"
IMAGE = "<image>"


def logits_of(output: str | None) -> str:
    """The reference to the logits of one output, for a model with several.

    Args:
        output: the output's name, see `model_output`; `None` if the model has only one.

    Returns:
        A layer reference for `Activations`.
    """
    return LOGITS if output is None else f"{LOGITS}{output}"


class Activations:
    """A function from images in [0, 1] to activations of a model.

    The model is called as `model(x, training=False)` and never changes: everything that a call would leave behind in
    Keras's variables and losses, such as counters or the states of random layers, is caught.

    Args:
        model: a built `keras.Model`: functional, sequential, nested or subclassed.
        preprocessing: "auto" finds the model's input range, see `find_input_range`; otherwise see `as_preprocessing`.
        input_shape: `(height, width, channels)` of the model's input. By default it is read from the model, and sizes
            that the model leaves open become 224. If `preprocessing` is a function, this may be the shape of other
            images, which the function converts to the model's input: other channels, sizes, or channels first.
        fold: whether to fold batch normalisation into the convolution before it, which is faster and changes values by
            rounding only; see `folded_normalization`.

    Attributes:
        model: the model.
        input_shape: `(height, width, channels)`.
        preprocessing: the preprocessing in force: the argument, or what "auto" found.
        range_found: a line about an input range other than [0, 1] that "auto" found; empty otherwise.
        precision: the precision in which the model computes; `None` is its own policy. See `with_precision`.

    Raises:
        ValueError: the model is not a built Keras 3 model that takes one batch of images with channels last.
    """

    model: keras.Model
    input_shape: tuple[int, int, int]
    preprocessing: Preprocessing
    range_found: str
    precision: str | None

    def __init__(
        self,
        model: keras.Model,
        preprocessing: Preprocessing = "auto",
        input_shape: Sequence[int] | None = None,
        *,
        fold: bool = False,
    ) -> None:
        converts = callable(preprocessing) and input_shape is not None
        check_model(model, converts=converts)
        self.model = model
        self.input_shape = resolve_input_shape(model, input_shape, converts=converts)
        # Only channels last is understood in layers.
        self._channels_first = channels_first(model)
        # The batch size of a model that cannot be called on another one; found by the first call that fails.
        self._batch: int | None = None
        self._range = self._find_range() if isinstance(preprocessing, str) and preprocessing == "auto" else None
        self.preprocessing = preprocessing if self._range is None else self._range.mode
        self.range_found = "" if self._range is None else self._range.sentence
        self._preprocess = as_preprocessing(self.preprocessing)
        self._fold = fold
        # The first trace fills this set, usually the trace of `shapes`.
        self._shared: set[int] = set()
        self._shapes: dict[str | int, tuple[int | None, ...]] = {}
        self._drawn: set[str] = set()
        self.precision = None

    def _find_range(self) -> InputRange:
        """The range that the model expects. A doubtful range is warned of once."""
        found = find_input_range(self.model, self.input_shape)
        if found.doubt and not found.told:
            found.told = True
            warn_user(found.doubt)
        return found

    def say_range(self) -> None:
        """Print `range_found`, once for each model. Whoever shows images to the model calls this first."""
        if self._range is not None:
            self._range.say()

    @property
    def gradient_scale(self) -> float:
        """A factor by which to multiply scores, so that gradients in float16 layers do not underflow."""
        # As in Keras's LossScaleOptimizer, but fixed: a power of two keeps runs reproducible.
        halves = self.precision == "float16" or (self.precision is None and computes_in(self.model, "float16"))
        return 2.0**10 if halves else 1.0

    def with_precision(self, precision: str | None) -> "Activations":
        """The same model in another precision.

        Args:
            precision: "float32", "bfloat16" or "float16"; `None` is the model's own policy. See `computing_in`.

        Returns:
            A new `Activations`.

        Raises:
            ValueError: there is no such precision, or the model is quantised.
        """
        if precision is not None:
            check_compute_dtype(self.model, precision)
        other = copy.copy(self)
        other.precision = precision
        return other

    def __call__(
        self, images: tf.Tensor, layers: Iterable[str | int], *, seed: tf.Tensor | None = None
    ) -> dict[str | int, tf.Tensor]:
        """Run the model, inside a `tf.function` that is being traced.

        Args:
            images: tensor (batch, height, width, channels) of the model's input size, in [0, 1].
            layers: layer references (see `find_reference`), `LOGITS`, results of `logits_of`, or `PROBABILITIES`.
                `IMAGE` is ignored.
            seed: uint32 tensor (2,) from which the model's random layers draw; see `random_layers_from`. With `None`,
                every call draws the numbers that the model would draw next.

        Returns:
            Dictionary, reference -> float32 tensor (batch, ...).
        """
        layers = [layer for layer in distinct(layers) if layer != IMAGE]
        if not layers:
            return {}

        def run(batch: tf.Tensor) -> list[tf.Tensor]:
            # A list, because names do not compare with numbers.
            found = self._run(batch, layers, seed)
            return [found[layer] for layer in layers]

        declared = declared_batch(self.model)
        if self._batch is None:
            try:
                activations = run(images)
            except Exception as error:
                activations, self._batch = run_otherwise(self.model, run, images, len(layers), error)
            if declared is not None and any(item.shape[0] not in (None, images.shape[0]) for item in activations):
                self._batch = declared
                activations = run_in_batches(run, images, declared, len(layers))
        else:
            activations = run_in_batches(run, images, self._batch, len(layers))
        return dict(zip(layers, activations))

    def _run(self, images: tf.Tensor, layers: list[str | int], seed: tf.Tensor | None) -> dict[str | int, tf.Tensor]:
        """Call the model once; see `__call__`."""
        found = {layer: find_reference(self.model, layer) for layer in layers if not self._as_output(layer)}
        preprocessed = self._preprocessed(images)
        with (
            # Catches everything that the model assigns, draws or adds as a loss.
            keras.StatelessScope(collect_losses=True),
            random_layers_from(seed, self._drawn),
            record_outputs(reference.operation for reference in found.values()) as outputs,
            folded_normalization(self._shared, outputs) if self._fold else contextlib.nullcontext(),
            computing_in(self.model, self.precision),
        ):
            prediction = self._predict(preprocessed)
        activations = {
            layer: read_reference(self.model, layer, reference, outputs[id(reference.operation)], preprocessed)
            for layer, reference in found.items()
        }
        for layer in layers:
            if as_output := self._as_output(layer):
                read, name = as_output
                activations[layer] = read(model_output(self.model, prediction, name))
            elif self._channels_first is not None and len(activations[layer].shape) > 2:
                raise ValueError(
                    f'"layer" must not hold maps, because {self._channels_first!r} of this model keeps channels first. '
                    f"Received: {layer!r}, of shape {tuple(activations[layer].shape)}. The logits can be explained; "
                    'for other layers, build the model with data_format="channels_last".'
                )
        return {layer: tf.cast(activations[layer], tf.float32) for layer in layers}

    def is_random(self, layers: Iterable[str | int]) -> bool:
        """Whether the model draws random numbers when it is called, as dropout with `training=True` does.

        Args:
            layers: as for `__call__`.
        """
        self.shapes(layers)  # Traces the model if nothing has traced it before.
        return bool(self._drawn)

    def _predict(self, images: tf.Tensor) -> Any:
        try:
            return self.model(as_input(self.model, images), training=False)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            if self.precision is None:
                raise
            raise ValueError(
                f'"precision" must be one in which the whole model can be called. Received: {self.precision!r}, in '
                f"which the call fails: {error}. If a custom layer holds constants of a fixed dtype, cast them to the "
                "dtype of its input, or use precision=None."
            ) from error

    def _preprocessed(self, images: tf.Tensor) -> tf.Tensor:
        try:
            preprocessed = tf.convert_to_tensor(self._preprocess(images))
        except Exception as error:
            raise ValueError(
                '"preprocessing" must map a tensor (batch, height, width, channels) in [0, 1] to a tensor, with '
                f"operations of TensorFlow or Keras. Received: {type(error).__name__}: {error}"
            ) from error
        if callable(self.preprocessing):
            check_converted(self.model, preprocessed)
        return preprocessed

    def shapes(self, layers: Iterable[str | int]) -> dict[str | int, tuple[int | None, ...]]:
        """The shapes of some activations, without running the model.

        Args:
            layers: as for `__call__`.

        Returns:
            Dictionary, reference -> tuple without the batch axis; unknown sizes are `None`.

        Raises:
            ValueError: the model has no such layer.
        """
        layers = [layer for layer in distinct(layers) if layer != IMAGE]
        unknown = [layer for layer in layers if layer not in self._shapes]
        for layer in unknown:
            if not self._as_output(layer):
                find_reference(self.model, layer)
        if unknown:
            spec = tf.TensorSpec((1, *self.input_shape), tf.float32)

            # TensorFlow sorts the keys of a dictionary, and names do not compare with numbers: hence a list.
            def values(images: tf.Tensor) -> list[tf.Tensor]:
                found = self(images, unknown)
                for layer in unknown:
                    self._warn_of_softmax(layer, found[layer])
                return [found[layer] for layer in unknown]

            with tf.init_scope():  # No tape of the user records the trace.
                traced = tf.function(values, autograph=False).get_concrete_function(spec)
            for layer, activation in zip(unknown, traced.structured_outputs):
                self._shapes[layer] = tuple(activation.shape[1:])
        return {layer: self._shapes[layer] for layer in layers}

    def all_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes of all layers that can be read by their path alone, from one trace; see `traced_shapes`.

        Returns:
            Dictionary, path -> tuple without the batch axis; unknown sizes are `None`.
        """
        return traced_shapes(self.model, lambda images: self._run(images, [], None), self.input_shape)

    def _as_output(self, reference: str | int) -> tuple[Callable[[tf.Tensor], tf.Tensor], str | None] | None:
        """`(function of the output, the output's name or None)` if the reference means a model's output."""
        if reference == PROBABILITIES:
            return probabilities, None
        if isinstance(reference, str) and reference.startswith(LOGITS):
            return lambda output: pre_activation(output, self.model), reference.removeprefix(LOGITS) or None
        return None

    def _warn_of_softmax(self, layer: str | int, activation: tf.Tensor) -> None:
        if not self._as_output(layer) and is_softmax(activation):
            warn_user(
                f"{layer!r} is a softmax, so the objective maximises a probability, whose gradient vanishes near 0 and "
                f'1. For the values before the softmax, use "{layer}:logits".'
            )
