"""The arithmetic of `make bench` (tests/benchmarks), on clocks that only steps move."""

import json
import subprocess
import sys

import pytest

from tests.speed.__main__ import main
from tests.speed.child import ROW
from tests.speed.orders import orders, rows
from tests.speed.picture import draw
from tests.speed.report import markdown
from tests.speed.rounds import TooLongError, plan, ratios, summary, take_turns
from tests.speed.settings import Settings
from tests.speed.stepper import Stepper


class Clock:
    """A clock that stands still until it is moved, on a machine that gets slower and faster."""

    def __init__(self):
        self.now, self.slowness = 0.0, 1.0

    def __call__(self):
        return self.now

    def run(self, seconds, startup=0.0, steps=1000):
        """A run of steps of so many seconds."""

        def run(tick):
            self.now += startup
            for _ in range(steps):
                tick()
                self.now += seconds * self.slowness

        return run


def test_a_stepper_times_its_own_steps_alone():
    clock = Clock()
    with Stepper(clock.run(2.0, startup=50.0), clock=clock) as first, Stepper(clock.run(3.0), clock=clock) as other:
        assert [first.advance(1), other.advance(4), first.advance(3), other.advance(1)] == [2.0, 12.0, 6.0, 3.0]
    # Nothing has gone on in the background.
    assert clock.now == 50.0 + 4 * 2.0 + 5 * 3.0


def test_a_stepper_waits_for_the_device_before_it_reads_the_clock():
    clock = Clock()

    def wait():
        clock.now += 10.0

    with Stepper(clock.run(2.0), clock=clock, synchronise=wait) as stepper:
        assert stepper.advance(3) == 16.0


def test_a_stepper_hands_on_what_its_run_raises_and_refuses_to_go_past_its_end():
    def broken(tick):
        tick()
        raise MemoryError("full")

    with Stepper(broken) as stepper, pytest.raises(MemoryError, match="full"):
        stepper.advance(1)
    with Stepper(Clock().run(1.0, steps=3)) as stepper:
        stepper.advance(2)
        with pytest.raises(RuntimeError, match="ended before"):
            stepper.advance(1)


def test_ratios_do_not_feel_that_the_machine_slows_down():
    clock, order = Clock(), []
    costs = {"bare": 1.0, "ours": 1.25, "theirs": 2.0}

    def method(name):
        def advance(count):
            # Each round is slower than the last; within one all suffer alike.
            clock.slowness = 1.0 + len(order) // len(costs)
            order.append(name)
            return costs[name] * clock.slowness * count

        return advance

    seconds, failures = take_turns({name: method(name) for name in costs}, 3, 2)
    assert seconds == {"bare": [1, 2, 3], "ours": [1.25, 2.5, 3.75], "theirs": [2, 4, 6]}
    assert ratios(seconds, "bare") == {"bare": [1] * 3, "ours": [1.25] * 3, "theirs": [2] * 3}
    # Nobody is always first, nor always behind the same one.
    assert order == ["bare", "ours", "theirs", "ours", "theirs", "bare", "theirs", "bare", "ours"]
    assert not failures


def test_a_method_that_fails_leaves_the_others_their_figures():
    def fails(count, calls=[]):  # noqa: B006
        calls.append(count)
        if len(calls) == 2:
            raise MemoryError("full")
        return 1.0

    seconds, failures = take_turns({"bare": lambda count: 3.0 * count, "ours": fails}, 4, {"bare": 2, "ours": 1})
    assert seconds == {"bare": [3.0] * 4}
    assert str(failures["ours"]) == "full"


def test_medians_and_quartiles():
    # Order statistics 1, 2, 4, 8: positions 0.75, 1.5 and 2.25.
    found = summary([8, 1, 4, 2])
    assert (found["low"], found["median"], found["high"]) == (1.75, 3.0, 5.0)
    assert found["values"] == [8, 1, 4, 2]


def test_a_plan_keeps_to_the_time_there_is():
    settings = Settings(rounds=7, steps=3, turn=3.0, limit=100.0)
    assert plan(0.1, 3, 2, settings) == (7, 3)
    assert plan(1.4, 3, 2, settings) == (7, 2)
    # One step a turn; 100 - 2 * 3 * 4 seconds hold six rounds of 12.
    assert plan(4.0, 3, 2, settings) == (6, 1)
    with pytest.raises(TooLongError, match="3 rounds would take about 150 s, above the limit of 100 s"):
        plan(10.0, 3, 2, settings)


def test_every_measure_has_its_order():
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
    assert "signal 9, as a rule for want of memory" in found[1]["failure"]
    assert found[2]["failure"] == "the process ended with status 1: no room"


def test_the_parent_stays_small():
    # On Linux a child's peak of memory begins at its parent's, and TensorFlow alone is most of the baseline's.
    code = "import sys, tests.speed.__main__, tests.speed.torch_methods; assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def results():
    def method(seconds, ratio):
        return {"seconds": summary(seconds), "ratio": summary(ratio)}

    place = {"network": "net", "crops": 4}
    steps = {
        "measure": "steps",
        "rounds": 3,
        "steps": 2,
        "methods": {"bare network": method([1, 2, 3], [1, 1, 1]), "ours": method([1.1, 2.4, 3.9], [1.1, 1.2, 1.3])},
        "failures": {"xplique": "ValueError: a | b"},
    }
    rows = [
        {**place, **steps},
        {"measure": "steps", "network": "net", "crops": 8, "failure": "too long"},
        {**place, "measure": "startup", "methods": {"ours": {"first": 2, "second": 0.01, "traces": 1}}, "failures": {}},
        {**place, "measure": "memory", "method": "baseline", "host": 100 * 2**20, "device": None},
        {**place, "measure": "memory", "method": "ours", "host": 130 * 2**20, "device": None},
        {**place, "measure": "memory", "method": "xplique", "failure": "no"},
    ]
    settings = {"image_size": 512, "networks": ["net", "other"], "crops": [4, 8]}
    return {"settings": settings, "machine": None, "complete": False, "seconds": 90.0, "rows": rows}


def test_tables_hold_every_row_and_every_reason():
    text = markdown(json.loads(json.dumps(results())))
    assert "| net | 4 | bare network | 2.000 (1.500-2.500) | 1 | 3 x 2 |" in text
    assert "| net | 4 | ours | 2.400 (1.750-3.150) | 1.200 (1.150-1.250) | 3 x 2 |" in text
    assert "| net | 4 | xplique | ValueError: a / b |  |  |" in text
    assert "| net | 8 | all | too long |  |  |" in text
    assert "| net | 4 | ours | 2.00 | 0.01 | 1 |" in text
    assert "| net | 4 | ours | 30 |  |" in text
    assert "| net | 4 | xplique | no |  |" in text
    assert "**Unfinished** after 2 minutes" in text


def test_bars_are_the_ratios_and_gaps_are_named():
    figure = draw(results())
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
