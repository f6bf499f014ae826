"""Settings and objectives as JSON, so that a result can be made again.

Numbers, texts, lists and objects that Keras can serialise are stored whole. Images and magnitudes are stored by their
SHA-256; the arrays themselves go into a dictionary beside the JSON. A function is stored by its import path. Whatever
cannot be stored leaves a note, and reading it back asks for the value again.
"""

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from maco_tf.import_path import from_import_path, import_obstacle, import_path
from maco_tf.objectives.feature_inversion import ReferenceTerm
from maco_tf.objectives.objective import Objective, Sum
from maco_tf.spectrum.magnitude import Magnitude

Arrays = dict[str, np.ndarray]


def digest(array: np.ndarray) -> str:
    """The SHA-256 of an array's shape and values, as hexadecimal digits."""
    array = np.ascontiguousarray(array, "float32")
    return hashlib.sha256(f"{array.shape}".encode() + array.tobytes()).hexdigest()


def encode(value: Any, arrays: Arrays) -> Any:
    """A setting as JSON.

    Args:
        value: any setting of a visualizer.
        arrays: dictionary, SHA-256 -> array; gains the arrays that the value holds.

    Returns:
        Numbers, texts, `None`, lists and dictionaries.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [encode(item, arrays) for item in value]
    if isinstance(value, Magnitude):
        key = digest(value.values)
        arrays[key] = value.values
        known = {} if value.mean is None else {"mean": value.mean.tolist()}
        known |= {} if value.decorrelated else {"decorrelated": False}
        return {"magnitude": key, "width": value.width, **known}
    if isinstance(value, tf.distribute.Strategy):
        return {"unstorable": f"{type(value).__name__} of {value.num_replicas_in_sync} replicas"}
    if hasattr(value, "get_config"):
        try:
            config = keras.saving.serialize_keras_object(value)
        except (TypeError, ValueError, NotImplementedError) as error:
            return {"unstorable": f"{value!r}: {error}"}
        # Keras numbers the objects of a process in their names.
        config["config"].pop("name", None)
        # As JSON reads it back: Keras leaves tuples in it.
        return {"keras": json.loads(json.dumps(config))}
    path = import_path(value)
    return {"unstorable": f"{value!r}, {import_obstacle(value)}"} if path is None else {"function": path}


def decode(name: str, value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """A setting from JSON; the inverse of `encode`.

    Args:
        name: the setting's name, for the error.
        value: as `encode` returns it.
        arrays: dictionary, SHA-256 -> array.

    Returns:
        The setting.

    Raises:
        ValueError: the value cannot be read back; it must be given again.
    """
    if isinstance(value, list):
        return [decode(name, item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "unstorable" in value:
        raise ValueError(
            f'"{name}" must be given again, because it could not be stored. Received: nothing for '
            f"{value['unstorable']}. A function is stored if it can be imported from a module by name."
        )
    if "function" in value:
        return from_import_path(value["function"], name)
    if "magnitude" in value:
        values = stored_array(name, value["magnitude"], arrays)
        return Magnitude(values, value["width"], value.get("mean"), value.get("decorrelated", True))
    try:
        # A copy, because Keras replaces parts of the dictionary by objects.
        return keras.saving.deserialize_keras_object(copy.deepcopy(value["keras"]))
    except Exception as error:  # Keras raises nearly anything for a class that it cannot find.
        raise ValueError(f'"{name}" must be given again: Keras cannot read it back. Received: {error}') from error


def stored_array(name: str, key: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """An array by its SHA-256.

    Args:
        name: the argument that the user can give instead, for the error.
        key: the SHA-256.
        arrays: dictionary, SHA-256 -> array.

    Raises:
        ValueError: the array is not there.
    """
    if key not in arrays:
        raise ValueError(
            f'"{name}" must be given again, because only its SHA-256 was stored, {key[:16]}... Received: nothing. '
            "explanation.save(path, inputs=True) stores the images and magnitudes too."
        )
    return arrays[key]


def encode_objective(objective: Objective, arrays: Arrays) -> dict[str, Any]:
    """An objective as JSON.

    Args:
        objective: an `Objective`.
        arrays: dictionary, SHA-256 -> array; gains the reference images.

    Returns:
        `{"terms": [[weight, term], ...]}` with each term serialised by Keras, or `{"unstorable": reason}`.
    """
    terms = []
    for weight, term in objective.terms:
        try:
            config = keras.saving.serialize_keras_object(_without_images(term))
        except (TypeError, ValueError, NotImplementedError) as error:
            return {"unstorable": f"{term!r}: {error}"}
        if isinstance(term, ReferenceTerm):
            key = digest(term.parameters["image"])
            arrays[key] = term.parameters["image"]
            config["config"]["images"] = key
        terms.append([np.asarray(weight).tolist(), config])
    return {"terms": terms}


def decode_objective(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Objective:
    """An objective from JSON; the inverse of `encode_objective`.

    Args:
        record: as `encode_objective` returns it.
        arrays: dictionary, SHA-256 -> array.

    Returns:
        An `Objective`.

    Raises:
        ValueError: the objective could not be stored, Keras cannot read it back, or its images are missing.
    """
    if "unstorable" in record:
        raise ValueError(
            '"objective" must be given again, because it could not be stored. Received: nothing for '
            f"{record['unstorable']}"
        )
    terms = []
    for weight, config in record["terms"]:
        settings = copy.deepcopy(config["config"])
        key = settings.get("images")
        if isinstance(key, str):
            settings["images"] = stored_array("images", key, arrays)
        try:
            term = keras.saving.deserialize_keras_object({**config, "config": settings})
        except Exception as error:  # Keras raises nearly anything for a class that it cannot find.
            raise ValueError(
                f'"objective" must be given again: Keras cannot read it back. Received: {error}'
            ) from error
        terms.append((weight, term))
    return Sum(terms)


def _without_images(term: Any) -> Any:
    """A reference term with one pixel for each image, since its images are stored by hash."""
    if not isinstance(term, ReferenceTerm):
        return term
    return term._with_parameters({**term.parameters, "image": np.zeros((len(term), 1, 1, 1), "float32")})
