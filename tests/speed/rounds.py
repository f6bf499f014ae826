"""Turns, ratios within a round, medians. Knows nothing of what is timed."""

import numpy as np

# Quartiles of fewer say nothing.
_LEAST_ROUNDS = 3


class TooLongError(Exception):
    """What is asked for would take longer than it may."""


def plan(seconds, methods, warm_steps, settings):
    """How many rounds of how many steps fit.

    Args:
        seconds: of one step of the bare network.
        methods: number of methods that take turns.
        warm_steps: steps that each of them takes before.
        settings: a `Settings`.

    Returns:
        `(rounds, steps)`.

    Raises:
        TooLongError: not even three rounds fit.
    """
    steps = max(1, min(settings.steps, int(settings.turn / seconds)))
    warm, one = seconds * methods * warm_steps, seconds * methods * steps
    rounds = min(settings.rounds, int((settings.limit - warm) // one))
    least = min(_LEAST_ROUNDS, settings.rounds)
    if rounds < least:
        raise TooLongError(
            f"not measured: {least} rounds would take about {warm + least * one:.0f} s, above the limit of "
            f"{settings.limit:.0f} s (--limit)"
        )
    return rounds, steps


def take_turns(advances, rounds, steps):
    """Let methods take turns, each round beginning with another.

    Args:
        advances: dictionary, name -> function of a number of steps that does them and returns seconds.
        rounds: number of rounds.
        steps: steps of a turn, or a dictionary, name -> steps, where methods differ.

    Returns:
        `(seconds, failures)`: dictionaries, name -> list of seconds a step by round, of those that held out; and
        name -> the error of those that did not.
    """
    names, failures = list(advances), {}
    seconds = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if name in failures:
                continue
            count = steps[name] if isinstance(steps, dict) else steps
            try:
                seconds[name].append(advances[name](count) / count)
            except Exception as error:
                failures[name] = error
    return {name: values for name, values in seconds.items() if name not in failures}, failures


def ratios(seconds, bare):
    """Ratios to one method, each taken within a round: what slows a whole round down falls out.

    Args:
        seconds: see `take_turns`.
        bare: the name of the method to compare with.

    Returns:
        Dictionary, name -> list of ratios by round.
    """
    return {name: [value / limit for value, limit in zip(values, seconds[bare])] for name, values in seconds.items()}


def summary(values):
    """Median and quartiles.

    Args:
        values: list of numbers.

    Returns:
        Dictionary: "median", "low" and "high" (the quartiles, interpolated), and "values" as they came.
    """
    low, median, high = np.percentile(values, [25, 50, 75]).tolist()
    return {"median": median, "low": low, "high": high, "values": [float(value) for value in values]}
