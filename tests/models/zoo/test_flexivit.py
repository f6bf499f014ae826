"""FlexiViT, against timm and older layouts of its checkpoints."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.models import LOGITS, Activations, zoo
from maco_tf.models.zoo.flexivit import resize_patches, resize_positions

FIXTURES = Path(__file__).parent.parent / "fixtures"
CHECKPOINT = FIXTURES / "flexivit.npz"


@pytest.mark.parametrize("patch_size", [4, 6, *(pytest.param(size, marks=pytest.mark.slow) for size in (8, 12))])
def test_activations_equal_those_of_timm_at_all_patch_sizes(patch_size):
    """The checkpoint has patches of 6 pixels; fixtures/flexivit.py computed the expected values."""
    expected = np.load(FIXTURES / "flexivit_expected.npz")
    model = zoo.flexivit(CHECKPOINT, patch_size, image_size=24)
    names = [LOGITS, "block0_out"]
    found = tf.function(lambda x: Activations(model)(x, names), autograph=False)(expected["image"])
    assert found["block0_out"].shape == (1, 1 + (24 // patch_size) ** 2, 6)
    np.testing.assert_allclose(found["block0_out"], expected[f"block0_out_{patch_size}"], atol=2e-5)
    np.testing.assert_allclose(found[LOGITS], expected[f"logits_{patch_size}"], atol=2e-5)
    np.testing.assert_allclose(model(expected["image"]), tf.nn.softmax(expected[f"logits_{patch_size}"]), atol=1e-5)


def test_a_saved_network_keeps_every_bit(tmp_path, rng):
    model = zoo.flexivit(CHECKPOINT, 8, image_size=24)
    model.save(tmp_path / "model.keras")
    image = rng.uniform(size=(2, 24, 24, 3)).astype("float32")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(image), model(image))


@pytest.mark.parametrize("side", [8, 13, 16])
def test_larger_patches_give_the_same_tokens(side, rng):
    """The purpose of PI-resize (the paper's equation 4): <resized kernel, resized patch> = <kernel, patch>."""
    kernel, patch = rng.normal(size=(6, 6, 3, 5)), rng.normal(size=(6, 6, 3))
    resized = tf.image.resize(patch, (side, side), "bilinear").numpy()
    token = np.einsum("yxc,yxcd->d", resized, resize_patches(kernel, side))
    np.testing.assert_allclose(token, np.einsum("yxc,yxcd->d", patch, kernel), atol=1e-4)


def test_smaller_patches_give_the_nearest_tokens(rng):
    """No kernel is exact for all patches; the oracle is least squares over an orthonormal basis of patches."""
    kernel = rng.normal(size=(6, 6, 1, 1))
    small = tf.image.resize(np.eye(36).reshape(36, 6, 6, 1), (4, 4), "bilinear").numpy().reshape(36, 16)
    nearest = np.linalg.lstsq(small, kernel.ravel(), rcond=None)[0]
    np.testing.assert_allclose(resize_patches(kernel, 4).ravel(), nearest, atol=1e-5)


def test_equal_sizes_change_nothing(rng):
    kernel, positions = rng.normal(size=(6, 6, 3, 5)), rng.normal(size=(9, 4))
    assert resize_patches(kernel, 6) is kernel
    assert resize_positions(positions, 3) is positions


def test_positions_by_hand():
    ramp = np.array([0.0, 1.0, 2.0, 3.0])[:, None]  # The grid [[0, 1], [2, 3]].
    grown = resize_positions(ramp, 4).reshape(4, 4)
    # Half-pixel centres lie a quarter and three quarters of the way between the old ones; the border is repeated.
    np.testing.assert_allclose(grown[0], [0, 0.25, 0.75, 1])
    np.testing.assert_allclose(grown[:, 0], [0, 0.5, 1.5, 2])
    # A single token is the mean of the grid only with antialiasing.
    assert resize_positions(np.arange(16.0)[:, None], 1) == pytest.approx(7.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": 7, "image_size": 24}, "Take image_size=21"),
        ({"patch_size": 32, "image_size": 24}, "Take image_size=32"),
        ({"patch_size": 0}, '"patch_size" must be an integer of at least 1'),
        ({"patch_size": 6.0}, '"patch_size" must be an integer of at least 1'),
        ({"image_size": True}, '"image_size" must be an integer of at least 1'),
    ],
)
def test_sizes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.flexivit(CHECKPOINT, **arguments)


