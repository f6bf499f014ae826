"""CRAFT: the concepts that a network recognises a class by, found by xplique in patches of its images."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.checks import check_integer
from maco_tf.concepts.bank import ConceptBank
from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.models.activations import LOGITS, Activations
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.models.splitting import last_feature_maps, logits_behind
from maco_tf.objectives.logit import Logit

# Both as in xplique's CRAFT: a patch has 64 of 224 pixels, and neighbours overlap by a fifth.
_PATCH = 64 / 224
_STRIDE = 0.8
# Number of images that the model sees at once.
_BATCH = 32


def craft(
    model: keras.Model,
    images: np.ndarray,
    class_id: int | str,
    *,
    layer: str | int | None = None,
    size: int = 10,
    patch_size: int | None = None,
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    seed: int = 0,
) -> ConceptBank:
    """Factorise a layer's activations on patches of a class into concepts, and estimate their importance.

    The activations of the patches, averaged over positions, are factorised into non-negative concepts. The importance
    of a concept is its total Sobol index for the logit of the class, over the images. `xplique.concepts.CraftTf` does
    both.

    Args:
        model: see `MacoVisualizer`.
        images: array (images, height, width, channels) of one class, integers in [0, 255] or floating-point values in
            [0, 1]; or another form, such as a folder, see `ImageSet`. Their centre is resized to the model's input.
            Half a dozen images suffice for a first look.
        class_id: number or ImageNet label of the class.
        layer: name, path or index of a layer with maps (batch, height, width, channels) that are not negative, such as
            a ReLU. The prediction must depend on the image through this layer only. `None` takes the last layer with
            such maps.
        size: number of concepts in the bank, at most the number of patches.
        patch_size: side of a patch, in pixels of the model's input, at least 2; `None` takes 64 of 224 pixels.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        seed: seed of the factorisation, an integer of at least 0.

    Returns:
        A `ConceptBank` with importances.

    Raises:
        ValueError: an argument lies outside its range, the layer has negative values, or the layer does not split the
            model.
        ImportError: scikit-learn is not installed.

    Source: Fel et al., CVPR 2023 (arXiv:2211.10154).
    """
    crafter = Crafter(model, layer=layer, preprocessing=preprocessing, input_shape=input_shape)
    return crafter(images, class_id, size=size, patch_size=patch_size, seed=seed)


class Crafter:
    """CRAFT for several classes of a model, whose functions are compiled once.

    Args:
        model: see `craft`.
        layer: see `craft`. `None` chooses it by the images of the first class.
        preprocessing: see `craft`.
        input_shape: see `craft`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        layer: str | int | None = None,
        preprocessing: Preprocessing = "auto",
        input_shape: tuple[int, int, int] | None = None,
    ) -> None:
        self._xplique = _crafter()
        self._activations = Activations(model, preprocessing, input_shape)
        self._layer = layer
        self._before: _Part | None = None
        self._behind: _Part | None = None

    def __call__(
        self, images: Any, class_id: int | str, *, size: int = 10, patch_size: int | None = None, seed: int = 0
    ) -> ConceptBank:
        """Factorise the activations of a class; see `craft` for the arguments, the result and the errors."""
        activations = self._activations
        class_index = _class_index(activations, class_id)
        images = as_images("images", images, activations.input_shape[-1], size=activations.input_shape[:2])
        check_channels("images", images, activations.input_shape[-1])
        images = fit_images(images, activations.input_shape[:2])
        size = check_integer("size", size, 1, 10_000)
        patch_size = default_patch_size(images) if patch_size is None else patch_size
        # xplique's patches of one pixel would have a stride of zero.
        patch_size = check_integer("patch_size", patch_size, 2, min(images.shape[1:3]))
        seed = check_integer("seed", seed, 0, 2**31 - 1)
        patches = count_patches(images, patch_size)
        if size > patches:
            # Each concept would be a single patch, and the memory of the Sobol indices grows with the square of the
            # size.
            raise ValueError(
                f'"size" must not exceed the number of patches, {patches}, as these are factorised. Received: {size}. '
                "Use more images, or a smaller patch_size."
            )
        layer, before, behind = self._split(images)
        activations.say_range()
        extractor = self._xplique(before, behind, number_of_concepts=size, batch_size=_BATCH, patch_size=patch_size)
        with _seeded(seed), warnings.catch_warnings():
            # A factorisation that stops early serves as well, and every run would warn of it.
            warnings.filterwarnings("ignore", message="Maximum number of iterations")
            try:
                _, _, directions = extractor.fit(images, class_index)
                importances = np.nan_to_num(extractor.estimate_importance())
            except (AssertionError, ValueError) as error:
                raise ValueError(
                    f'"images" must activate the layer {layer!r}, without negative values on their patches. Received: '
                    f"images for which xplique reports: {error}"
                ) from error
        used = np.abs(directions).sum(axis=1) > 0
        if not used.any():
            raise ValueError(
                f'"images" must activate the layer {layer!r}. Received: images on which it is zero everywhere.'
            )
        return ConceptBank(directions[used], layer, importances[used])

    def _split(self, images: np.ndarray) -> tuple[str | int, "_Part", "_Part"]:
        """The layer, and the model before and behind it, compiled when the first class needs them."""
        activations = self._activations
        self._layer = layer = _chosen_layer(activations, images) if self._layer is None else self._layer
        shape = activations.shapes([layer])[layer]
        if len(shape) != 3:
            raise ValueError(
                f'"layer" must have maps (batch, height, width, channels). Received: {layer!r} of shape {shape}.'
            )
        if self._before is None:
            spec = tf.TensorSpec((None, *activations.input_shape), tf.float32)
            self._before = _Part(lambda batch: activations(batch, [layer])[layer], spec)
        least = float(self._before.predict(images, batch_size=_BATCH, verbose=0).min())
        if least < 0:
            raise ValueError(
                '"layer" must have no negative values, as they are factorised into non-negative concepts. Received: '
                f"{layer!r} with values down to {least:.3g}. Take the ReLU that follows it."
            )
        if self._behind is None:
            # A layer that does not split the model is refused before the factorisation, which takes long.
            spec = tf.TensorSpec((None, *shape), tf.float32)
            self._behind = _Part(lambda values: logits_behind(activations, layer, values), spec)
        return layer, self._before, self._behind


