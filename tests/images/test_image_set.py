"""Sets of images in all their forms."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf.display import write_png
from maco_tf.images.image_set import class_of_file, image_files
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


def test_folders_are_read_in_the_order_of_keras_and_through_links(tmp_path, rng):
    root, linked = tmp_path / "images", tmp_path / "linked"
    linked.mkdir()
    for name, count in {"n02": 3, "n01": 2}.items():
        for index in range(count):
            write_png(root / name / f"{index}.png", rng.uniform(size=(5, 4 + index, 3)))
        (root / name / "notes.txt").write_text("not an image")
        (linked / name).symlink_to(root / name, target_is_directory=True)
    listing = keras.utils.image_dataset_from_directory(root, shuffle=False, verbose=False)
    assert image_files(root) == listing.file_paths
    assert [class_of_file(path, root) for path in listing.file_paths] == ["n01"] * 2 + ["n02"] * 3
    for image, through_link in zip(ImageSet(root), ImageSet(linked)):
        np.testing.assert_array_equal(image, through_link)


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


def test_everything_else_is_refused(tmp_path):
    for wrong, message in [
        (np.zeros((16, 16, 3)), r"images\[\.\.\., None\]"),
        (None, '"images" must be an array'),
        (tmp_path / "nowhere", "folder that exists"),
    ]:
        with pytest.raises(ValueError, match=message):
            ImageSet(wrong)
    with pytest.raises(ValueError, match=r"image\[\.\.\., None\]"):
        list(ImageSet([np.zeros((16, 16))]))
    (tmp_path / "broken.png").write_bytes(b"no png")
    (tmp_path / "empty.png").touch()
    for name in ("broken.png", "empty.png"):
        with pytest.raises(ValueError, match=f'"images".*{name}'):
            list(ImageSet([tmp_path / name]))
    with pytest.raises(ValueError, match=r'"folder".*stray\.png'):
        class_of_file(tmp_path / "stray.png", tmp_path)
