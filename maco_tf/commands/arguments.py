"""The model that a command's user names."""

from pathlib import Path


def is_file(name):
    """Whether a model's name is a file's."""
    return Path(name).suffix in (".keras", ".h5")


def load_model(name, preprocessing=None):
    """A model of the zoo, of `keras.applications`, or from a file.

    Args:
        name: what the user gave as `--model`.
        preprocessing: what the user gave as `--preprocessing`, or `None`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: no such file or network, or a preprocessing for a network that has its own.
    """
    import keras

    from maco_tf.models import zoo

    if not is_file(name):
        if preprocessing:
            raise ValueError('"--preprocessing" is for a .keras file: networks of the zoo have theirs inside.')
        return zoo.load(name)
    if not Path(name).is_file():
        raise ValueError(f'"--model" must be a file that exists. Received: {name}.')
    return keras.models.load_model(name, compile=False)
