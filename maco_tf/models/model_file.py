"""Models from files, with errors that say what is wrong with the file."""

import os
import re
import zipfile
from pathlib import Path

import keras

from maco_tf.models.zoo.flexivit import flexivit

# A checkpoint `.npz` of big_vision is a FlexiViT or a plain ViT.
MODEL_ENDINGS = (".keras", ".h5", ".npz")


def is_model_file(name: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a model file, which need not exist, rather than that of a network."""
    return Path(name).suffix.lower() in MODEL_ENDINGS


def load_model_file(path: str | os.PathLike[str], *, argument: str = "path") -> keras.Model:
    """Load a model from a file.

    Args:
        path: a `.keras` or `.h5` file that Keras saved, or an `.npz` checkpoint, which `zoo.flexivit` reads with its
            default sizes.
        argument: the argument's name, for the errors.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: the file does not exist, is damaged, holds weights only, or needs a class that is not known.
        WeightFileError: an `.npz` file is not such a checkpoint.
    """
    check_model_file(path, argument=argument)
    if Path(path).suffix.lower() == ".npz":
        return flexivit(path)
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        # Keras raises errors of many types, and wraps the reason in long advice.
        unknown = re.search(r"Could not locate [^.\n]*|Unknown layer: '[^']*'", str(error))
        reason = unknown[0] if unknown else (str(error).strip() or type(error).__name__).splitlines()[0]
        remedy = (
            'Import the module that defines and registers it first; the command does so with "--import".'
            if unknown
            else "Save the whole model again with model.save(path), in a version of Keras that is not newer than this "
            f"one, {keras.__version__}."
        )
        raise ValueError(
            f'"{argument}" must be a file from which Keras can load a model. Received: {path}: {reason.rstrip(".")}. '
            f"{remedy}"
        ) from error


def check_model_file(path: str | os.PathLike[str], *, argument: str = "path") -> None:
    """Check that a model file exists and is not obviously damaged, without loading it.

    Args:
        path: see `load_model_file`.
        argument: the argument's name, for the errors.

    Raises:
        ValueError: the file does not exist, holds weights only, or is not what its ending says.
    """
    path = Path(path)
    if not is_model_file(path):
        raise ValueError(f'"{argument}" must end in {", ".join(MODEL_ENDINGS)}. Received: {path}.')
    if not path.is_file():
        raise ValueError(f'"{argument}" must be a file that exists. Received: {path}.')
    if path.name.lower().endswith(".weights.h5"):
        raise ValueError(
            f'"{argument}" must be a whole model. Received: {path}, which holds weights only. Load them into the model '
            "in Python, and save it with model.save(path)."
        )
    if path.suffix.lower() == ".h5":
        with path.open("rb") as file:
            intact, kind = file.read(8) == b"\x89HDF\r\n\x1a\n", "an HDF5 file"
    else:
        # The directory is at the end of the archive, so an incomplete download is found.
        intact, kind = zipfile.is_zipfile(path), f"a {path.suffix} archive"
    if not intact:
        raise ValueError(
            f'"{argument}" must be a model file that is complete. Received: {path} ({path.stat().st_size} bytes), '
            f"which is not {kind}: it is damaged, incomplete or of another kind. Copy it or save the model again."
        )
