"""The arithmetic of the benchmark of speed, on clocks that only steps move, and of recognition against compute."""

import json
import subprocess
import sys

import numpy as np
import pytest

from maco_tf import MacoVisualizer
from maco_tf.display.files import read_png
from maco_tf.metrics import classify
from maco_tf.models import zoo
from tests.conftest import build_tiny_model
from tests.speed import quality
from tests.speed.__main__ import main
from tests.speed.processes import ROW, orders, rows
from tests.speed.report import draw, markdown
from tests.speed.settings import VARIANT_CROPS, VARIANTS, Settings, cases
from tests.speed.timing import Stepper, TooLongError, plan, ratios, summary, take_turns


class Clock:
    """A clock that only steps move, on a machine whose speed can change."""

    def __init__(self):
        self.now, self.slowness = 0.0, 1.0

    def __call__(self):
        return self.now

    def run(self, seconds, startup=0.0, steps=1000):
        """A run whose steps take so many seconds."""

        def run(tick):
            self.now += startup
            for _ in range(steps):
                tick()
                self.now += seconds * self.slowness

        return run


def test_a_stepper_times_only_the_steps_of_its_run():
    clock = Clock()
    with Stepper(clock.run(2.0, startup=50.0), clock=clock) as first, Stepper(clock.run(3.0), clock=clock) as other:
        assert [first.advance(1), other.advance(4), first.advance(3), other.advance(1)] == [2.0, 12.0, 6.0, 3.0]
    # No step was done in the background.
    assert clock.now == 50.0 + 4 * 2.0 + 5 * 3.0


def test_a_stepper_waits_for_the_device_before_it_reads_the_clock():
    clock = Clock()

    def wait():
        clock.now += 10.0

    with Stepper(clock.run(2.0), clock=clock, synchronise=wait) as stepper:
        assert stepper.advance(3) == 16.0


def test_a_stepper_raises_the_error_of_its_run_and_does_not_go_past_its_end():
    def broken(tick):
        tick()
        raise MemoryError("full")

    with Stepper(broken) as stepper, pytest.raises(MemoryError, match="full"):
        stepper.advance(1)
    with Stepper(Clock().run(1.0, steps=3)) as stepper:
        stepper.advance(2)
        with pytest.raises(RuntimeError, match="ended before"):
            stepper.advance(1)


def test_ratios_do_not_change_when_the_machine_slows_down():
    clock, order = Clock(), []
    costs = {"bare": 1.0, "ours": 1.25, "theirs": 2.0}

    def method(name):
        def advance(count):
            # Every round is slower than the one before; all methods of a round are slowed down alike.
            clock.slowness = 1.0 + len(order) // len(costs)
            order.append(name)
            return costs[name] * clock.slowness * count

        return advance

    seconds, failures = take_turns({name: method(name) for name in costs}, 3, 2)
    assert seconds == {"bare": [1, 2, 3], "ours": [1.25, 2.5, 3.75], "theirs": [2, 4, 6]}
    assert ratios(seconds, "bare") == {"bare": [1] * 3, "ours": [1.25] * 3, "theirs": [2] * 3}
    # Every method is first once.
    assert order == ["bare", "ours", "theirs", "ours", "theirs", "bare", "theirs", "bare", "ours"]
    assert not failures


def test_a_method_that_fails_does_not_affect_the_others():
    def fails(count, calls=[]):  # noqa: B006
        calls.append(count)
        if len(calls) == 2:
            raise MemoryError("full")
        return 1.0

    seconds, failures = take_turns({"bare": lambda count: 3.0 * count, "ours": fails}, 4, {"bare": 2, "ours": 1})
    assert seconds == {"bare": [3.0] * 4}
    assert str(failures["ours"]) == "full"


def test_medians_and_quartiles():
    # The quartiles of 1, 2, 4, 8 lie at positions 0.75, 1.5 and 2.25.
    found = summary([8, 1, 4, 2])
    assert (found["low"], found["median"], found["high"]) == (1.75, 3.0, 5.0)
    assert found["values"] == [8, 1, 4, 2]