def default_patch_size(images: np.ndarray) -> int:
    """Side of a patch in pixels, 64 of 224, for images (batch, height, width, channels)."""
    return max(1, round(_PATCH * min(images.shape[1:3])))


def extract_patches(images: np.ndarray, size: int) -> np.ndarray:
    """Cut images into overlapping square patches, as xplique's CRAFT does.

    Args:
        images: array (batch, height, width, channels), float32.
        size: side of a patch, pixels.

    Returns:
        Array (batch * patches, size, size, channels), float32: image by image, and row by row within an image.

    Raises:
        ValueError: the size is not an integer of at least 1, or the images are smaller than a patch.
    """
    size = check_integer("patch_size", size, 1)
    if min(images.shape[1:3]) < size:
        raise ValueError(f'"patch_size" must not exceed the size of the images, {images.shape[1:3]}. Received: {size}.')
    stride = _stride(size)
    cut = tf.image.extract_patches(images, (1, size, size, 1), (1, stride, stride, 1), (1, 1, 1, 1), "VALID")
    return tf.reshape(cut, (-1, size, size, images.shape[-1])).numpy()


def count_patches(images: np.ndarray, size: int) -> int:
    """Number of patches that `extract_patches` cuts."""
    rows, columns = ((side - size) // _stride(size) + 1 for side in images.shape[1:3])
    return len(images) * rows * columns


def _stride(size: int) -> int:
    return max(1, int(_STRIDE * size))


class _Part(keras.Model):
    """A function as a Keras model, which xplique asks for. It holds none of the user's layers.

    Args:
        function: from a batch of tensors to one.
        spec: the batch.
    """

    def __init__(self, function: Callable[[tf.Tensor], tf.Tensor], spec: tf.TensorSpec) -> None:
        super().__init__(name="part", dtype="float32")
        # Keras traces `predict` for each size of a batch; the function inside is traced once.
        self._function = tf.function(function, autograph=False).get_concrete_function(spec)
        # For so few calls, compiling with XLA costs more than it saves.
        self.jit_compile = False

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self._function(values)


def _crafter() -> Callable[..., Any]:
    try:
        from xplique.concepts import CraftTf
    except ImportError as error:
        raise ImportError(
            'CRAFT needs scikit-learn, which is not installed. Run: pip install "maco_tf[concepts]"'
        ) from error
    return CraftTf


def _class_index(activations: Activations, class_id: int | str) -> int:
    logit = Logit(class_id)
    if len(logit) != 1:
        raise ValueError(f'"class_id" must be one class. Received: {class_id!r}.')
    logit.check(activations.shapes([LOGITS])[LOGITS])
    return int(logit.parameters["index"][0])


def _chosen_layer(activations: Activations, images: np.ndarray) -> str:
    layer = last_feature_maps(activations, images, lambda maps: tf.reduce_min(maps) >= 0)
    if layer is None:
        raise ValueError(
            '"layer" must be the name of a layer: on these images, every layer with maps (batch, height, width, '
            "channels) has negative values. Received: None. For such a model, make a bank of directions from "
            "another source with ConceptBank(directions, layer)."
        )
    return layer


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which xplique's factorisation draws from, and restore its state afterwards."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
