import numpy as np
import pytest

from maco_tf.spectrum import Magnitude, radial_frequency
from maco_tf.spectrum.frequencies import bin_weights, standard_deviation
from maco_tf.spectrum.radial import from_rings, ring_profile

SIZES = [(64, 64), (63, 40), (48, 75)]


def law(height, width, exponent=1.0):
    """The density radius ** -exponent as a magnitude; the mean is 0."""
    radius = radial_frequency(height, width)
    radius[0, 0] = np.inf
    return np.sqrt(height * width) * radius[None] ** -exponent


def test_rings_by_hand():
    """On 4 x 4 pixels, the first ring has the bins (0, 1), (1, 0) and (1, 1), each twice or four times."""
    values = np.zeros((1, 4, 3))
    values[0, 0, 1], values[0, [1, 3], 0], values[0, [1, 3], 1] = 3.0, 4.0, 5.0
    radii, densities = ring_profile(values, 4)
    energy = 2 * 3.0**2 + 2 * 4.0**2 + 4 * 5.0**2
    assert densities[0, 0] == pytest.approx(np.sqrt(energy / 8) / 4)
    assert radii[0] == pytest.approx(((4 * 0.25**-2 + 4 * 0.125**-1) / 8) ** -0.5)
    assert densities[0, 1:].tolist() == [0.0] * (len(radii) - 1)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_rings_keep_the_energy(rng, height, width):
    magnitude = rng.uniform(size=(2, height, width // 2 + 1))
    magnitude[:, 0, 0] = 0.0
    radius = radial_frequency(height, width)
    rings = np.round(radius * min(height, width))
    rings[0, 0] = -1
    _, densities = ring_profile(magnitude, width)
    weights = np.broadcast_to(bin_weights(width), radius.shape)
    counts = np.array([weights[rings == ring].sum() for ring in np.unique(rings)[1:]])
    np.testing.assert_allclose(
        np.sqrt((densities**2 * counts).sum(axis=1) / (height * width)),
        standard_deviation(magnitude, width),
        rtol=1e-10,
    )


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_law_of_natural_images_is_its_own_profile_at_any_size(height, width):
    """1 / radius, with waves that are longer than any of the first image, and with other densities in each channel."""
    radii, densities = ring_profile(np.concatenate([law(32, 32), 3 * law(32, 32)]), 32)
    np.testing.assert_allclose(densities[0], 1 / radii, rtol=1e-10)
    expected = np.concatenate([law(height, width), 3 * law(height, width)])
    made = from_rings(radii, densities, height, width, standard_deviation(expected, width))
    # The last radius lies before the corners, where the density is constant.
    inner = radial_frequency(height, width) < radii[-1]
    ratio = (made / np.maximum(expected, 1e-12))[:, inner][:, 1:]
    np.testing.assert_allclose(ratio, 1, rtol=0.01)
    np.testing.assert_allclose(made[1], 3 * made[0], rtol=1e-9)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_isotropic_keeps_energy_and_mean_and_loses_the_cross(height, width):
    values = 2 * law(height, width, 1.2)
    values[:, :, 0] *= 3
    values[:, 0] *= 2
    values[:, 0, 0] = 70.0
    given = Magnitude(values, width, [-0.5])
    made = given.isotropic()
    np.testing.assert_allclose(
        standard_deviation(made.values, width), standard_deviation(given.values, width), rtol=1e-5
    )
    assert made.values[0, 0, 0] == 70
    np.testing.assert_array_equal(made.mean, given.mean)
    # Bins at one distance are equal, whatever their direction and the image's proportions.
    radius = np.round(radial_frequency(height, width), 9)
    for distance in np.unique(radius)[1:]:
        np.testing.assert_allclose(np.ptp(made.values[0][radius == distance]), 0, atol=1e-4 * made.values[0, 1, 1])
    assert (np.diff(made.values[0, 0, 1:]) <= 0).all()


def test_isotropic_keeps_the_energy_of_rings_of_a_smooth_magnitude():
    height = width = 64
    direction = np.arctan2(*np.broadcast_arrays(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None]))
    given = Magnitude(law(64, 64, 1.1) * (1 + 0.4 * np.cos(2 * direction)), 64)
    (_, before), (_, after) = (ring_profile(m.values, width) for m in (given, given.isotropic()))
    np.testing.assert_allclose(after[:, : height // 2] / before[:, : height // 2], 1, rtol=0.02)


def test_isotropic_magnitudes_keep_cycles_per_pixel_at_other_sizes():
    """Resizing one is the same as making one of the other size."""
    height, width = 41, 56
    magnitude = Magnitude(law(64, 64, 1.1), 64).isotropic()
    made = magnitude.resized(height, width).values[0]
    expected = law(height, width, 1.1)[0]
    radius = radial_frequency(height, width)
    inner = (radius > 0.06) & (radius < 0.45)
    ratio = made[inner] / expected[inner]
    np.testing.assert_allclose(ratio / np.median(ratio), 1, rtol=0.02)


def test_contrast_multiplies_all_bins_but_the_mean(rng):
    magnitude = Magnitude(rng.uniform(1, 2, (2, 8, 5)), 8, [0.25, -0.5])
    made = magnitude.with_contrast(1.5)
    expected = 1.5 * magnitude.values
    expected[:, 0, 0] = magnitude.values[:, 0, 0]
    np.testing.assert_allclose(made.values, expected, rtol=1e-6)
    np.testing.assert_array_equal(made.mean, magnitude.mean)
    np.testing.assert_array_equal(magnitude.with_contrast(1.0).values, magnitude.values)
    for factor in (0, -1, "strong", True, float("nan")):
        with pytest.raises(ValueError, match='"factor" must be a finite number above 0'):
            magnitude.with_contrast(factor)
