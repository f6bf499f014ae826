"""Images to the activations of any layers of any Keras 3 model."""

import contextlib
import copy

import keras
import tensorflow as tf

from maco_tf.models.folding import folded_normalization
from maco_tf.models.layers import find_layer
from maco_tf.models.outputs import layer_output, model_output, pre_activation, probabilities
from maco_tf.models.precision import check_compute_dtype, computes_in, computing_in
from maco_tf.models.preprocessing import as_preprocessing
from maco_tf.models.tracing import record_outputs

# What may be asked for besides a layer. No layer can bear these names.
LOGITS = "<logits>"
PROBABILITIES = "<probabilities>"
IMAGE = "<image>"

# The input's side where neither the model nor the user says: what most ImageNet networks take.
_DEFAULT_SIDE = 224


def logits_of(output):
    """The reference of one output's logits, in a model of several.

    Args:
        output: see `model_output`; `None` where there is only one.

    Returns:
        A layer reference for `Activations`.
    """
    return LOGITS if output is None else f"{LOGITS}{output}"


class Activations:
    """A model seen as a function from images in [0, 1] to activations.

    The model is called as `model(x, training=False)` and never changed: what a call would leave behind in Keras's
    variables and losses, such as counters or the states of random layers, is caught.

    Args:
        model: a built `keras.Model`: functional, sequential, nested or subclassed.
        preprocessing: see `as_preprocessing`.
        input_shape: `(height, width, channels)` of the model's input. `None` reads it from the model;
            unknown sizes become 224.
        fold: whether batch normalisation becomes part of the convolution before it, which is faster and differs from
            the model's own values by rounding; see `folded_normalization`.

    Attributes:
        precision: what the model computes in; `None` is its own policy. `with_precision` sets another.

    Raises:
        ValueError: `model` is no built Keras 3 model of one image input with channels last.
    """

    def __init__(self, model, preprocessing=None, input_shape=None, *, fold=False):
        _check_model(model)
        self.model = model
        self.input_shape = _resolve_input_shape(model, input_shape)
        self._preprocess = as_preprocessing(preprocessing)
        self._fold = fold
        # Filled by the first trace, usually that of `shapes`.
        self._shared = set()
        self._shapes = {}
        self.precision = None

    @property
    def gradient_scale(self):
        """What a score is multiplied by so that the gradient in float16 layers does not underflow."""
        # As in Keras's LossScaleOptimizer; a fixed power of two keeps runs reproducible.
        halves = self.precision == "float16" or (self.precision is None and computes_in(self.model, "float16"))
        return 2.0**10 if halves else 1.0

    def with_precision(self, precision):
        """The same model computing in another precision.

        Args:
            precision: "float32", "bfloat16" or "float16"; `None` is the model's own policy. See `computing_in`.

        Returns:
            An `Activations`.

        Raises:
            ValueError: another precision, or a quantised model.
        """
        if precision is not None:
            check_compute_dtype(self.model, precision)
        other = copy.copy(self)
        other.precision = precision
        return other

    def __call__(self, images, layers):
        """Run the model, inside a `tf.function` that is being traced.

        Args:
            images: tensor (batch, height, width, channels) of the model's input size, in [0, 1].
            layers: iterable of layer references (see `find_layer`; "name#1" is a layer's second call), `LOGITS` and
                what `logits_of` gives, and `PROBABILITIES`.

        Returns:
            Dictionary, reference -> float32 tensor (batch, ...).
        """
        layers = [layer for layer in dict.fromkeys(layers) if layer != IMAGE]
        if not layers:
            return {}
        found = {layer: _find(self.model, layer) for layer in layers if not _as_output(layer)}
        preprocessed = self._preprocessed(images)
        with (
            # Keeps what the model assigns, draws and adds as a loss to itself.
            keras.StatelessScope(collect_losses=True),
            record_outputs(operation for operation, _ in found.values()) as outputs,
            folded_normalization(self._shared, outputs) if self._fold else contextlib.nullcontext(),
            computing_in(self.model, self.precision),
        ):
            prediction = self._predict(preprocessed)
        activations = {
            layer: _choose(layer, outputs[id(operation)], call) for layer, (operation, call) in found.items()
        }
        for layer in filter(_as_output, layers):
            read, name = _as_output(layer)
            activations[layer] = read(model_output(self.model, prediction, name))
        return {layer: tf.cast(activations[layer], tf.float32) for layer in layers}

    def _predict(self, images):
        try:
            return self.model(self._as_input(images), training=False)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            if self.precision is None:
                raise
            raise ValueError(
                f'"precision" must be one that all of the model can be called in. Received: {self.precision!r}, in '
                f"which it fails: {error}. A layer of yours may hold constants of a fixed dtype: give them that of its "
                "input, or take precision=None."
            ) from error

    def _as_input(self, images):
        """A functional model that was declared with a dictionary or list of one input takes one."""
        declared = getattr(self.model, "_inputs_struct", None)
        if isinstance(declared, dict):
            return {next(iter(declared)): images}
        return [images] if isinstance(declared, list) else images

    def _preprocessed(self, images):
        try:
            return tf.convert_to_tensor(self._preprocess(images))
        except Exception as error:
            raise ValueError(
                '"preprocessing" must map a tensor (batch, height, width, channels) in [0, 1] to a tensor, with '
                f"TensorFlow's or Keras's operations. Received: {type(error).__name__}: {error}"
            ) from error

    def shapes(self, layers):
        """The shapes of some activations, without running the model.

        Args:
            layers: as for `__call__`; `IMAGE` is left out.

        Returns:
            Dictionary, reference -> tuple without the batch axis, None where unknown.

        Raises:
            ValueError: the model has no such layer.
        """
        layers = [layer for layer in dict.fromkeys(layers) if layer != IMAGE]
        unknown = [layer for layer in layers if layer not in self._shapes]
        for layer in unknown:
            if not _as_output(layer):
                _find(self.model, layer)
        if unknown:
            spec = tf.TensorSpec((1, *self.input_shape), tf.float32)
            traced = tf.function(lambda images: self(images, unknown), autograph=False).get_concrete_function(spec)
            for layer, activation in traced.structured_outputs.items():
                self._shapes[layer] = tuple(activation.shape[1:])
        return {layer: self._shapes[layer] for layer in layers}


