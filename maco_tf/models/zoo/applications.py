"""Networks of `keras.applications` by name, with the weights and the preprocessing that Keras provides."""

import types
from pathlib import Path

import keras


def application_names() -> list[str]:
    """Names of the networks that `load_application` takes."""
    return sorted(name for name, value in vars(keras.applications).items() if name[0].isupper() and callable(value))


def load_application(name: str, weights: str | Path | None = "imagenet") -> keras.Model:
    """Load a network and put its preprocessing in front.

    Args:
        name: a name in `keras.applications`, such as "ResNet50V2".
        weights: "imagenet", which Keras downloads; a file; or `None` for random weights.

    Returns:
        A functional `keras.Model` from images in [0, 1]; the network's layers keep their names.

    Raises:
        OSError: the weights cannot be downloaded or read.
    """
    build = getattr(keras.applications, name)
    size = build(weights=None).input_shape[1:]
    inputs = keras.Input(size, name="image")
    outputs = _module(name).preprocess_input(255.0 * inputs)
    try:
        network = build(weights=weights, input_tensor=outputs)
    except Exception as error:
        # Keras raises a bare Exception if the download fails.
        raise OSError(f"Keras could not load the weights {weights!r} of {name}: {error}") from error
    return keras.Model(inputs, network.output, name=network.name)


def _module(name: str) -> types.ModuleType:
    """The module of a network's family, which contains its `preprocess_input`."""
    modules = {
        title: module
        for title, module in vars(keras.applications).items()
        if isinstance(module, types.ModuleType) and hasattr(module, "preprocess_input")
    }
    for module in modules.values():
        if hasattr(module, name):
            return module
    # MobileNetV3's module holds the preprocessing only; the networks stand beside it.
    families = [title for title in modules if name.lower().startswith(title.replace("_", ""))]
    if not families:
        raise ValueError(f"keras.applications has no preprocess_input for {name!r}.")
    return modules[max(families, key=len)]
