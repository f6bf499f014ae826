import numpy as np
import pytest

from maco_tf.spectrum.periodic import periodic_spectrum, smooth_spectrum

SIZES = [(8, 10), (9, 7), (12, 5), (1, 6), (2, 2)]


def components(images):
    """The periodic and the smooth component, in pixels."""
    size = images.shape[1:3]
    spectra = periodic_spectrum(images), smooth_spectrum(images)
    return [np.fft.irfft2(spectrum, size, axes=(1, 2)) for spectrum in spectra]


def laplacian(images, *, across):
    """The sum of the differences to the neighbours, across the borders as on a torus, or inside the image only."""
    total = np.zeros_like(images)
    for axis in (1, 2):
        for shift in (1, -1):
            difference = np.roll(images, shift, axis) - images
            if not across:
                np.moveaxis(difference, axis, 0)[0 if shift == 1 else -1] = 0.0
            total += difference
    return total


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_definition_of_moisan(rng, height, width):
    """The periodic component has the inner Laplacian of the image everywhere, and the mean of the image."""
    images = rng.normal(size=(2, height, width, 3))
    periodic, smooth = components(images)
    np.testing.assert_allclose(periodic + smooth, images, atol=1e-12)
    np.testing.assert_allclose(laplacian(periodic, across=True), laplacian(images, across=False), atol=1e-12)
    np.testing.assert_allclose(periodic.mean((1, 2)), images.mean((1, 2)), atol=1e-12)


@pytest.mark.parametrize(("height", "width"), SIZES[:3])
def test_the_smooth_component_is_harmonic_inside(rng, height, width):
    _, smooth = components(rng.normal(size=(1, height, width, 2)))
    inside = laplacian(smooth, across=True)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inside, 0, atol=1e-12)
    assert np.abs(smooth).max() > 0.1


@pytest.mark.parametrize(("height", "width"), SIZES[:3])
def test_an_image_whose_borders_meet_is_unchanged(rng, height, width):
    images = rng.normal(size=(1, height, width, 1))
    images[:, -1], images[:, :, -1] = images[:, 0], images[:, :, 0]
    images[:, -1] = images[:, 0]
    np.testing.assert_allclose(periodic_spectrum(images), np.fft.rfft2(images, axes=(1, 2)), atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(8, 10), (9, 7), (64, 48)])
def test_a_ramp_vanishes(height, width):
    """The Laplacian of a ramp of slope a is 0 but at the jump, so that a / width of it is left, by hand."""
    rows, columns = np.mgrid[:height, :width]
    ramp = 0.5 * columns - 2.0 * rows
    periodic, _ = components(ramp[None, ..., None])
    left = 0.5 * (columns - columns.mean()) / width - 2.0 * (rows - rows.mean()) / height
    np.testing.assert_allclose(periodic[0, ..., 0], ramp.mean() + left, atol=1e-10)
