"""The methods that a benchmark compares, as a table: a visualizer, its settings, and the objective of a class."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras

from maco_tf.benchmark import activation_matching as matching
from maco_tf.benchmark.explainer import Compute, Explainer, InapplicableError, Picture, Task
from maco_tf.benchmark.xplique_maco import xplique_maco
from maco_tf.exemplars.measured_statistics import measure_statistics
from maco_tf.models.activations import Activations
from maco_tf.models.taps import batch_norms
from maco_tf.objectives.batch_norm_statistics import BatchNormStatistics
from maco_tf.objectives.logit import Logit
from maco_tf.objectives.natural_statistics import NaturalStatistics
from maco_tf.objectives.objective import Objective
from maco_tf.visualizers import methods
from maco_tf.visualizers.registry import find_method
from maco_tf.visualizers.visualizer import Visualizer

XPLIQUE = "xplique"


@dataclasses.dataclass(frozen=True)
class Target:
    """What is explained.

    Attributes:
        model: the explained network.
        index: class number.
        images: files of real images of the class, which no score is taken against; empty for a method without
            `with_images`.
    """

    model: keras.Model
    index: int
    images: Sequence[str]


def shared(model: keras.Model, compute: Compute) -> dict[str, Any]:
    """The settings of a visualizer that every method gets: the recipe and the compute."""
    return {
        "recipe": compute.recipe,
        "steps": compute.steps,
        "crops": compute.crops,
        "image_size": compute.image_size,
    }


def logit(target: Target) -> Objective:
    """The objective without a prior."""
    return Logit(target.index)


@dataclasses.dataclass(frozen=True)
class Method:
    """A method of the benchmark.

    Attributes:
        visualizer: the name of a registered visualizer, or a class.
        objective: function from a `Target` to the `Objective` of its class. It raises `InapplicableError` for a network
            that lacks what it needs.
        settings: function from the network and the compute to the visualizer's settings.
        more: further settings of the visualizer, which replace those.
        with_images: whether the objective is given images of the class.
        note: what the method is, for the report; empty for a visualizer without a prior.
    """

    visualizer: str | type[Visualizer]
    objective: Callable[[Target], Objective] = logit
    settings: Callable[[keras.Model, Compute], Mapping[str, Any]] = shared
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    with_images: bool = False
    note: str = ""


def with_batch_norms(target: Target) -> Objective:
    """The logit, and the memory of the network's batch norms."""
    _check_batch_norms(target.model)
    return Logit(target.index) + BatchNormStatistics()


def with_natural_images(target: Target) -> Objective:
    """The logit, and the statistics of natural images that the package has of the network."""
    prior = NaturalStatistics()
    try:
        prior.resolved(Activations(target.model))
    except ValueError as error:
        raise InapplicableError("no statistics of natural images") from error
    return Logit(target.index) + prior


def with_class_images(target: Target) -> Objective:
    """The logit, and the statistics of real images of the class."""
    statistics = measure_statistics(target.model, list(target.images), batch_size=len(target.images))
    return Logit(target.index) + NaturalStatistics(statistics)


def _vital(target: Target) -> Objective:
    return matching.vital(target.model, target.images)


def _deep_inversion(target: Target) -> Objective:
    _check_batch_norms(target.model)
    return matching.deep_inversion(target.index)


def _run(learning_rate: float, *, flip: bool = False, published: bool = False) -> Callable[..., dict[str, Any]]:
    """Settings of clipped pixels: the published number of steps, or as many views as every method sees."""

    def settings(model: keras.Model, compute: Compute) -> dict[str, Any]:
        steps = matching.STEPS if published else compute.steps * compute.crops
        return matching.pixel_settings(model, steps, learning_rate=learning_rate, flip=flip)

    return settings


_PIXELS = matching.ClippedPixelVisualizer
_VITAL = "VITAL (Gorgun et al., 2025): free pixels that match the sorted activations of real images of the class"
_DEEP = "DeepInversion (Yin et al., 2020): free pixels, cross-entropy and the memory of all batch norms"
_EQUAL = ", with as many views as the other methods, one per step"
_PUBLISHED = f", with the published {matching.STEPS:,} steps of one view"

