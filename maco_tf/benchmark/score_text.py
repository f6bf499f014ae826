"""A score as text."""


def score_text(score):
    """A value with its error, or the reason why there is none.

    Args:
        score: dictionary of a `Score`, as results hold it: `None` for what is not known.

    Returns:
        Text, such as "0.374 ± 0.074".
    """
    if score["mean"] is None:
        return score["reason"]
    digits = _digits(score["mean"])
    error = "" if score["error"] is None else f" ± {score['error']:.{digits}f}"
    return f"{score['mean']:.{digits}f}{error}"


def difference_text(difference, error):
    """The distance of two scores with its error.

    Args:
        difference: number, whose sign is left out.
        error: number, or `None`.
    """
    digits = _digits(difference)
    return f"{abs(difference):.{digits}f} ± {'unknown' if error is None else f'{error:.{digits}f}'}"


def _digits(value):
    return next((digits for least, digits in ((10, 1), (0.1, 3)) if abs(value) >= least), 4)
