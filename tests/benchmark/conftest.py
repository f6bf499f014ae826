"""Results of a small benchmark, made by hand."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from maco_tf.benchmark import BenchmarkSettings
from maco_tf.benchmark.comparison import compare_best, ratios
from maco_tf.benchmark.descriptions import DESCRIPTIONS
from maco_tf.benchmark.score import Score
from maco_tf.objectives.imagenet_labels import wnids


@pytest.fixture
def results():
    """One network "a", two methods, two classes, one judge "b"."""

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


def folder_of_classes(folder, counts):
    for index, count in counts.items():
        (folder / wnids()[index]).mkdir(parents=True)
        for number in range(count):
            cv2.imwrite(str(folder / wnids()[index] / f"{number}.jpg"), np.zeros((8, 8, 3), "uint8"))
    return str(folder)
