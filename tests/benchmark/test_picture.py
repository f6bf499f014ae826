"""The figure of the scores."""

import pytest

from maco_tf.benchmark.comparison import compare_best
from maco_tf.benchmark.picture import draw_scores
from maco_tf.display.files import read_png


def axes_by_score(figure):
    """The name of a score, which is the first line of the text beside its bars -> the axis."""
    return {axis.texts[-1].get_text().splitlines()[0]: axis for axis in figure.axes}


def test_every_value_has_a_bar_of_its_length_and_a_number(results, tmp_path):
    figure = draw_scores(results, path=tmp_path / "scores.png")
    axes = axes_by_score(figure)
    assert [bar.get_width() for bar in axes["FID"].patches] == [45, 41]
    assert [bar.get_width() for bar in axes["transferability"].patches] == pytest.approx([0.6, 0.15])
    assert [text.get_text() for text in axes["transferability"].texts[:2]] == ["0.600 ± 0.100", "0.150 ± 0.100"]
    # The axis leaves room for the numbers beside the bars.
    for axis in figure.axes:
        assert axis.get_xlim()[0] <= 0 < max(bar.get_width() for bar in axis.patches) < axis.get_xlim()[1]
    assert read_png(tmp_path / "scores.png").std() > 0.05


def test_only_a_best_method_with_a_certain_lead_is_bold(results):
    results["comparisons"] = [{**item, "within": item["score"] == "FID"} for item in results["comparisons"]]
    axes = axes_by_score(draw_scores(results))
    weights = {name: [text.get_fontweight() for text in axes[name].texts[:2]] for name in ("FID", "transferability")}
    assert weights == {"FID": ["normal", "normal"], "transferability": ["bold", "normal"]}


def test_real_images_have_a_line(results):
    (line,) = axes_by_score(draw_scores(results))["high frequencies"].lines[-1:]
    assert line.get_linestyle() == ":"
    assert set(line.get_xdata()) == {0.02}


def test_a_missing_score_is_named_with_its_reason(results):
    results["cells"][1]["scores"]["FID"] |= {"mean": None, "error": None, "reason": "lost"}
    figure = draw_scores({**results, "comparisons": compare_best(results)})
    assert "FID-infinity" not in axes_by_score(figure)
    (note,) = [line for line in figure.get_supxlabel().splitlines() if "FID-infinity" in line]
    assert "too few images: 2 of 300" in note
    assert "lost" in {text.get_text() for axis in figure.axes for text in axis.texts}
