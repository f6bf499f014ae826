import numpy as np
import pytest

from maco_tf.spectrum import frequency_axes, radial_frequency


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 11)])
def test_a_wave_lands_in_the_bin_of_its_frequency(height, width):
    ky, kx = frequency_axes(height, width)
    rows, columns = np.mgrid[:height, :width]
    row, column = 2, 3
    wave = np.cos(2 * np.pi * (ky[row, 0] * rows + kx[0, column] * columns))
    spectrum = np.abs(np.fft.rfft2(wave))
    assert np.unravel_index(spectrum.argmax(), spectrum.shape) == (row, column)


def test_radial_frequency_by_hand():
    radius = radial_frequency(4, 4)
    assert radius.shape == (4, 3)
    assert radius[0].tolist() == [0.0, 0.25, 0.5]
    assert radius[3, 1] == pytest.approx(np.hypot(0.25, 0.25))
