"""The script that makes the table of notebooks/guides/models.md."""

import json
import multiprocessing
import time

import keras
import numpy as np
import pytest

from maco_tf import Channel, Logit, MacoVisualizer
from tests.any_model.__main__ import GUIDE, RESULTS, in_process, read
from tests.any_model.architectures import Architecture
from tests.any_model.check import CHECKS, examine, run, train_norms
from tests.any_model.report import markdown
from tests.conftest import build_tiny_model

FAST = {"steps": 2, "crops": 2, "image_size": "input", "jit_compile": False}


def row(name, **others):
    return {
        "source": "keras-hub",
        "family": "F",
        "model": name,
        "versions": {"keras": "3"},
        "input": [32, 24, 3],
        "logit": "Logit(1)",
        "seconds": 2.4,
        "checks": dict.fromkeys(CHECKS, "ok"),
        **others,
    }


@pytest.mark.slow
def test_every_check_of_a_tiny_model_passes():
    found = examine(Architecture("keras-hub", "tiny", "tiny", build_tiny_model))
    assert found["checks"] == dict.fromkeys(CHECKS, "ok")
    assert found["logit"] == "Logit(1)"
    assert found["input"] == [16, 16, 3]


@pytest.mark.slow
def test_a_run_without_a_gradient_does_not_pass():
    inputs = keras.Input((16, 16, 3))
    x = keras.ops.relu(
        keras.layers.Conv2D(4, 3, bias_initializer=keras.initializers.Constant(-99), name="conv")(inputs)
    )
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    visualizer = MacoVisualizer(model, **FAST)
    assert np.isfinite(run(visualizer, Channel("conv", 1)))
    with pytest.warns(UserWarning, match="no gradient"), pytest.raises(ValueError, match="no gradient reaches"):
        run(visualizer, Logit(1))


def test_batch_norms_get_the_statistics_of_images(rng):
    norm = keras.layers.BatchNormalization(epsilon=1e-9)
    model = keras.Sequential([keras.Input((8, 8, 3)), norm])
    images = rng.normal(3, 0.01, size=(4, 8, 8, 3)).astype("float32")
    train_norms(model, images)
    np.testing.assert_allclose(np.std(model(images), axis=(0, 1, 2)), 1, rtol=1e-3)
    assert norm.momentum == 0.99


def answers(name, sender):
    sender.send({"seconds": len(name)})


def ends(name, sender):
    raise SystemExit(3)


def sleeps(name, sender):
    time.sleep(60)


def test_a_process_that_ends_or_takes_too_long_is_a_failure_of_its_model_only():
    processes = multiprocessing.get_context("fork")
    assert in_process(processes, "name", 30, answers) == {"seconds": 4}
    assert in_process(processes, "name", 30, ends) == {"failure": "the process ended with status 3"}
    assert in_process(processes, "name", 0.2, sleeps) == {"failure": "not done after 0 seconds"}


def test_rows_of_models_that_are_no_longer_examined_are_left_out(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row(name)) + "\n" for name in ("a", "b", "c")))
    assert list(read(path, ["c", "a", "d"])) == ["c", "a"]
    assert read(tmp_path / "absent", ["a"]) == {}


def test_the_table_counts_what_passes_and_gives_reasons():
    failed = row("Bad", checks={**dict.fromkeys(CHECKS, "ok"), "XLA": "ValueError: no kernel\nsecond line"})
    lines = markdown([row("Good"), failed, row("Ugly", checks={}, failure="not done after 9 seconds")]).splitlines()
    assert lines[0].startswith("1 of 3 models")
    assert "| F | Good | 32 x 24 x 3 | `Logit(1)` | yes | yes | yes | yes | yes | 2 |" in lines
    assert "| F | Bad | 32 x 24 x 3 | `Logit(1)` | yes | yes | yes | yes | no | 2 |" in lines
    assert [line for line in lines if line.startswith("- ")] == [
        "- Bad, XLA: ValueError: no kernel second line",
        "- Ugly, all: not done after 9 seconds",
    ]


def test_the_guide_holds_the_results_that_are_kept():
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    assert markdown(rows) in GUIDE.read_text(encoding="utf-8")
