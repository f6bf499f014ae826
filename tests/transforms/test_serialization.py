"""Transforms and distributions survive a round trip through JSON."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.transforms import (
    Choice,
    GaussianBlur,
    GaussianNoise,
    Jitter,
    Normal,
    Pad,
    RandomCrop,
    RandomFlip,
    RandomRotate,
    RandomScale,
    Repeat,
    Resize,
    Transform,
    Uniform,
    UniformNoise,
    lucid_standard,
    paper_standard,
)


def named(value):
    """The text of a value without addresses, so that tests have the same names in every process."""
    return re.sub(r" at 0x\w+", "", str(value))


@keras.saving.register_keras_serializable("maco_tf_tests")
def halving(step):
    return 0.5**step


@keras.saving.register_keras_serializable("maco_tf_tests")
@dataclasses.dataclass(frozen=True, eq=False)
class Stripes(Transform):
    strengths: tuple
    width: int = 2

    def apply(self, images, draws):
        return images * self.strengths[0]


class Invert(Transform):
    def apply(self, images, draws):
        return 1 - images


TRANSFORMS = [
    GaussianBlur(4, (0.5, 1.5)),
    GaussianBlur(3, Uniform((2.0, 0.5), (3.0, 1.0))),
    GaussianNoise((0.1, 0.02)),
    GaussianNoise(halving),
    Jitter(3),
    Pad(2),
    Pad(3, "reflect"),
    RandomCrop(8),
    RandomCrop(
        (8, 6),
        3,
        side=Normal((0.9, 0.5), 0.05),
        centre=Normal(0.5, 0.15),
        inside=False,
        antialias=False,
        whole=1,
        implementation="matrices",
    ),
    RandomCrop(8, 2, side=Choice([0.5, 1.0]), centre=0.5),
    RandomFlip(vertical=True),
    RandomRotate([-5, 0, 0, 5]),
    RandomScale((0.8, 1.2)),
    Repeat(2),
    Resize((7, 9), antialias=False),
    UniformNoise(np.float32(0.25)),
    *lucid_standard(),
    *paper_standard(20),
]
DISTRIBUTIONS = [Normal(0.5), Normal((0.9, 0.5), halving), Uniform([0, 1], 2), Choice(np.arange(3)), Choice([1, 1, 2])]


def round_trip(value):
    return keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(value))))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=named)
def test_transforms(transform, rng):
    images = tf.constant(rng.uniform(size=(2, 16, 14, 2)).astype("float32"))
    read = round_trip(transform)
    assert type(read) is type(transform)
    assert dataclasses.asdict(read) == dataclasses.asdict(transform)
    assert repr(read) == repr(transform)
    # New objects, because the generator of this one may have advanced.
    copy = type(transform)(**transform.get_config())
    np.testing.assert_array_equal(read(images, 2, 5), copy(images, 2, 5))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=named)
def test_distributions(distribution):
    read = round_trip(distribution)
    assert read == distribution
    draws = [value.sample((5,), keras.random.SeedGenerator(1), 2, 5) for value in (read, distribution)]
    np.testing.assert_array_equal(*draws)


def test_a_keras_schedule_survives():
    cosine = keras.optimizers.schedules.CosineDecay(0.8, 10)
    read = round_trip(Normal(cosine, (0.1, 0.0)))
    assert read.mean.get_config() == cosine.get_config()
    assert read.std == (0.1, 0.0)


def test_a_dataclass_of_ones_own_needs_no_method():
    assert Stripes((0.5, 0.25)).get_config() == {"strengths": (0.5, 0.25), "width": 2}
    read = round_trip(Stripes((0.5, 0.25), width=3))
    # JSON has no tuples.
    assert list(read.strengths) == [0.5, 0.25]
    assert read.width == 3


def test_a_configuration_with_objects_is_read_back():
    crop = RandomCrop(8, side=Normal(0.5, 0.1))
    assert crop.get_config()["side"] is crop.side
    assert dataclasses.asdict(RandomCrop.from_config(crop.get_config())) == dataclasses.asdict(crop)


def test_a_plain_class_is_asked_for_its_configuration():
    with pytest.raises(ValueError, match=r'"Invert" must be a dataclass or define get_config') as error:
        keras.saving.serialize_keras_object(Invert())
    assert "@dataclasses.dataclass(frozen=True" in str(error.value)


def test_a_wrong_configuration_is_refused():
    with pytest.raises(ValueError, match='"pixels"'):
        Jitter.from_config({"pixels": -1})
    with pytest.raises(TypeError, match="unknown"):
        Jitter.from_config({"pixels": 1, "unknown": 2})
