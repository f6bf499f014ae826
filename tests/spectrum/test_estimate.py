import numpy as np
import pytest
import tensorflow as tf

from maco_tf.spectrum import COLOUR_CORRELATION, estimate_magnitude
from maco_tf.spectrum.periodic import periodic_spectrum


def decorrelated(images):
    """Logit and decorrelation in NumPy."""
    images = np.clip(images, 0.5 / 255, 1 - 0.5 / 255)
    x = np.log(images / (1 - images))
    if images.shape[-1] == 3:
        x = x @ np.linalg.inv(COLOUR_CORRELATION)
    return x


def oracle(images):
    """The mean |rfft2| in NumPy."""
    x = decorrelated(images)
    return np.mean([np.abs(np.fft.rfft2(image.transpose(2, 0, 1))) for image in x], axis=0)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_mean_magnitude_against_numpy(rng, channels):
    images = rng.uniform(size=(7, 12, 9, channels)).astype("float32")
    estimated = estimate_magnitude(images, batch_size=3, periodic=False, verbose=0)
    assert estimated.width == 9
    np.testing.assert_allclose(estimated.values, oracle(images), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(estimated.mean, decorrelated(images).mean((0, 1, 2)), atol=1e-5)


def test_the_magnitude_of_the_periodic_component_is_the_default(rng):
    """It has no jump between opposite borders, and is streamed like the plain one, for images of any size."""
    ramp = np.linspace(0.2, 0.8, 24)[None, None, :, None] * np.ones((1, 16, 1, 1))
    images = np.clip(ramp + rng.uniform(-0.02, 0.02, (5, 16, 24, 3)), 0, 1).astype("float32")
    x = decorrelated(images.astype("float64"))
    expected = np.abs(periodic_spectrum(x)).mean(axis=0).transpose(2, 0, 1)
    found, plain = (estimate_magnitude(images, batch_size=2, periodic=value, verbose=0) for value in (True, False))
    np.testing.assert_allclose(found.values, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(estimate_magnitude(images, batch_size=2, verbose=0).values, found.values)
    np.testing.assert_array_equal(found.mean, plain.mean)
    np.testing.assert_allclose(found.values[:, 0, 0], plain.values[:, 0, 0], rtol=1e-6)
    # A ramp from left to right is a row of strong bins on ky = 0.
    assert (found.values[0, 0, 1:6] < 0.2 * plain.values[0, 0, 1:6]).all()
    with pytest.raises(ValueError, match='"periodic" must be True or False'):
        estimate_magnitude(images, periodic=1)


def test_the_mean_has_a_sign():
    """Of one dark and one bright image the means cancel, and the magnitudes do not."""
    dark, bright = np.full((1, 4, 4, 1), 0.25), np.full((1, 4, 4, 1), 0.75)
    for images, mean in ((dark, -np.log(3)), (bright, np.log(3)), (np.concatenate([dark, bright]), 0)):
        magnitude = estimate_magnitude(images, verbose=0)
        np.testing.assert_allclose(magnitude.mean, [mean], atol=1e-6)
        np.testing.assert_allclose(magnitude.values[:, 0, 0], 16 * np.log(3), rtol=1e-6)


def test_datasets_agree_with_the_array(rng):
    images = rng.integers(0, 256, (6, 8, 8, 3)).astype("uint8")
    expected = estimate_magnitude(images, verbose=0).values
    dataset = tf.data.Dataset.from_tensor_slices((images, np.arange(6)))
    for form in (dataset, dataset.batch(4), dataset.map(lambda image, _: image)):
        np.testing.assert_allclose(estimate_magnitude(form, verbose=0).values, expected, rtol=1e-5)


def test_images_of_different_sizes(rng):
    def images():
        for side in (8, 12):
            yield rng.uniform(size=(side, side, 3)).astype("float32")

    dataset = tf.data.Dataset.from_generator(images, output_signature=tf.TensorSpec((None, None, 3)))
    assert estimate_magnitude(dataset, size=(10, 12), verbose=0).values.shape == (3, 10, 7)
    assert estimate_magnitude(dataset, size=np.int64(10), verbose=0).values.shape == (3, 10, 6)
    with pytest.raises(ValueError, match='Pass "size"'):
        estimate_magnitude(dataset, verbose=0)


def test_bad_input(rng):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        estimate_magnitude(255 * np.ones((1, 8, 8, 3), "float32"), verbose=0)
    with pytest.raises(ValueError, match=r"\[0, 255\]"):
        estimate_magnitude(np.full((1, 8, 8, 3), 5000, "int32"), verbose=0)
    with pytest.raises(ValueError, match=r"images\[\.\.\., None\]"):
        estimate_magnitude(np.ones((4, 8, 8)), verbose=0)
    with pytest.raises(ValueError, match="Map the dataset"):
        estimate_magnitude(tf.data.Dataset.from_tensors({"image": np.ones((8, 8, 3))}), verbose=0)
    with pytest.raises(ValueError, match="at least one"):
        estimate_magnitude(np.ones((0, 8, 8, 3)), verbose=0)
    with pytest.raises(ValueError, match="shape"):
        estimate_magnitude(np.ones((8, 8)), verbose=0)
    with pytest.raises(ValueError, match='"size"'):
        estimate_magnitude(np.ones((1, 8, 8, 3)), size=(8, 0), verbose=0)
    with pytest.raises(ValueError, match='"batch_size" must be an integer of at least 1'):
        estimate_magnitude(np.ones((1, 8, 8, 3)), batch_size=0, verbose=0)


def test_progress_ends_its_line(rng, capsys):
    estimate_magnitude(rng.uniform(size=(5, 8, 8, 3)), batch_size=2)
    shown = capsys.readouterr().out
    assert "3" in shown
    assert shown.endswith("\n")


def test_without_decorrelation_it_is_the_magnitude_of_the_logits_of_red_green_and_blue(rng):
    images = rng.uniform(0.1, 0.9, size=(3, 6, 8, 3)).astype("float32")
    logits = np.log(images / (1 - images.astype("float64")))
    magnitude = estimate_magnitude(images, decorrelate=False, periodic=False, verbose=0)
    expected = np.abs(np.fft.rfft2(logits, axes=(1, 2))).mean(axis=0).transpose(2, 0, 1)
    np.testing.assert_allclose(magnitude.values, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(magnitude.mean, logits.mean(axis=(0, 1, 2)), atol=1e-5)
    assert not magnitude.decorrelated
    assert estimate_magnitude(images, verbose=0).decorrelated
