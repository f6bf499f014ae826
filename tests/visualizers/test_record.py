import functools
import hashlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, FeatureInversion, Lambda, Logit, TotalVariation
from maco_tf.spectrum import imagenet_magnitude
from maco_tf.transforms import Choice, GaussianNoise, Normal, RandomCrop, Uniform, lucid_standard
from maco_tf.visualizers.record import decode, decode_objective, digest, encode, encode_objective


def double(images):
    return 2 * images


def through_json(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("value", [None, True, False, 3, 0.25, "input", [1, [2.5, "x"], None]])
def test_plain_values_are_their_own_record(value):
    assert through_json(encode(value, {})) == value
    assert decode("setting", through_json(encode(value, {})), {}) == value


@pytest.mark.parametrize(
    ("value", "plain"),
    [(np.int64(3), 3), (np.float32(0.5), 0.5), (np.True_, True), ((33, 40), [33, 40]), ((np.int8(1), (2,)), [1, [2]])],
)
def test_numpy_numbers_and_tuples_become_plain(value, plain):
    found = decode("setting", through_json(encode(value, {})), {})
    assert found == plain
    assert type(found) is type(plain)


@pytest.mark.parametrize(
    "value",
    [
        Normal((0.9, 0.5), 0.05),
        Uniform(0.4, (0.9, 0.5)),
        Choice([0.5, 1.0]),
        GaussianNoise((0.1, 0.0)),
        RandomCrop(16, 3, side=Normal((0.8, 0.4), 0.1)),
        lucid_standard(),
        keras.optimizers.SGD(20.0, momentum=0.5),
        keras.optimizers.Nadam(keras.optimizers.schedules.CosineDecay(1.0, 8)),
        keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5),
        tf.math.sin,
        double,
        keras.applications.resnet.preprocess_input,
        [GaussianNoise(0.1), double],
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_settings_survive_json(value):
    record = through_json(encode(value, {}))
    copy = decode("setting", through_json(record), {})
    assert type(copy) is type(value)
    assert through_json(encode(copy, {})) == record
    if callable(value) and "function" in record:
        assert copy is value


def test_a_record_does_not_change_when_it_is_saved():
    record = encode(Normal((0.9, 0.5), 0.05), {})
    assert through_json(record) == record


def test_decoding_does_not_change_the_record():
    """The record may be the `config` of an explanation, which is saved later."""
    record = through_json(encode(keras.optimizers.Nadam(keras.optimizers.schedules.CosineDecay(1.0, 8)), {}))
    before = through_json(record)
    decode("optimizer", record, {})
    assert record == before


def test_values_of_a_decoded_setting():
    assert decode("crop_side", encode(Normal((0.9, 0.5), 0.05), {}), {}) == Normal((0.9, 0.5), 0.05)
    crop = decode("transforms", encode([RandomCrop(16, 3, side=0.5)], {}), {})[0]
    assert (crop.count, crop.side) == (3, Normal(0.5))
    rate = decode("learning_rate", encode(keras.optimizers.schedules.ExponentialDecay(1.0, 2, 0.5), {}), {})
    assert float(rate(4)) == 0.25


def test_two_optimizers_with_equal_settings_have_equal_records():
    """Keras gives every object of a process another name."""
    first, second = (encode(keras.optimizers.Adam(0.1), {}) for _ in range(2))
    assert first == second != encode(keras.optimizers.Adam(0.2), {})


@pytest.mark.parametrize(
    "value",
    [lambda images: images, functools.partial(double), object(), tf.distribute.OneDeviceStrategy("/CPU:0")],
    ids=["lambda", "partial", "object", "strategy"],
)
def test_other_values_are_asked_for(value):
    with pytest.raises(ValueError, match='"preprocessing" must be given again'):
        decode("preprocessing", through_json(encode(value, {})), {})


def test_a_function_or_class_that_is_gone_is_asked_for():
    with pytest.raises(ValueError, match='"preprocessing" must be the import path'):
        decode("preprocessing", {"function": "tests.visualizers.test_record:missing"}, {})
    record = encode(GaussianNoise(0.1), {})
    record["keras"]["registered_name"] = record["keras"]["class_name"] = "Missing"
    record["keras"]["module"] = None
    with pytest.raises(ValueError, match='"transforms" must be given again'):
        decode("transforms", [record], {})


def test_a_digest_is_the_sha256_of_shape_and_float32_values():
    array = np.array([[0.0, 1.0, 2.0]], "float32")
    assert digest(array) == hashlib.sha256(b"(1, 3)" + array.tobytes()).hexdigest()
    assert digest(array) == digest(array.astype("float64"))
    assert len({digest(array), digest(array.T), digest(array[:, ::-1])}) == 3


def test_a_magnitude_is_recorded_by_its_digest():
    magnitude, arrays = imagenet_magnitude(8, 7), {}
    record = through_json(encode(magnitude, arrays))
    assert record == {"magnitude": digest(magnitude.values), "width": 7}
    copy = decode("magnitude", record, arrays)
    assert copy.width == 7
    np.testing.assert_array_equal(copy.values, magnitude.values)
    with pytest.raises(ValueError, match='"magnitude" must be given again'):
        decode("magnitude", record, {})


def test_an_objective_survives_json(rng):
    images = rng.uniform(size=(2, 8, 8, 3)).astype("float32")
    objective = (
        2 * Logit([1, 3]) - [1.0, 0.3] * Channel("conv", [0, 1]) - TotalVariation() + FeatureInversion("conv", images)
    )
    arrays = {}
    record = through_json(encode_objective(objective, arrays))
    assert list(arrays) == [digest(images)]
    copy = decode_objective(record, arrays)
    assert copy.names == objective.names
    for (weight, term), (copied_weight, copied_term) in zip(objective.terms, copy.terms, strict=True):
        np.testing.assert_array_equal(copied_weight, weight)
        assert copied_term.structure() == term.structure()
        for name, value in term.parameters.items():
            np.testing.assert_array_equal(copied_term.parameters[name], value)
    with pytest.raises(ValueError, match='"images" must be given again'):
        decode_objective(record, {})


def test_an_objective_that_cannot_be_stored_is_asked_for():
    record = encode_objective(Logit(1) + Lambda("conv", lambda activation: tf.reduce_mean(activation, (1, 2, 3))), {})
    with pytest.raises(ValueError, match='"objective" must be given again'):
        decode_objective(through_json(record), {})
    record = encode_objective(Logit(1), {})
    record["terms"][0][1]["registered_name"] = "mine>Missing"
    with pytest.raises(ValueError, match='"objective" must be given again'):
        decode_objective(record, {})
