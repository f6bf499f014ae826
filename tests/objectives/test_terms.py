"""Each objective's arithmetic against values computed by hand, and its refusals."""

import numpy as np
import pytest
import tensorflow as tf

from maco_tf.objectives import L1, L2, Channel, Direction, Layer, Logit, Neuron, TotalVariation, parse_objective


def term_scores(term, activation):
    parameters = {name: tf.constant(value) for name, value in term.parameters.items()}
    return term.score(tf.constant(activation, tf.float32), **parameters).numpy()


ACTIVATION = np.arange(2 * 3 * 4 * 2, dtype="float32").reshape(2, 3, 4, 2)


def test_channel_is_the_mean_over_positions_of_any_rank():
    np.testing.assert_allclose(
        term_scores(Channel("a", [0, 1]), ACTIVATION), [ACTIVATION[0, ..., 0].mean(), ACTIVATION[1, ..., 1].mean()]
    )
    np.testing.assert_allclose(term_scores(Channel("a", [3, 0]), ACTIVATION[:, 0, 0, [0, 0, 0, 1]]), [1, 24])


def test_neuron_by_index_and_position():
    by_index, by_position = Neuron("a", [5, 23]), Neuron("a", [(0, 2, 1), (2, 3, 1)])
    np.testing.assert_allclose(term_scores(by_index, ACTIVATION), [5, 47])
    np.testing.assert_allclose(term_scores(by_position, ACTIVATION), [5, 47])
    assert len(Neuron("a", (0, 2, 1))) == 1


def test_layer_magnitude_and_mean():
    np.testing.assert_allclose(term_scores(Layer("a"), ACTIVATION), (ACTIVATION**2).mean((1, 2, 3)))
    np.testing.assert_allclose(term_scores(Layer("a", "mean"), ACTIVATION), ACTIVATION.mean((1, 2, 3)))


def cosine_dot(x, v, power):
    cosine = x @ v / np.linalg.norm(x) / np.linalg.norm(v)
    return x @ v * max(cosine, 0.1) ** power


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_direction_over_positions_and_over_the_whole_layer(power, rng):
    activation = rng.normal(size=(1, 3, 4, 2)).astype("float32")
    vector = rng.normal(size=2).astype("float32")
    expected = np.mean([cosine_dot(x, vector, power) for x in activation.reshape(-1, 2)])
    assert term_scores(Direction("a", vector, cosine_power=power), activation)[0] == pytest.approx(expected, rel=1e-4)
    whole = rng.normal(size=(3, 4, 2)).astype("float32")
    expected = cosine_dot(activation.ravel(), whole.ravel(), power)
    assert term_scores(Direction("a", whole, cosine_power=power), activation)[0] == pytest.approx(expected, rel=1e-4)


def test_image_terms():
    image = np.zeros((1, 2, 3, 1), "float32")
    image[0, :, 2] = 1.0  # One vertical edge: 2 of 4 horizontal differences, no vertical one.
    assert term_scores(TotalVariation(), image)[0] == pytest.approx(0.5)
    assert term_scores(L1(), image)[0] == pytest.approx(0.5)
    assert term_scores(L2(0.0), image)[0] == pytest.approx(np.sqrt(1 / 3))


@pytest.mark.parametrize(
    ("term", "shape", "message"),
    [
        (Logit(5), (5,), "must lie in 0..4"),
        (Logit(0), (4, 4, 3), "one output of shape"),
        (Channel("a", 7), (4, 4, 7), "must lie in 0..6"),
        (Neuron("a", 12), (3, 4), "must lie in 0..11"),
        (Neuron("a", (0, 0)), (3, 4, 2), "3 coordinates"),
        (Neuron("a", (0, 4, 0)), (3, 4, 2), "axis 1"),
        (Direction("a", np.ones(3)), (4, 4, 2), "one value a channel"),
    ],
)
def test_what_a_layer_does_not_have_is_refused(term, shape, message):
    with pytest.raises(ValueError, match=message):
        term.check(shape)


@pytest.mark.parametrize("units", [-1, 1.5, "a", [], None, [1, -2], True])
def test_units_that_are_none(units):
    with pytest.raises(ValueError, match="channels"):
        Channel("a", units)


def test_bad_arguments():
    with pytest.raises(ValueError, match="names"):
        Channel("a", [1, 2], names=["one"])
    with pytest.raises(ValueError, match="reducer"):
        Layer("a", "max")
    with pytest.raises(ValueError, match="vectors"):
        Direction("a", np.zeros(3))
    with pytest.raises(ValueError, match="cosine_power"):
        Direction("a", np.ones(3), cosine_power=-1)
    with pytest.raises(ValueError, match="one rank"):
        Neuron("a", [(1, 2), (1, 2, 3)])


def test_imagenet_labels():
    assert Logit("pug").parameters["index"].tolist() == [254]
    assert Logit(["Pug", "great_white_shark"]).parameters["index"].tolist() == [254, 2]
    assert Logit(["pug", 2]).names == ["pug", "great white shark"]
    with pytest.raises(ValueError, match="Did you mean volcano"):
        Logit("vulcano")
    with pytest.raises(ValueError, match="ambiguous"):
        Logit("crane")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("logit:254", ["logit 254"]),
        ("logit:pug - 0.5*channel:block5a_add:12", ["pug - 0.5 block5a_add:12"]),
        ("-1e-1 * tv + neuron:pool:3", ["-0.1 total variation + pool[3]"]),
        ("logit:1,2 - l2", ["logit 1 - L2", "logit 2 - L2"]),
        ("layer:my-layer", ["my-layer"]),
    ],
)
def test_objectives_from_text(text, names):
    assert parse_objective(text).names == names


@pytest.mark.parametrize("text", ["", "logit", "logit:1 +", "channel:a", "channel:a:b", "2*", "unit:a:1"])
def test_text_that_is_no_objective(text):
    with pytest.raises(ValueError, match="objective"):
        parse_objective(text)
