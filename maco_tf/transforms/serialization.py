"""Serialisation of a dataclass by its fields, in the form that Keras writes and reads."""

import dataclasses
from typing import Any, TypeVar

import keras

_T = TypeVar("_T", bound="FieldConfig")


class FieldConfig:
    """Gives a dataclass the methods `get_config` and `from_config`.

    With them, `keras.saving.serialize_keras_object` writes an object and `keras.saving.deserialize_keras_object` reads
    it, if its class is registered with `keras.saving.register_keras_serializable`.
    """

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes an equal object.

        Returns:
            Dictionary, name of a field -> value. Distributions and schedules stay objects.

        Raises:
            ValueError: the class is not a dataclass, so its arguments are unknown.
        """
        if not dataclasses.is_dataclass(self):
            raise ValueError(
                f'"{type(self).__name__}" must be a dataclass or define get_config to be serialized. Received: a plain '
                "class. Decorate it with @dataclasses.dataclass(frozen=True, eq=False) and declare its settings as "
                "fields, or add a method get_config(self) that returns the constructor's arguments by name."
            )
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}

    @classmethod
    def from_config(cls: type[_T], config: dict[str, Any]) -> _T:
        """Make an object from its configuration.

        Args:
            config: dictionary that `get_config` returned, or the same dictionary as Keras serialised it. JSON turns
                tuples into lists.

        Returns:
            An object of this class.
        """
        return cls(**{name: _restored(value) for name, value in config.items()})


def _restored(value: Any) -> Any:
    """A field's value, with the objects in it that Keras serialised made again."""
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
