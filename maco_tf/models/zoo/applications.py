"""Networks of `keras.applications` by name, with Keras's own weights and preprocessing."""

import types

import keras


def application_names():
    """Names of the networks that `load_application` takes."""
    return sorted(name for name, value in vars(keras.applications).items() if name[0].isupper() and callable(value))


def load_application(name, weights="imagenet"):
    """Load a network and put its preprocessing in front.

    Args:
        name: as in `keras.applications`, such as "ResNet50V2".
        weights: "imagenet" (downloaded by Keras), a file, or None for random weights.

    Raises:
        OSError: the weights could not be had.

    Returns:
        A functional `keras.Model` from images in [0, 1]; the network's own layers keep their names.
    """
    build = getattr(keras.applications, name)
    size = build(weights=None).input_shape[1:]
    inputs = keras.Input(size, name="image")
    outputs = _module(name).preprocess_input(255.0 * inputs)
    try:
        network = build(weights=weights, input_tensor=outputs)
    except Exception as error:
        # Keras raises a bare Exception where the download fails.
        raise OSError(f"Keras could not load the weights {weights!r} of {name}: {error}") from error
    return keras.Model(inputs, network.output, name=network.name)


def _module(name):
    """The family's module, which holds its `preprocess_input`."""
    for module in vars(keras.applications).values():
        if isinstance(module, types.ModuleType) and hasattr(module, name) and hasattr(module, "preprocess_input"):
            return module
    raise ValueError(f"keras.applications has no preprocess_input for {name!r}.")
