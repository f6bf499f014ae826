"""Sets of images in all their forms."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maco_tf.display import write_png
from maco_tf.metrics import ImageSet


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 6, 7, 3)).astype("uint8")


@pytest.mark.parametrize(
    "form",
    [
        lambda images: images / np.float32(255),
        list,
        tf.constant,
        lambda images: tf.data.Dataset.from_tensor_slices((images, np.arange(5))),
        lambda images: tf.data.Dataset.from_tensor_slices(images).batch(2),
    ],
)
def test_every_form_yields_the_same_images(images, form):
    found = list(ImageSet(form(images)))
    np.testing.assert_allclose(found, images / 255, atol=1e-6)
    assert {image.dtype for image in found} == {np.dtype("float32")}


def test_the_count_is_unknown_for_datasets_only(images):
    assert ImageSet(images).count == ImageSet(list(images)).count == 5
    assert ImageSet(tf.data.Dataset.from_tensor_slices(images)).count is None


def test_files_are_read_as_rgb_or_as_grey(tmp_path):
    path = write_png(tmp_path / "red.png", np.full((4, 4, 3), (1.0, 0.0, 0.0)))
    np.testing.assert_array_equal(next(iter(ImageSet([path])))[0, 0], (1, 0, 0))
    grey = next(iter(ImageSet(tmp_path, channels=1)))
    assert grey.shape == (4, 4, 1)
    assert grey[0, 0, 0] == pytest.approx(0.299, abs=0.003)


def test_the_digest_follows_contents_and_order_and_not_names(images, tmp_path):
    digest = ImageSet(images).digest()
    assert digest == ImageSet(images.copy()).digest()
    changed = images.copy()
    changed[3, 2, 1, 0] ^= 1
    assert len({digest, ImageSet(images[::-1]).digest(), ImageSet(changed).digest()}) == 3
    for name, value in (("a", 0.2), ("b", 0.7), ("c", 0.2)):
        write_png(tmp_path / f"{name}.png", np.full((4, 4, 3), value))
    a, b, c = (str(tmp_path / f"{name}.png") for name in "abc")
    assert ImageSet([a, b]).digest() == ImageSet([c, b]).digest() != ImageSet([b, a]).digest()
    with pytest.raises(ValueError, match=r'"images".*"cache"'):
        ImageSet(tf.data.Dataset.from_tensor_slices(images)).digest()


@pytest.mark.parametrize("count", [2, 3])
def test_batches_hold_the_images_in_their_order_and_end_where_the_size_changes(rng, count):
    images = [rng.uniform(size=(5, width, 3)).astype("float32") for width in (4, 4, 4, 7, 7, 4)]
    batches = list(ImageSet(images).batches(count))
    assert [len(batch) for batch in batches] == {2: [2, 1, 2, 1], 3: [3, 2, 1]}[count]
    for image, read in zip(images, [image for batch in batches for image in batch]):
        np.testing.assert_array_equal(image, read)


def test_one_image_is_a_set_of_one(tmp_path, images):
    path = write_png(tmp_path / "a.png", images[0] / 255)
    for one in (images[0], str(path), path, Image.fromarray(images[0])):
        (image,) = ImageSet(one)
        np.testing.assert_allclose(image, images[0] / 255, atol=1e-6)


def test_lists_mix_arrays_files_and_pillow_images(tmp_path, images):
    path = write_png(tmp_path / "a.png", images[0] / 255)
    mixed = [path, images[1], images[2] / 255, Image.fromarray(images[3]), images[4].astype("int64")]
    np.testing.assert_allclose(list(ImageSet(mixed)), images / 255, atol=1e-6)
    ragged = np.empty(2, object)
    ragged[:] = [images[0], images[1, :3]]
    assert [image.shape for image in ImageSet(ragged)] == [(6, 7, 3), (3, 7, 3)]
    np.testing.assert_allclose(list(ImageSet(np.array([str(path)] * 2))), images[[0, 0]] / 255, atol=1e-6)


def test_everything_else_is_refused(tmp_path):
    for wrong, message in [
        (np.zeros((16, 16, 16)), r"images\[\.\.\., None\]"),
        (None, '"images" must be an array'),
        (tmp_path / "nowhere", "folder that exists"),
        (tf.data.Dataset.from_tensor_slices(np.zeros((2, 4, 4, 3))).repeat(), r"finite.*take\(count\)"),
        ((image for image in np.zeros((2, 4, 4, 3))), r"generator.*list\(images\)"),
        (iter([np.zeros((4, 4, 3))]), r"list\(images\)"),
        ({1, 2}, '"images" must be an array'),
    ]:
        with pytest.raises(ValueError, match=message):
            ImageSet(wrong)
    with pytest.raises(ValueError, match=r"image\[\.\.\., None\]"):
        list(ImageSet([np.zeros((16, 16))]))
    with pytest.raises(ValueError, match=r'"images".*nowhere\.png.*no such file'):
        list(ImageSet([tmp_path / "nowhere.png"]))
    with pytest.raises(ValueError, match='"photographs" must be an array'):
        ImageSet(None, name="photographs")
