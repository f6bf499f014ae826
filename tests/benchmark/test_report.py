"""The tables and the picture."""

import dataclasses
import json

import pytest

from maco_tf.benchmark import BenchmarkSettings
from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.picture import draw_scores
from maco_tf.benchmark.report import markdown
from maco_tf.benchmark.score import Score


@pytest.fixture
def results():
    def cell(method, probabilities, distances):
        scores = {name: Score(0.5, 0.01, 2, (0.5, 0.5)) for name in DESCRIPTIONS}
        scores["transferability"] = scores["judge b"] = Score.of(probabilities, 1)
        scores |= {"FID": Score.of(distances, 1), "robustness": Score.of(distances, 1)}
        scores |= {"FID-infinity": Score.missing("too few images: 2 of 300"), "top-1 b": Score.of([0, 1], 1)}
        scores["high frequencies"] = Score(0.004, 0.0002, 2, (0.004, 0.004))
        scores = {name: dataclasses.asdict(score) for name, score in scores.items()}
        scores["FID-infinity"] |= {"mean": None, "error": None}
        return {"model": "a", "method": method, "scores": scores, "median seconds": 2.0}

    settings = BenchmarkSettings(("a",), ("maco", "xplique"), ("a", "b"), (254, 980), steps=2, crops=1, image_size=32)
    cells = [cell("maco", [0.5, 0.7], [30.0, 60.0]), cell("xplique", [0.05, 0.25], [41.0, 41.0])]
    natural = {"high frequencies": dataclasses.asdict(Score(0.02, 0.001, 4, (0.02,)))}
    found = {
        "settings": dataclasses.asdict(settings),
        "versions": {"keras": "3"},
        "device": "an abacus",
        "basis": {"real images": 12, "dimensions": 64},
        "cells": cells,
        "natural": natural,
    }
    found = json.loads(json.dumps(found))
    return {**found, "comparisons": compare_best(found), "ratios": ratios(found)}


def test_the_papers_scores_come_first_and_the_better_is_bold(results):
    text = markdown(results)
    first, further = text.split("## Further scores")
    assert "| transferability ↑ | maco | **0.600 ± 0.100** |" in first
    # 45 +- 15 and 41: the second is nearer than the error of the difference.
    assert "| FID ↓ | maco | 45.0 ± 15.0 |" in first
    assert "|  | xplique | **41.0 ± 0.0**† |" in first
    assert "FID of a: xplique before maco by 4.000 ± 15.000" in first
    assert "diversity ↑" in further
    assert "| maco | 0.600 ± 0.100 (0.50) | 0.600 ± 0.100 | 2.0 |" in further
    # Equal scores have no best, and neither have high frequencies and robustness.
    assert "| top-1 ↑ | maco | 0.500 ± 0.010 |" in further
    assert "| high frequencies | maco | 0.0040 ± 0.0002 |" in further
    assert "| robustness ↓ | maco | 45.0 ± 15.0 |\n|  | xplique | 41.0 ± 0.0 |" in further
    assert "|  | real images | 0.0200 ± 0.0010 |" in further


def test_what_the_distances_rest_on_is_told(results):
    text = markdown(results)
    assert "keras 3; an abacus. " in text
    # Two images, twelve real ones.
    assert "12 real images; 64 dimensions. FID fits a Gaussian of as many dimensions to fewer images" in text
    assert "to fewer images" not in markdown({**results, "basis": {"real images": 12, "dimensions": 1}})
    assert "real images; " not in markdown({**results, "basis": {}})


def test_what_there_is_not_has_its_reason(results):
    assert "| FID-infinity ↓ | all | too few images: 2 of 300 |" in markdown(results)
    results["cells"][1]["scores"]["FID"] |= {"mean": None, "error": None, "reason": "lost"}
    text = markdown({**results, "comparisons": compare_best(results)})
    assert "| FID ↓ | maco | 45.0 ± 15.0 |" in text
    assert "|  | xplique | lost |" in text
    figure = draw_scores(results)
    assert "No FID-infinity: too few images: 2 of 300." in figure.get_supxlabel()
    assert "lost" in {text.get_text() for axis in figure.axes for text in axis.texts}


def test_every_score_tells_its_direction_and_what_it_is_blind_to(results):
    told = markdown(results).split("what not")[1]
    for name, description in DESCRIPTIONS.items():
        assert f"- **{name} {description.arrow}".strip() in told
        assert description.blind in told
        assert any(word in description.blind for word in ("Not ", "Blind as"))


def test_the_classes_and_their_origin_are_told(results):
    assert "2, given by the user: 254 pug, 980 volcano." in markdown(results)


def test_the_ratio_to_xplique_is_a_line(results):
    # Two classes are too few for an interval.
    assert "- maco: a 4, **all networks** 4\n" in markdown(results)
    wide = {"method": "maco", "model": "a", "ratio": 4.0, "low": 3.512, "high": None}
    assert "- maco: a 4 (3.51 to unknown)\n" in markdown({**results, "ratios": [wide]})


def test_the_picture_has_a_bar_for_every_value(results):
    figure = draw_scores(results)
    axes = {}
    for axis in figure.axes:
        title = next(text.get_text() for text in axis.texts if "better" in text.get_text() or "best" in text.get_text())
        axes[title.splitlines()[0]] = axis
    assert "FID-infinity" not in axes
    assert [bar.get_width() for bar in axes["FID"].patches] == [45, 41]
    assert [bar.get_width() for bar in axes["transferability"].patches] == pytest.approx([0.6, 0.15])
    # Numbers lie inside, beside their bars.
    for axis in figure.axes:
        assert axis.get_xlim()[0] <= 0 < max(bar.get_width() for bar in axis.patches) < axis.get_xlim()[1]