def test_a_plan_fits_into_the_time_limit():
    settings = Settings(rounds=7, steps=3, turn=3.0, limit=100.0)
    assert plan(0.1, 3, 2, settings) == (7, 3)
    assert plan(1.4, 3, 2, settings) == (7, 2)
    # One step per turn; 100 - 2 * 3 * 4 seconds are enough for six rounds of 12.
    assert plan(4.0, 3, 2, settings) == (6, 1)
    with pytest.raises(TooLongError, match=r"150 s.* 100 s"):
        plan(10.0, 3, 2, settings)


def test_variants_are_measured_for_one_number_of_crops_of_the_first_network():
    settings = Settings(networks=("a", "b"))
    assert set(cases(VARIANT_CROPS, settings, "a")) == {"maco_tf", *VARIANTS}
    assert set(cases(VARIANT_CROPS, settings, "b")) == set(cases(VARIANT_CROPS + 1, settings, "a")) == {"maco_tf"}


def test_measurements_come_in_their_order():
    settings = Settings(networks=("a", "b", "c"), crops=(4, 8), memory_crops=5)
    done = [(network, task["measure"], task.get("crops")) for network, tasks in orders(settings) for task in tasks]
    for network in "abc":
        assert [item[1:] for item in done if item[0] == network and item[1] == "steps"] == [("steps", 4), ("steps", 8)]
        assert done.count((network, "memory", 5)) == 4
    assert done.index(("b", "steps", 4)) < done.index(("b", "startup", 4))
    assert [network for network, measure, _ in done if measure == "many"] == ["a", "b"]


def test_a_process_that_dies_costs_one_row():
    code = f"""
import json, os, sys
for task in json.load(sys.stdin)["tasks"]:
    if task["crops"] == 2:
        os.kill(os.getpid(), 9)
    if task["crops"] == 3:
        sys.exit("no room")
    print("noise"), print({ROW!r} + json.dumps({{**task, "found": task["crops"] * 10}}), flush=True)
"""
    tasks = [{"measure": "steps", "crops": crops} for crops in (1, 2, 3, 4)]
    found = list(rows("net", tasks, Settings(), command=(sys.executable, "-S", "-c", code)))
    assert [row["crops"] for row in found] == [1, 2, 3, 4]
    assert [row.get("found") for row in found] == [10, None, None, 40]
    assert "signal 9" in found[1]["failure"]
    assert "status 1: no room" in found[2]["failure"]


@pytest.mark.slow
def test_the_parent_process_stays_small():
    # On Linux a child's peak of memory begins at its parent's, and TensorFlow is most of the baseline's.
    code = "import sys, tests.speed.__main__; assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def results():
    """One network that was measured in part, and another that is pending."""

    def method(seconds, ratio):
        return {"seconds": summary(seconds), "ratio": summary(ratio)}

    place = {"network": "net", "crops": 4}
    steps = {
        "measure": "steps",
        "rounds": 3,
        "steps": 2,
        "methods": {"bare network": method([1, 2, 3], [1, 1, 1]), "maco_tf": method([1.1, 2.4, 3.9], [1.1, 1.2, 1.3])},
        "failures": {"xplique": "ValueError: a | b"},
    }
    startup = {"maco_tf": {"first": 2, "second": 0.01, "traces": 1}}
    rows = [
        {**place, **steps},
        {"measure": "steps", "network": "net", "crops": 8, "failure": "too long"},
        {**place, "measure": "startup", "methods": startup, "failures": {}},
        {**place, "measure": "memory", "method": "baseline", "host": 100 * 2**20, "device": None},
        {**place, "measure": "memory", "method": "maco_tf", "host": 130 * 2**20, "device": None},
        {**place, "measure": "memory", "method": "xplique", "failure": "no"},
    ]
    settings = {"image_size": 512, "networks": ["net", "other"], "crops": [4, 8]}
    found = {"settings": settings, "machine": None, "complete": False, "seconds": 90.0, "rows": rows}
    return json.loads(json.dumps(found))


