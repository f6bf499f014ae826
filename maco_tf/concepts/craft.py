"""CRAFT: the concepts by which a network tells a class, found by xplique."""

import contextlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.concepts.bank import ConceptBank
from maco_tf.models.activations import LOGITS, Activations
from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.models.splitting import last_feature_maps, logits_behind
from maco_tf.objectives.logit import Logit

# Neighbours overlap by a fifth, as in xplique's CRAFT.
_STRIDE = 0.8


def extract_patches(images, size):
    """Cut square patches out of images, row by row.

    Args:
        images: array (batch, height, width, channels), float32.
        size: side of a patch, pixels.

    Returns:
        Array (batch * patches, size, size, channels), float32, the patches of one image side by side.

    Raises:
        ValueError: the size is not an integer of at least 1, or the images are smaller than a patch.
    """
    check_integer("patch_size", size, 1)
    if min(images.shape[1:3]) < size:
        raise ValueError(f'"patch_size" must not exceed the images\' size, {images.shape[1:3]}. Received: {size}.')
    stride = _stride(size)
    cut = tf.image.extract_patches(images, (1, size, size, 1), (1, stride, stride, 1), (1, 1, 1, 1), "VALID")
    return tf.reshape(cut, (-1, size, size, images.shape[-1])).numpy()


def count_patches(images, size):
    """How many patches `extract_patches` cuts."""
    along = [(side - size) // _stride(size) + 1 for side in images.shape[1:3]]
    return len(images) * along[0] * along[1]


def _stride(size):
    return max(1, int(_STRIDE * size))


# xplique's patches have 64 of 224 pixels.
_PATCH = 64 / 224


def craft(
    model, images, class_id, *, layer=None, size=10, patch_size=None, preprocessing=None, input_shape=None, seed=0
):
    """Factorise what a layer makes of patches of a class's images into concepts, and weigh these.

    Activations of patches, averaged over positions, are factorised into non-negative concepts; a concept's importance
    is its total Sobol index for the class's logit, over the images (Fel et al., 2023). Both are done by
    `xplique.concepts.CraftTf`.

    Args:
        model: see `MacoVisualizer`.
        images: array (images, height, width, channels) of one class, integers up to 255 or numbers in [0, 1]; their
            centre is resized to the model's input. Half a dozen give a first look.
        class_id: the class: its number, or its ImageNet label.
        layer: name, path or index of a layer with maps (batch, height, width, channels) without negative values, as
            behind a ReLU, that all of the prediction depends on; `None` takes the last layer with such maps.
        size: number of concepts in the bank, at most that of patches.
        patch_size: side of a patch, pixels of the model's input; `None` is 64 of 224.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        seed: integer, of the factorisation's start.

    Returns:
        A `ConceptBank` with importances.

    Raises:
        ValueError: an argument outside its range, a layer with negative values or one that does not split the model.
        ImportError: scikit-learn, which xplique's CRAFT needs, is not installed.

    Source: Fel et al., CVPR 2023 (arXiv:2211.10154).
    """
    crafter = _crafter()
    activations = Activations(model, preprocessing, input_shape)
    class_index = _class_index(activations, class_id)
    images = as_images("images", images)
    check_channels("images", images, activations.input_shape[-1])
    images = fit_images(images, activations.input_shape[:2])
    patch_size = default_patch_size(images) if patch_size is None else patch_size
    for name, value, least, most in (
        ("size", size, 1, 10_000),
        ("patch_size", patch_size, 1, min(images.shape[1:3])),
        ("seed", seed, 0, 2**31 - 1),
    ):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f'"{name}" must be an integer from {least} to {most}. Received: {value!r}.')
    patches = count_patches(images, patch_size)
    if size > patches:
        # Each would be a patch by itself, and the Sobol indices take memory as the square of the size.
        raise ValueError(
            f'"size" must not exceed the number of patches, {patches}, which are factorised. Received: {size}. Give '
            "more images, or a smaller patch_size."
        )
    layer = _checked_layer(activations, images, layer)
    extractor = crafter(
        _Part(lambda batch: activations(batch, [layer])[layer]),
        _Part(lambda values: logits_behind(activations, layer, values)),
        number_of_concepts=size,
        batch_size=32,
        patch_size=patch_size,
    )
    with _seeded(seed), warnings.catch_warnings():
        # A factorisation that is stopped early is as good a dictionary; every run would say so.
        warnings.filterwarnings("ignore", message="Maximum number of iterations")
        try:
            _, _, directions = extractor.fit(images, class_index)
            importances = np.nan_to_num(extractor.estimate_importance())
        except (AssertionError, ValueError) as error:
            raise ValueError(
                f'"images" must activate the layer {layer!r}, and their patches leave none of its values negative. '
                f"Received: images of which xplique says: {error}"
            ) from error
    used = np.abs(directions).sum(axis=1) > 0
    if not used.any():
        raise ValueError('"images" must activate the layer. Received: images on which it is zero everywhere.')
    return ConceptBank(directions[used], layer, importances[used])


def default_patch_size(images):
    """Side of a patch where none is asked for, pixels: 64 of 224."""
    return max(1, round(_PATCH * min(images.shape[1:3])))


class _Part(keras.Model):
    """A function as xplique wants it, a Keras model. It holds no layer of the user's."""

    def __init__(self, function):
        super().__init__(name="part", dtype="float32")
        self._function = function
        # Compiling costs more than it saves in the few calls there are.
        self.jit_compile = False

    def call(self, values):
        return self._function(values)


def _crafter():
    try:
        from xplique.concepts import CraftTf
    except ImportError as error:
        raise ImportError(
            'CRAFT needs scikit-learn, which is not installed. Run: pip install "maco_tf[concepts]"'
        ) from error
    return CraftTf


def _class_index(activations, class_id):
    logit = Logit(class_id)
    if len(logit) != 1:
        raise ValueError(f'"class_id" must be one class. Received: {class_id!r}.')
    logit.check(activations.shapes([LOGITS])[LOGITS])
    return int(logit.parameters["index"][0])


def _checked_layer(activations, images, layer):
    if layer is None:
        layer = last_feature_maps(activations, images, lambda maps: tf.reduce_min(maps) >= 0)
        if layer is None:
            raise ValueError(
                '"layer" must be given: no layer of the model has maps (batch, height, width, channels) without '
                "negative values. Received: None. Such models take a bank of another source: ConceptBank(directions, "
                "layer)."
            )
        return layer
    shape = activations.shapes([layer])[layer]
    if len(shape) != 3:
        raise ValueError(
            f'"layer" must have maps (batch, height, width, channels). Received: {layer!r} of shape {shape}.'
        )
    batch = tf.constant(images)
    seen = tf.function(lambda batch: tf.reduce_min(activations(batch, [layer])[layer]), autograph=False)
    least = float(seen.get_concrete_function(batch)(batch))
    if least < 0:
        raise ValueError(
            f'"layer" must have no negative values, since they are factorised into non-negative concepts. Received: '
            f"{layer!r} with values down to {least:.3g}. Take the ReLU behind it."
        )
    return layer


@contextlib.contextmanager
def _seeded(seed):
    """NumPy's global generator, which xplique's factorisation draws from, at a seed; put back afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