def altered(**changes):
    """The checkpoint with other arrays; `None` removes one."""
    weights = {**np.load(CHECKPOINT)}
    for name, array in changes.items():
        if array is None:
            del weights[f"params/{name}"]
        else:
            weights[f"params/{name}"] = array
    return weights


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cls": None}, "'cls' is missing"),
        ({"head/kernel": None}, "'head/kernel' is missing"),
        ({"Transformer/encoderblock_1/LayerNorm_1/bias": None}, "LayerNorm_1/bias' is missing"),
        ({"pos_embedding": np.zeros((1, 11, 6))}, "do not form a square grid"),
        ({"head/kernel": np.zeros((7, 5))}, "do not fit"),
        ({"embedding/kernel": np.zeros((6, 6, 6))}, "do not fit"),
        ({"pos_embedding": np.zeros((1, 9, 6), int)}, "'pos_embedding' is missing"),
        ({"pos_embedding": None}, "'pos_embedding' is missing"),
        (
            {"pre_logits/kernel": np.zeros((6, 6)), "pre_logits/bias": np.zeros(6)},
            "does not contain pre_logits/bias, pre_",
        ),
        ({"MAPHead_0/probe": np.zeros((1, 1, 6)), "cls": None}, "'cls' is missing"),
        ({"head/kernel": None, "head/bias": None}, "'head/bias' is missing"),
    ],
)
def test_checkpoints_of_other_networks_are_refused(changes, message, tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **altered(**changes))
    with pytest.raises(zoo.WeightFileError, match=message):
        zoo.flexivit(path, 6, image_size=24)


def older(numbering="modules", positions="Transformer/posembed_input/pos_embedding"):
    """The checkpoint in the layout from before 2022, with other names and a position for the class token."""
    weights = {name.removeprefix("params/"): array for name, array in np.load(CHECKPOINT).items()}
    position = np.full((1, 1, weights["cls"].shape[-1]), 0.25, "float32")
    weights["cls"] = weights["cls"] - position
    weights[positions] = np.concatenate([position, weights.pop("pos_embedding")], axis=1)
    if numbering == "modules":
        new_to_old = {"LayerNorm_1": "LayerNorm_2", "MlpBlock_0": "MlpBlock_3"}
        new_to_old["MultiHeadDotProductAttention_0"] = "MultiHeadDotProductAttention_1"
        weights = {"/".join(new_to_old.get(part, part) for part in name.split("/")): a for name, a in weights.items()}
    return weights


@pytest.mark.parametrize("prefix", ["opt/target/", ""])
@pytest.mark.parametrize(
    "layout", [{}, {"numbering": "kinds", "positions": "Transformer/pos_embedding"}], ids=["augreg", "early big_vision"]
)
def test_older_checkpoints_give_the_same_network(prefix, layout, tmp_path, rng):
    path = tmp_path / "old.npz"
    weights = {f"{prefix}{name}": array for name, array in older(**layout).items()}
    # A training loop stores the state of its optimizer too.
    beside = {"opt/state/step": np.array(7), "opt/state/param_states/cls/grad_ema": np.ones(3)} if prefix else {}
    np.savez(path, **weights, **beside)
    image = rng.uniform(size=(2, 24, 24, 3)).astype("float32")
    found, expected = (zoo.flexivit(file, 8, image_size=24)(image) for file in (path, CHECKPOINT))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_head_may_have_any_number_of_classes(tmp_path):
    """ImageNet-21k's checkpoints have 21,843 classes."""
    path, bias = tmp_path / "large.npz", np.linspace(-1, 1, 21843, dtype="float32")
    np.savez(path, **altered(**{"head/kernel": np.zeros((6, 21843), "float32"), "head/bias": bias}))
    model = zoo.flexivit(path, 12, image_size=24)
    np.testing.assert_allclose(model(np.zeros((1, 24, 24, 3)))[0], tf.nn.softmax(bias), rtol=1e-4)


def test_broken_files_are_refused(tmp_path):
    path, whole = tmp_path / "weights.npz", CHECKPOINT.read_bytes()
    contents = [whole[: len(whole) * part // 10] for part in range(10)]
    # One byte of compressed data is changed.
    contents += [whole[:600] + bytes([whole[600] ^ 255]) + whole[601:], b"not an archive"]
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(zoo.WeightFileError, match=r"weights\.npz"):
            zoo.flexivit(path, 6, image_size=24)
    np.savez(path, **{"params/cls": np.array([open])})  # A Python object: only a pickle can hold it.
    with pytest.raises(zoo.WeightFileError, match="pickle"):
        zoo.flexivit(path, 6, image_size=24)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no arrays")
    with pytest.raises(zoo.WeightFileError, match="not a readable"):
        zoo.flexivit(path, 6, image_size=24)
    with pytest.raises(FileNotFoundError):
        zoo.flexivit(tmp_path / "absent.npz")
