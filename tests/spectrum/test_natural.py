import numpy as np
import pytest

from maco_tf.spectrum import natural_magnitude, radial_frequency
from maco_tf.spectrum.frequencies import standard_deviation


@pytest.mark.parametrize(("height", "width"), [(512, 512), (256, 256), (63, 90)])
def test_the_contrast_is_that_of_photographs_at_any_size(height, width):
    """The deviation of the mean magnitude of photographs of 256 pixels, before the sigmoid."""
    magnitude = natural_magnitude(height, width)
    np.testing.assert_allclose(standard_deviation(magnitude.values, width), [2.06, 1.83, 1.88], atol=0.01)
    np.testing.assert_allclose(magnitude.mean, [-0.34, 1.29, -0.31], atol=0.01)
    assert (magnitude.values[:, 0, 0] / (height * width) >= np.abs(magnitude.mean)).all()


def test_it_is_the_same_in_all_directions_and_falls():
    values = natural_magnitude(64, 64).values
    radius = np.round(radial_frequency(64, 64), 9)
    for distance in np.unique(radius)[1:]:
        same = values[:, radius == distance]
        np.testing.assert_allclose(same, np.broadcast_to(same[:, :1], same.shape), rtol=1e-5)
    assert (np.diff(values[:, 0, 1:], axis=-1) < 0).all()


def test_photographs_follow_a_power_law_of_about_minus_one():
    values = natural_magnitude(512, 512).values
    slopes = np.log2(values[:, 0, 64] / values[:, 0, 2]) / 5
    assert (slopes > -1.5).all()
    assert (slopes < -0.9).all()


def test_equal_frequencies_of_two_sizes_have_equal_densities():
    """Up to the factor that keeps the contrast where there are longer waves."""
    small, large = (natural_magnitude(size, size).values[:, 0] / size for size in (128, 256))
    ratio = large[:, 2:120:2] / small[:, 1:60]
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape), rtol=1e-4)
    assert (np.abs(ratio - 1) < 0.25).all()


def test_a_size_is_checked():
    with pytest.raises(ValueError, match='"height" must be an integer of at least 2'):
        natural_magnitude(1, 8)
