"""Photographs that ship with scikit-image and scikit-learn, and networks that see them."""

import cv2
import keras
import numpy as np
import pytest
import skimage.data
from sklearn.datasets import load_sample_images

from maco_tf.metrics import FeatureExtractor, fit_image
from maco_tf.models import zoo

# The classes of the two scenes.
ESPRESSO, TABBY = 967, 281


@pytest.fixture(scope="session")
def photographs():
    """Sixteen crops of eight photographs, (16, 64, 64, 3) float32 in [0, 1]."""
    names = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry", "hubble_deep_field")
    images = [getattr(skimage.data, name)() for name in names] + load_sample_images().images
    images = [fit_image(image.astype("float32") / 255, 96, 96) for image in images]
    return np.stack([image[top : top + 64, top : top + 64] for image in images for top in (0, 32)])


@pytest.fixture(scope="session")
def damaged(photographs):
    """The photographs with increasing noise and with increasing blur: name -> list of three sets of images."""
    rng = np.random.default_rng(0)
    field = rng.normal(size=photographs.shape).astype("float32")
    return {
        "noise": [np.clip(photographs + scale * field, 0, 1) for scale in (0.05, 0.15, 0.4)],
        "blur": [
            np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in photographs]) for sigma in (0.7, 1.5, 4)
        ],
    }


@pytest.fixture(scope="session")
def sensitive():
    """An extractor of the mean responses of eight random rectified filters, which fall with blur."""
    keras.utils.set_random_seed(0)
    convolution = keras.layers.Conv2D(8, 5, activation="relu", name="conv")
    model = keras.Sequential([keras.Input((64, 64, 3)), convolution])
    # Filters of mean zero respond to structure and not to brightness.
    kernel, bias = convolution.get_weights()
    convolution.set_weights([5 * (kernel - kernel.mean(axis=(0, 1))), bias])
    return FeatureExtractor(model, "conv", pooling="mean")


@pytest.fixture(scope="session")
def scenes():
    """A cup of espresso and a tabby cat, (2, 256, 256, 3) float32 in [0, 1]."""
    scenes = (skimage.data.coffee(), skimage.data.chelsea())
    return np.stack([fit_image(scene.astype("float32") / 255, 256, 256) for scene in scenes])


@pytest.fixture(scope="session")
def squeezenet():
    return zoo.load("squeezenet")
