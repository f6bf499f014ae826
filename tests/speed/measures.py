"""The four measures, each from a task to what a row of the results says."""

import contextlib
import functools
import resource
import statistics
import sys
import time

import tensorflow as tf
from xplique.features_visualizations import Objective, maco

from maco_tf import Logit, MacoVisualizer
from maco_tf.benchmark.methods import xplique_model
from tests.speed.cases import cases
from tests.speed.methods import BARE, XPLIQUE, keras_methods, our_run
from tests.speed.networks import NETWORKS
from tests.speed.rounds import plan, ratios, summary, take_turns
from tests.speed.stepper import Stepper

# The first step of a run traces; the second tells how long one takes.
WARM_STEPS = 2

BASELINE = "baseline"


class Measures:
    """What is measured of one network, in one process, on the same weights.

    Args:
        name: of the network.
        settings: a `Settings`.
    """

    def __init__(self, name, settings):
        self._name, self._network, self._settings = name, NETWORKS[name], settings
        self._model = self._network.load()
        # Crops -> name -> median seconds of a step.
        self._seconds = {}

    def steps(self, crops):
        """Seconds a step of every method, and ratios to the bare network.

        Args:
            crops: views a step.

        Returns:
            Dictionary: "rounds", "steps" of a turn, "methods" (name -> summaries "seconds" and "ratio") and
            "failures" (name -> reason).

        Raises:
            TooLongError: too few rounds fit.
        """
        settings, methods = self._settings, keras_methods(self._model, crops, self._settings, self._name)
        synchronise = tf.test.experimental.sync_devices
        if settings.torch:
            from tests.speed.torch_methods import synchronise_torch, torch_methods

            methods |= torch_methods(self._network, self._model.input_shape[1], crops, settings)

            def synchronise():
                tf.test.experimental.sync_devices()
                synchronise_torch()

        if self._seconds:
            # Refused before the first slow step.
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
            seconds, failed = take_turns(advances, rounds, turn)
        if BARE in failed:
            raise failed[BARE]
        self._seconds[crops] = {name: statistics.median(values) for name, values in seconds.items()}
        by_round = ratios(seconds, BARE)
        return {
            "rounds": rounds,
            "steps": turn,
            "methods": {
                name: {"seconds": summary(values), "ratio": summary(by_round[name])} for name, values in seconds.items()
            },
            "failures": failures | {name: reason(error) for name, error in failed.items()},
        }

    def startup(self, crops):
        """Seconds that the first and the second objective of one kind cost beyond their step.

        From making the visualizer to the end of a run of one step, less the median step of the rounds; the second
        objective is another class, of the same visualizer. By then the process has run the network many times, so
        that what a first call of the libraries costs is in neither. xplique's network is wrapped before the clock
        starts.

        Args:
            crops: views a step, for which `steps` was measured.

        Returns:
            Dictionary: "methods", name -> "first", "second" and, of ours, "traces" after both; "failures".
        """
        if crops not in self._seconds:
            raise RuntimeError(f"steps of {crops} crops were not measured")
        methods, failures = {}, {}
        explainers = {
            name: functools.partial(self._ours, crops, arguments)
            for name, arguments in cases(crops, self._settings, self._name).items()
        }
        for name, make in {**explainers, XPLIQUE: functools.partial(self._xplique, crops)}.items():
            if name not in self._seconds[crops]:
                continue  # The row of its steps says why.
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

    def _ours(self, crops, arguments):
        made = []

        def prepare():
            size = self._settings.image_size
            made.append(MacoVisualizer(self._model, steps=1, crops=crops, image_size=size, **arguments))

        def explain(index):
            made[0].explain(Logit(index), seed=0, verbose=0)

        return prepare, explain, lambda: made[0].traces

    def _xplique(self, crops):
        wrapped, size = xplique_model(self._model), self._settings.image_size

        def explain(index):
            objective = Objective.neuron(wrapped, "logits", index)
            maco(objective, nb_steps=1, nb_crops=crops, custom_shape=(size, size))

        # Its traces are not counted anywhere that is public.
        return lambda: None, explain, lambda: None

    def many(self, crops, count):
        """A batch of objectives beside as many single ones of the same number of crops.

        Args:
            crops: views a step of each objective.
            count: number of objectives.

        Returns:
            Dictionary: "objectives", "rounds", and summaries of the seconds of a step of the "batch", of a step of all
            the "single" ones, and of their "ratio".
        """
        settings = self._settings
        # The single ones do `count` steps while the batch does one, so that each takes about half of a round.
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

    def memory(self, crops, method, arguments=None):
        """Peak memory of this process after two steps of a method, for a process that does nothing else.

        Args:
            crops: views a step.
            method: its name, or `BASELINE`, which has the packages and the network and makes no step.
            arguments: of `MacoVisualizer`, where ours is measured with some.

        Returns:
            Dictionary: "host" and, where a GPU is, "device", bytes.
        """
        if method != BASELINE:
            if arguments is None:
                run = keras_methods(self._model, crops, self._settings, self._name)[method](WARM_STEPS + 1)
            else:
                size = self._settings.image_size
                run = our_run(self._model, crops, size, arguments, Logit(0), WARM_STEPS + 1)
            with Stepper(run, synchronise=tf.test.experimental.sync_devices) as stepper:
                stepper.advance(WARM_STEPS)
        # macOS counts bytes, Linux 1,024 of them.
        unit = 1 if sys.platform == "darwin" else 1024
        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        gpus = tf.config.list_physical_devices("GPU")
        device = tf.config.experimental.get_memory_info("GPU:0")["peak"] if gpus else None
        return {"host": host, "device": device}


def reason(error):
    """An error as a table tells it: its kind and the start of its first line."""
    first = next(iter(str(error).strip().splitlines()), "")
    text = f"{type(error).__name__}: {first}" if type(error).__module__ == "builtins" or not first else first
    return text if len(text) <= 160 else f"{text[:157]}..."
