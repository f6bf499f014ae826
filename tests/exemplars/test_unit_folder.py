import csv
import dataclasses

import numpy as np
import pytest

from maco_tf.display.files import read_png, write_png
from maco_tf.exemplars import Exemplars, ImageSource, find_exemplars, summarize_units
from maco_tf.exemplars.unit_folder import draw_sheet, unit_table, write_units


@pytest.fixture(scope="module")
def found(exact_model, many_images):
    """The units of one layer, of which unit 2 is dead, over 60 images of three classes."""
    return find_exemplars(exact_model, "first", many_images[:60], 4, labels=np.arange(60) % 3, verbose=0)


def test_the_table_has_the_summary_of_every_unit(found):
    summaries = summarize_units(found)
    rows = list(csv.DictReader(unit_table(summaries).splitlines()))
    assert [row["unit"] for row in rows] == found.names
    assert [row["state"] for row in rows] == ["alive", "alive", "dead", "alive", "alive"]
    for unit, row in enumerate(rows):
        statistics = found.statistics
        assert (int(row["images"]), int(row["active"])) == (60, statistics.active[unit])
        for name in ("mean", "deviation", "minimum", "maximum"):
            assert float(row[name]) == pytest.approx(getattr(statistics, name)[unit], rel=1e-5)
    means = found.class_top.mean(axis=-1)
    best = means[0].argmax()
    assert rows[0]["class_1"] == str(best)
    assert float(rows[0]["class_1_ratio"]) == pytest.approx(means[0, best] / means[0].mean(), rel=1e-5)
    assert rows[2]["class_1"] == ""


def test_a_name_with_a_comma_stays_in_one_column(found):
    summary = dataclasses.replace(summarize_units(found)[0], name="conv:1, seed 2")
    (row,) = csv.DictReader(unit_table([summary]).splitlines())
    assert row["unit"] == "conv:1, seed 2"


def test_a_sheet_shows_the_images_from_the_strongest_on_with_their_scores(found):
    axes = draw_sheet(found[1], summarize_units(found)[1]).axes
    assert [float(axis.get_title()) for axis in axes] == pytest.approx(list(found[1].scores[0]), rel=1e-3)
    for axis, image in zip(axes, found[1].images()[0]):
        np.testing.assert_array_equal(axis.images[0].get_array(), image)


@pytest.mark.slow
def test_a_folder_replaces_its_sheets_and_leaves_out_dead_units(found, tmp_path):
    write_png(tmp_path / "sheets" / "mine.png", np.zeros((2, 2, 3)))
    written = write_units(found, tmp_path, figures=3)
    sheets = ["0_first_0.png", "1_first_1.png", "3_first_3.png"]
    assert [path.name for path in written] == ["exemplars.npz", "units.csv", *sheets]
    np.testing.assert_array_equal(Exemplars.load(tmp_path / "exemplars.npz").indices, found.indices)
    assert read_png(written[-1]).std() > 0.05
    write_units(found[3:], tmp_path, figures=1)
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"0_first_3.png", "mine.png"}


def test_result_and_table_are_written_even_if_an_image_has_gone(exact_model, many_images, tmp_path):
    for number, image in enumerate(many_images[:6]):
        write_png(tmp_path / "images" / f"{number}.png", image)
    found = find_exemplars(exact_model, "first", ImageSource(tmp_path / "images"), 2, verbose=0)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="must still hold every image"):
        write_units(found, tmp_path / "out")
    assert {"exemplars.npz", "units.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}
    write_units(found, tmp_path / "out", figures=0)
    with pytest.raises(ValueError, match='"figures" must be'):
        write_units(found, tmp_path / "out", figures=-1)