TABLE: dict[str, Method] = {
    "maco+bn": Method("maco", with_batch_norms, note="MACO with the memory of the batch norms as a prior"),
    "maco+natural": Method(
        "maco", with_natural_images, note="MACO with the statistics of natural images of other classes as a prior"
    ),
    "maco+class": Method(
        "maco",
        with_class_images,
        with_images=True,
        note="MACO with the statistics of real images of the class as a prior",
    ),
    "fourier+bn": Method("fourier", with_batch_norms, note="Fourier with the memory of the batch norms as a prior"),
    "fourier+natural": Method(
        "fourier",
        with_natural_images,
        note="Fourier with the statistics of natural images of other classes as a prior",
    ),
    "fourier+class": Method(
        "fourier",
        with_class_images,
        with_images=True,
        note="Fourier with the statistics of real images of the class as a prior",
    ),
    "vital": Method(_PIXELS, _vital, _run(1.0), with_images=True, note=_VITAL + _EQUAL),
    f"vital-{matching.STEPS}": Method(
        _PIXELS, _vital, _run(1.0, published=True), with_images=True, note=_VITAL + _PUBLISHED
    ),
    "deepinversion": Method(_PIXELS, _deep_inversion, _run(0.25, flip=True), note=_DEEP + _EQUAL),
    f"deepinversion-{matching.STEPS}": Method(
        _PIXELS, _deep_inversion, _run(0.25, flip=True, published=True), note=_DEEP + _PUBLISHED
    ),
}


def find(name: str) -> Method | None:
    """The entry of a method; `None` for xplique's own `maco`, which is no visualizer of this package.

    Args:
        name: one of `METHODS`.
    """
    return None if name == XPLIQUE else TABLE.get(name, Method(name))


def recipes_of(name: str) -> list[str] | None:
    """The recipes of a method; `None` if the recipe of the benchmark does not change it.

    Args:
        name: one of `METHODS`.
    """
    method = find(name)
    if method is None or method.settings is not shared:
        return None
    return list(_kind(method).recipes)


def needs_images(name: str) -> bool:
    """Whether a method's prior sees real images of the class.

    Args:
        name: one of `METHODS`.
    """
    method = find(name)
    return method is not None and method.with_images


def note(name: str) -> str:
    """What a method of the table is; empty for the others.

    Args:
        name: one of `METHODS`.
    """
    return TABLE[name].note if name in TABLE else ""


class _Methods(Mapping[str, Callable[[keras.Model, Task], Explainer]]):
    """All registered methods by their name in lower case, "xplique", which is xplique's own `maco`, and the table.

    A method of a user's own is found as soon as its module is imported.
    """

    def __getitem__(self, name: str) -> Callable[[keras.Model, Task], Explainer]:
        if name not in list(self):
            raise KeyError(name)
        method = find(name)
        return xplique_maco if method is None else functools.partial(_explainer, method)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*(name.lower() for name in methods()), XPLIQUE, *TABLE]))

    def __len__(self) -> int:
        return len(list(iter(self)))


METHODS = _Methods()


def _explainer(method: Method, model: keras.Model, settings: Task) -> Explainer:
    visualizer = _kind(method)(model, **{**method.settings(model, settings), **method.more})

    # All seeds of a class share its statistics.
    @functools.lru_cache(maxsize=1)
    def objective(index: int) -> Objective:
        return method.objective(Target(model, index, settings.prior_files(index) if method.with_images else ()))

    def explain(index: int, seed: int) -> Picture:
        explanation = visualizer.explain(objective(index), seed=seed, verbose=0)
        if explanation.config["interrupted"]:
            raise KeyboardInterrupt  # An unfinished image must not be kept as a finished one.
        return Picture(explanation.images[0], explanation.transparency[0])

    config = visualizer.config()
    if method.objective is not logit:
        # The weights and the kinds of the terms are the same for all classes.
        terms = objective(settings.classes[0]).terms
        config["objective"] = [
            [float(weight), type(term).__name__, getattr(term, "balance", None)] for weight, term in terms
        ]
    return Explainer(explain, config)


def _kind(method: Method) -> Any:
    return find_method(method.visualizer) if isinstance(method.visualizer, str) else method.visualizer


def _check_batch_norms(model: keras.Model) -> None:
    if not batch_norms(Activations(model)):
        raise InapplicableError("no batch norms")
