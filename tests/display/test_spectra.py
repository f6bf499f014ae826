import itertools

import numpy as np
import pytest

from maco_tf.display import draw_spectra
from maco_tf.metrics import power_spectrum


@pytest.fixture
def spectra(rng):
    noise = rng.uniform(size=(4, 16, 24, 3))
    return {"natural": power_spectrum(noise), "costs $1 or $2": power_spectrum(0.5 + (noise - 0.5) / 10)}


def test_maps_show_the_log_of_the_power_on_one_colour_scale(spectra):
    figure = draw_spectra(spectra)
    maps = [axis.images[0] for axis in figure.axes[:2]]
    assert maps[0].get_clim() == maps[1].get_clim()
    for drawn, spectrum in zip(maps, spectra.values()):
        expected = np.log10(spectrum.full().mean(axis=0).clip(1.3e-6))
        wrong = np.abs(drawn.get_array() - expected) > 0.01
        # Only zero frequency differs: it has no power, and its largest neighbour takes its place.
        assert np.argwhere(wrong).tolist() == [[8, 12]]
    # A tenth of the contrast is a hundredth of the power.
    difference = np.asarray(maps[0].get_array() - maps[1].get_array())
    assert np.median(difference) == pytest.approx(2, abs=0.01)
    assert [axis.get_title() for axis in figure.axes[:2]] == list(spectra)


def test_the_plot_shows_the_radial_profiles(spectra):
    axis = next(axis for axis in draw_spectra(spectra).axes if axis.lines)
    assert len(axis.lines) == 2
    for line, spectrum in zip(axis.lines, spectra.values()):
        frequency, power = spectrum.radial_profile()
        np.testing.assert_allclose(line.get_xydata().T, [frequency, power.mean(axis=0)])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == list(spectra)


def test_more_than_four_maps_stand_in_rows(spectra):
    figure = draw_spectra(dict.fromkeys("abcdef", spectra["natural"]))
    figure.draw_without_rendering()
    places = [axis.get_subplotspec() for axis in figure.axes[:6]]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [
        *[(0, column) for column in range(4)],
        *[(1, column) for column in range(2)],
    ]
    widths = [axis.get_window_extent().width for axis in figure.axes[:6]]
    assert max(widths) < 1.05 * min(widths)


def test_one_spectrum_can_be_written(spectra, tmp_path):
    draw_spectra({"natural": spectra["natural"]}, path=tmp_path / "spectra.png")
    assert (tmp_path / "spectra.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [1, 2, 4])
def test_long_titles_neither_overlap_nor_leave_the_page(spectra, count):
    names = [f"{index} natural images of the validation set of ImageNet, {'a' * 40}" for index in range(count)]
    figure = draw_spectra(dict.fromkeys(names, spectra["natural"]))
    figure.draw_without_rendering()
    boxes = [axis.title.get_window_extent() for axis in figure.axes[:count]]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    assert all(box.x0 >= 0 and box.y1 <= figure.bbox.y1 for box in boxes)


def test_wrong_arguments(rng):
    with pytest.raises(ValueError, match='"spectra" must hold at least one'):
        draw_spectra({})
    with pytest.raises(ValueError, match=r'"spectra" must hold power spectra.*power_spectrum'):
        draw_spectra({"natural": rng.uniform(size=(8, 8))})
