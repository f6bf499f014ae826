"""Examine one architecture: five short runs."""

import time
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import maco_tf
import tests.any_model.keras_hub_models  # noqa: F401
from maco_tf import Channel, FeatureInversion, Logit, MacoVisualizer
from maco_tf.models import as_preprocessing, logits_of
from maco_tf.models.outputs import outputs_by_name
from maco_tf.models.probing import natural_image
from tests.any_model.architectures import Architecture, architectures

# The columns of the table.
CHECKS = ("logit", "channel", "inversion", "bfloat16", "XLA")
_STEPS = 2


def examine(architecture: Architecture) -> dict[str, Any]:
    """Build an architecture and make five short runs.

    Args:
        architecture: an `Architecture`.

    Returns:
        A row: what the model is, and for each of `CHECKS` "ok" or the reason why not.
    """
    keras.utils.set_random_seed(0)
    begun = time.perf_counter()
    row: dict[str, Any] = {}
    model = architecture.build()
    if architecture.wrap is not None:
        row["refused"] = _refusal(model)
        model = architecture.wrap(model)
    settings = {"steps": _STEPS, "crops": 2, "image_size": "input", "jit_compile": False, **architecture.settings}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resolved = MacoVisualizer(model, **settings).resolved
        input_shape = resolved.input_shape
        train_norms(model, np.asarray(as_preprocessing(resolved.preprocessing)(different_images(input_shape))))
        visualizer = MacoVisualizer(model, **settings)
        logit, row["logit"] = nearest_logit(model, input_shape)
        layer = inner_layer(model, input_shape)
        channel, row["channel"] = inner_channel(visualizer, layer)
        row.update(input=list(input_shape), range=visualizer.resolved.preprocessing, layer=layer, checks={})
        photograph = np.random.default_rng(0).uniform(size=(1, *input_shape)).astype("float32")
        runs: dict[str, Callable[[], float]] = {
            "logit": lambda: run(visualizer, logit),
            "channel": lambda: run(visualizer, architecture.weight * channel),
            "inversion": lambda: run(visualizer, FeatureInversion(layer, photograph)),
            "bfloat16": lambda: run(MacoVisualizer(model, **settings, precision="bfloat16"), logit),
            "XLA": lambda: run(MacoVisualizer(model, **{**settings, "jit_compile": True}), logit),
        }
        row["scores"] = {}
        for name in CHECKS:
            try:
                row["scores"][name] = runs[name]()
                row["checks"][name] = "ok"
            except Exception as error:
                row["checks"][name] = f"{type(error).__name__}: {error}"[:1000]
    row["warnings"] = sorted({str(warning.message) for warning in caught if "maco_tf" in warning.filename})
    row["seconds"] = round(time.perf_counter() - begun, 1)
    return row


def train_norms(model: keras.Model, images: np.ndarray) -> None:
    """Give the batch norms the statistics of some images, as training does.

    Without it, the signal fades from layer to layer, until the optimizer does not see the gradient.
    """
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    if norms:
        model(images, training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum


def different_images(shape: tuple[int, int, int]) -> np.ndarray:
    """Sixteen images with the spectrum of natural ones: shifts, with another contrast in each channel."""
    rng = np.random.default_rng(0)
    image = natural_image(shape)[0]
    shifted = np.stack([np.roll(image, rng.integers(0, shape[0], size=2), axis=(0, 1)) for _ in range(16)])
    contrast = rng.uniform(-1.2, 1.2, size=(16, 1, 1, shape[2])).astype("float32")
    return np.clip(0.5 + contrast * (shifted - 0.5), 0, 1)


def run(visualizer: MacoVisualizer, objective: Any) -> float:
    """A short run; the score of its first step.

    Raises:
        ValueError: the run did not do what a run must do.
    """
    parametrization = visualizer.resolved.parametrization(1)
    start = np.asarray(parametrization.image(parametrization.initialize(0)))
    explanation = visualizer.explain(objective, seed=0, verbose=0)
    if explanation.images.shape != (1, *visualizer.image_shape) or explanation.scores.shape != (_STEPS, 1):
        raise ValueError(f"shapes {explanation.images.shape} and {explanation.scores.shape}")
    if not np.isfinite(explanation.scores).all() or not np.isfinite(explanation.images).all():
        raise ValueError(f"not finite: scores {explanation.scores.ravel()}")
    if not explanation.transparency.any():
        raise ValueError("no gradient reaches the image")
    if np.abs(explanation.images - start).max() < 1e-3:
        raise ValueError("the image does not change")
    return float(explanation.scores[0, 0])


def nearest_logit(model: keras.Model, input_shape: tuple[int, ...]) -> tuple[Any, str]:
    """An objective on the model's output, and how a user writes it."""
    prediction = model(np.zeros((1, *input_shape), "float32"), training=False)
    outputs = outputs_by_name(model, prediction)
    first, prediction = next(iter(outputs.items()))
    name = first if len(outputs) > 1 else None
    unit = min(1, prediction.shape[-1] - 1)
    if len(prediction.shape) == 2:
        return Logit(unit, output=name), f'Logit({unit}, output="{name}")' if name else f"Logit({unit})"
    layer = logits_of(name)
    if len(prediction.shape) == 3:
        return Channel(layer, unit, tokens="all"), f'Channel("{layer}", {unit}, tokens="all")'
    return Channel(layer, unit), f'Channel("{layer}", {unit})'


def inner_layer(model: keras.Model, input_shape: tuple[int, ...]) -> str:
    """The layer in the middle of those that return feature maps or tokens."""
    found = [
        entry.path
        for entry in maco_tf.layers(model, input_shape=input_shape)
        if entry.shape and len(entry.shape) in (2, 3) and None not in entry.shape and entry.shape[-1] > 1
        if entry.kind not in ("InputLayer", "ZeroPadding2D", "Dropout", "Rescaling", "Normalization")
    ]
    return found[len(found) // 2]


def inner_channel(visualizer: MacoVisualizer, layer: str) -> tuple[Any, str]:
    """A channel of a layer, and how a user writes it: of all tokens where their arrangement is not known."""
    try:
        visualizer.check(Channel(layer, 1))
        return Channel(layer, 1), f'Channel("{layer}", 1)'
    except ValueError as error:
        if '"tokens"' not in str(error):
            raise
    return Channel(layer, 1, tokens="all"), f'Channel("{layer}", 1, tokens="all")'


def _refusal(model: keras.Model) -> str:
    """The error about a model that does not take one batch of images."""
    try:
        MacoVisualizer(model)
    except ValueError as error:
        if "keras.Model(" not in str(error):
            raise ValueError(f"refused without a wrapper: {error}") from error
        return str(error)
    raise ValueError("the model is not refused")


def send_row(name: str, sender: Any) -> None:
    """Examine the architecture of a name, in a process of its own, and send its row through a pipe."""
    try:
        row = examine(architectures()[name])
    except Exception as error:
        row = {"failure": f"{type(error).__name__}: {error}"[:1000]}
    sender.send(row)
