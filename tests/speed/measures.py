"""The measurements: functions from a task to the content of a row of results."""

import contextlib
import functools
import importlib.metadata
import os
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf
from xplique.features_visualizations import Objective, maco

from maco_tf import Logit, MacoVisualizer
from maco_tf.benchmark.xplique_maco import xplique_model
from maco_tf.version import __version__
from tests.speed.runs import NETWORKS, keras_methods, our_run
from tests.speed.settings import BARE, BASELINE, XPLIQUE, Settings, cases
from tests.speed.timing import Stepper, plan, ratios, summary, take_turns

# The first step of a run is traced. The second shows how long a step takes.
WARM_STEPS = 2

_PACKAGES = ("tensorflow", "keras", "numpy", "xplique", "torch", "horama")
# The instructions that determine the speed of matrix products in float32, bfloat16 and integers.
_INSTRUCTIONS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"),
    *("asimd", "sve", "bf16"),
)

# Functions that make the visualizer, explain a class, and count traces (`None` if unknown).
_Explainer = tuple[Callable[[], None], Callable[[int], None], Callable[[], int | None]]


class Measures:
    """Measurements of one network in one process, all on the same weights.

    Args:
        name: the name of the network.
        settings: a `Settings`.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self._name, self._network, self._settings = name, NETWORKS[name], settings
        self._model = self._network.load()
        # Crops -> name of the method -> median seconds per step.
        self._seconds: dict[int, dict[str, float]] = {}

    def steps(self, crops: int) -> dict[str, Any]:
        """Time per step of every method, and its ratio to the bare network.

        Args:
            crops: views per step.

        Returns:
            Dictionary: "rounds"; "steps" per turn; "methods", name -> summaries "seconds" and "ratio"; and "failures",
            name -> reason.

        Raises:
            TooLongError: too few rounds fit into the time limit.
        """
        settings, methods = self._settings, keras_methods(self._model, crops, self._settings, self._name)
        synchronise = tf.test.experimental.sync_devices
        if settings.torch:
            from tests.speed.torch_runs import synchronise_torch, torch_methods

            methods |= torch_methods(self._network, self._model.input_shape[1], crops, settings)

            def synchronise() -> None:
                tf.test.experimental.sync_devices()
                synchronise_torch()

        if self._seconds:
            # Estimated from fewer crops, so that a measurement that takes too long ends before its first step.
            fewer = max(self._seconds)
            plan(self._seconds[fewer][BARE] * crops / fewer, len(methods), WARM_STEPS, settings)
        with contextlib.ExitStack() as stack:
            advances, failures = {}, {}
            rounds, turn = settings.rounds, settings.steps
            for name, make in methods.items():
                try:
                    run = make(WARM_STEPS + rounds * turn + 1)
                    advance = stack.enter_context(Stepper(run, synchronise=synchronise)).advance
                    for _ in range(WARM_STEPS):
                        seconds = advance(1)
                except Exception as error:
                    if name == BARE:
                        raise
                    failures[name] = reason(error)
                    continue
                if name == BARE:
                    rounds, turn = plan(seconds, len(methods), WARM_STEPS, settings)
                advances[name] = advance
            times, failed = take_turns(advances, rounds, turn)
        if BARE in failed:
            raise failed[BARE]
        self._seconds[crops] = {name: statistics.median(values) for name, values in times.items()}
        by_round = ratios(times, BARE)
        return {
            "rounds": rounds,
            "steps": turn,
            "methods": {
                name: {"seconds": summary(values), "ratio": summary(by_round[name])} for name, values in times.items()
            },
            "failures": failures | {name: reason(error) for name, error in failed.items()},
        }

    def startup(self, crops: int) -> dict[str, Any]:
        """Time that the first and the second objective of one kind take beyond their step.

        The time runs from making the visualizer to the end of a run of one step, less the median time of a step. The
        second objective is another class, explained by the same visualizer. The process has run the network many times
        before, so the cost of the libraries' first calls is not included. xplique's network is wrapped before the clock
        starts.

        Args:
            crops: views per step, for which `steps` has been measured.

        Returns:
            Dictionary: "methods", name -> "first", "second" and, for `MacoVisualizer`, "traces" after both; and
            "failures".
        """
        if crops not in self._seconds:
            raise RuntimeError(f"steps of {crops} crops were not measured")
        methods, failures = {}, {}
        explainers: dict[str, Callable[[], _Explainer]] = {
            name: functools.partial(self._ours, crops, arguments)
            for name, arguments in cases(crops, self._settings, self._name).items()
        }
        explainers[XPLIQUE] = functools.partial(self._xplique, crops)
        for name, make in explainers.items():
            if name not in self._seconds[crops]:
                continue  # The row of its steps has the reason.
            try:
                prepare, explain, traces = make()
                times = []
                for index in (0, 1):
                    begun = time.perf_counter()
                    if index == 0:
                        prepare()
                    explain(index)
                    times.append(time.perf_counter() - begun - self._seconds[crops][name])
                methods[name] = {"first": times[0], "second": times[1], "traces": traces()}
            except Exception as error:
                failures[name] = reason(error)
        return {"methods": methods, "failures": failures}

    def _ours(self, crops: int, arguments: dict[str, Any]) -> _Explainer:
        made: list[MacoVisualizer] = []

        def prepare() -> None:
            size = self._settings.image_size
            made.append(MacoVisualizer(self._model, steps=1, crops=crops, image_size=size, **arguments))

        def explain(index: int) -> None:
            made[0].explain(Logit(index), seed=0, verbose=0)

        return prepare, explain, lambda: made[0].traces

    def _xplique(self, crops: int) -> _Explainer:
        wrapped, size = xplique_model(self._model), self._settings.image_size

        def explain(index: int) -> None:
            objective = Objective.neuron(wrapped, "logits", index)
            maco(objective, nb_steps=1, nb_crops=crops, custom_shape=(size, size))

        # xplique has no public count of its traces.
        return lambda: None, explain, lambda: None

    def many(self, crops: int, count: int) -> dict[str, Any]:
        """A batch of objectives, compared with as many single objectives of the same number of crops.

        Args:
            crops: views per step of each objective.
            count: number of objectives.

        Returns:
            Dictionary: "objectives"; "rounds"; and summaries of the seconds that one step takes for the "batch" and for
            all the "single" objectives together, and of their "ratio".
        """
        settings = self._settings
        # A single objective makes `count` steps while the batch makes one, so that each takes about half of a round.
        turns = {"single": count, "batch": 1}
        with contextlib.ExitStack() as stack:
            advances = {}
            for name, objective in (("single", Logit(0)), ("batch", Logit(list(range(count))))):
                length = WARM_STEPS + settings.rounds * turns[name] + 1
                run = our_run(self._model, crops, settings.image_size, {}, objective, length)
                stepper = Stepper(run, synchronise=tf.test.experimental.sync_devices)
                advances[name] = stack.enter_context(stepper).advance
                advances[name](WARM_STEPS)
            seconds, failed = take_turns(advances, settings.rounds, turns)
        for error in failed.values():
            raise error
        singles = [count * value for value in seconds["single"]]
        return {
            "objectives": count,
            "rounds": settings.rounds,
            "batch": summary(seconds["batch"]),
            "single": summary(singles),
            "ratio": summary([batch / single for batch, single in zip(seconds["batch"], singles)]),
        }

    def memory(self, crops: int, method: str, arguments: dict[str, Any] | None = None) -> dict[str, Any]:
        """Peak memory of this process after two steps of a method. The process must not do anything else.

        Args:
            crops: views per step.
            method: name; or `BASELINE`, which imports the packages and loads the network, but makes no step.
            arguments: arguments of `MacoVisualizer`; `None` for a method in its usual settings.

        Returns:
            Dictionary: "host" and, if there is a GPU, "device", bytes.
        """
        if method != BASELINE:
            if arguments is None:
                run = keras_methods(self._model, crops, self._settings, self._name)[method](WARM_STEPS + 1)
            else:
                size = self._settings.image_size
                run = our_run(self._model, crops, size, arguments, Logit(0), WARM_STEPS + 1)
            with Stepper(run, synchronise=tf.test.experimental.sync_devices) as stepper:
                stepper.advance(WARM_STEPS)
        # macOS counts in bytes, Linux in units of 1,024 bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        gpus = tf.config.list_physical_devices("GPU")
        device = tf.config.experimental.get_memory_info("GPU:0")["peak"] if gpus else None
        return {"host": host, "device": device}


def machine() -> dict[str, Any]:
    """What the results depend on besides the code: versions, threads, instructions and devices.

    Nothing in it tells whose machine it is.

    Returns:
        Dictionary of strings, numbers and lists.
    """
    gpus = tf.config.list_physical_devices("GPU")
    threading = tf.config.threading
    return {
        "versions": {"maco_tf": __version__, "python": platform.python_version(), **_versions()},
        "processor": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        # 0 means as many threads as there are cores.
        "threads": {
            "within an operation": threading.get_intra_op_parallelism_threads(),
            "between operations": threading.get_inter_op_parallelism_threads(),
        },
        "instructions": _instructions(),
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name", "unknown") for gpu in gpus],
    }


def reason(error: BaseException) -> str:
    """An error as text for a table: its class and the start of its first line.

    Args:
        error: the error.

    Returns:
        Text of at most 160 characters.
    """
    first = next(iter(str(error).strip().splitlines()), "")
    text = f"{type(error).__name__}: {first}" if type(error).__module__ == "builtins" or not first else first
    return text if len(text) <= 160 else f"{text[:157]}..."


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _instructions() -> list[str] | None:
    """The listed instructions that the processor has; `None` if the system does not say."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return None
    lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    present = set(lines[0].split()) if lines else set()
    return [name for name in _INSTRUCTIONS if name in present]