def test_tables_hold_every_value_and_every_reason(results):
    text = markdown(results)
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    for row in [
        ["net", "4", "bare network", "2.000 (1.500-2.500)", "1", "3 x 2"],
        ["net", "4", "maco_tf", "2.400 (1.750-3.150)", "1.200 (1.150-1.250)", "3 x 2"],
        ["net", "4", "xplique", "ValueError: a / b", "", ""],
        ["net", "8", "all", "too long", "", ""],
        ["net", "4", "maco_tf", "2.00", "0.01", "1"],
        ["net", "4", "maco_tf", "30", ""],
        ["net", "4", "xplique", "no", ""],
    ]:
        assert row in table
    assert "**Unfinished**" in text
    assert "2 minutes" in text
    assert "Unfinished" not in markdown({**results, "complete": True})


def test_memory_without_a_baseline_is_the_total(results):
    results["rows"] = [row for row in results["rows"] if row.get("method") != "baseline"]
    assert "130 MiB in total" in markdown(results)


def test_bars_are_the_ratios_and_gaps_have_a_word(results):
    figure = draw(results)
    first, second = figure.axes
    assert [bar.get_height() for bar in first.patches if bar.get_height()] == [pytest.approx(1.2)]
    whiskers = first.collections[0].get_segments()[0]
    assert whiskers[:, 1].tolist() == pytest.approx([1.15, 1.25])
    assert [text.get_text() for text in first.texts] == ["1.20", "not measured"]
    assert [text.get_text() for text in second.texts] == ["pending", "pending"]


@pytest.mark.parametrize("arguments", [["--crops", "0"], ["--rounds", "-1"], ["--networks", "vgg"]])
def test_wrong_options_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[0] in capsys.readouterr().err


@pytest.fixture
def measure_quality(tmp_path, monkeypatch):
    """A function that runs the command of quality on tiny networks, for two classes, and returns its points."""
    seeds = {"efficientnet_lite0": 0, "efficientnet_lite2": 1, "mobilenet_v2": 2, "squeezenet": 3}
    monkeypatch.setattr(zoo, "load", lambda name: build_tiny_model(seed=seeds[name]))
    monkeypatch.setattr(quality, "SETTINGS", [(quality.MACO, 2, 4), (quality.MACO, 1, 4)])

    def run():
        quality.main(["--classes", "1", "3", "--images", str(tmp_path / "images"), "--output", str(tmp_path)])
        return json.loads((tmp_path / "quality.json").read_text())["points"]

    return run


@pytest.mark.slow
def test_quality_is_what_the_judges_see_and_images_are_not_made_again(measure_quality, tmp_path, monkeypatch):
    points = measure_quality()
    assert [point["steps"] for point in points] == [1, 2]
    folder = tmp_path / "images" / "images"
    for point in points:
        setting = f"{quality.MACO} {point['steps']}x4"
        paths = [path for index in ("001", "003") for path in folder.glob(f"*/{setting}/{index}_0.png")]
        images = np.stack([read_png(path) for path in paths])
        ratings = [classify(images, build_tiny_model(seed=seed), verbose=0) for seed in (1, 2, 3)]
        by_class = np.mean(ratings, axis=0)[[0, 1], [1, 3]]
        assert point["probability"] == pytest.approx(by_class.mean(), abs=1e-6)
        assert list(point["classes"].values()) == pytest.approx(by_class, abs=1e-4)
        first = np.any([rating.argmax(axis=1) == (1, 3) for rating in ratings], axis=0)
        assert point["recognised"] == pytest.approx(first.mean())
    text = (tmp_path / "quality.md").read_text()
    assert "| maco_tf | 2 x 4 | 8 |" in text
    assert all(f"{point['probability']:.2f} ± {point['error']:.2f}" in text for point in points)
    assert read_png(tmp_path / "quality.png").std() > 0.05
    with monkeypatch.context() as patch:
        patch.setattr(MacoVisualizer, "explain", lambda *_, **__: pytest.fail("made again"))
        assert measure_quality() == points
    # Images of another version are refused.
    monkeypatch.setattr(quality, "__version__", "other")
    with pytest.raises(ValueError, match="same settings"):
        measure_quality()