def _as_output(reference):
    """`(how it is read, the output's name or None)` where the reference is of a model's output, else `None`."""
    if reference == PROBABILITIES:
        return probabilities, None
    if isinstance(reference, str) and reference.startswith(LOGITS):
        return pre_activation, reference.removeprefix(LOGITS) or None
    return None


def _find(model, reference):
    """`(operation, call index or None)`."""
    call = None
    if isinstance(reference, str) and "#" in reference:
        reference, _, suffix = reference.rpartition("#")
        if not suffix.isdigit():
            raise ValueError(f'"layer" must end in a call\'s number after "#". Received: {reference}#{suffix}.')
        call = int(suffix)
    return find_layer(model, reference)[1], call


def _choose(reference, outputs, call):
    if not outputs:
        raise ValueError(
            f'"layer" must be one that the model calls on an image. Received: {reference!r}, which it does not '
            "call, or calls inside a tf.function of its own; take that decorator off."
        )
    if call is None and len(outputs) > 1:
        raise ValueError(
            f"The layer {reference!r} is called {len(outputs)} times. Say which call is meant: "
            f'"{reference}#0" to "{reference}#{len(outputs) - 1}".'
        )
    if call is not None and call >= len(outputs):
        raise ValueError(f'"layer" {reference!r} is called {len(outputs)} times: "#0" to "#{len(outputs) - 1}".')
    return layer_output(outputs[call or 0], reference)


def _check_model(model):
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        hint = "Load it with keras.models.load_model, or take one from maco_tf.models.zoo."
        if kind.startswith("tf_keras"):
            hint = "tf_keras is Keras 2: load the model with Keras 3."
        raise ValueError(f'"model" must be a Keras 3 model (keras.Model). Received: {kind}. {hint}')
    if not model.built:
        raise ValueError(
            f'"model" must be built. Received: {model.name!r}, which has no weights yet. Call it once on a batch of '
            "images, or load its weights."
        )
    for layer in model._flatten_layers():
        if getattr(layer, "data_format", None) == "channels_first":
            raise ValueError(
                f'"model" must keep channels last, as images do. Received: {layer.name!r} with channels_first. '
                'Build the model with data_format="channels_last"; its convolution kernels are the same.'
            )


def _resolve_input_shape(model, given):
    known = getattr(model, "input_shape", None)
    if isinstance(known, list | dict) and len(known) == 1:
        known = next(iter(known.values())) if isinstance(known, dict) else known[0]
    if known is not None and (not isinstance(known, tuple) or len(known) != 4):
        raise ValueError(
            f'"model" must take one batch of images, (batch, height, width, channels). Received: inputs {known}. Give '
            "the other inputs values in a model of your own: keras.Model(image, model([image, constant]))."
        )
    if given is not None:
        given = tuple(given)
        if len(given) != 3 or not all(isinstance(size, int) and size > 0 for size in given):
            raise ValueError(f'"input_shape" must be (height, width, channels). Received: {given}.')
        if known and any(size not in (None, wanted) for size, wanted in zip(known[1:], given)):
            raise ValueError(f'"input_shape" must fit the model\'s input {known[1:]}. Received: {given}.')
        return given
    if known is None or known[-1] is None:
        raise ValueError(
            '"input_shape" must be given as (height, width, channels): '
            f"{model.name!r} ({type(model).__name__}) does not tell it. Received: None."
        )
    height, width, channels = known[1:]
    return height or _DEFAULT_SIDE, width or _DEFAULT_SIDE, channels
