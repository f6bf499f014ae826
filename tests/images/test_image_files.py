import warnings

import cv2
import keras
import numpy as np
import pytest

from maco_tf.display import write_png
from maco_tf.images import ImageSet, class_of_file, image_files, is_image_path, readable_files


@pytest.fixture
def folder(tmp_path):
    for name in ("n01/a.png", "n01/b.png", "n02/c.png"):
        write_png(tmp_path / name, np.full((4, 4, 3), 0.5))
    return tmp_path


def test_folders_are_read_in_the_order_of_keras_and_through_links(tmp_path, rng):
    root, linked = tmp_path / "images", tmp_path / "linked"
    linked.mkdir()
    for name, count in {"n02": 3, "n01": 2, "n01-b": 1, "n01/deep": 1}.items():
        for index in range(count):
            write_png(root / name / f"{index}.png", rng.uniform(size=(5, 4 + index, 3)))
        (root / name / "notes.txt").write_text("not an image")
    for name in ("n01", "n01-b", "n02"):
        (linked / name).symlink_to(root / name, target_is_directory=True)
    listing = keras.utils.image_dataset_from_directory(root, labels=None, shuffle=False, verbose=False)
    assert image_files(root) == listing.file_paths
    assert [class_of_file(path, root) for path in image_files(root)] == [
        "n01",
        "n01",
        "n01-b",
        "n01",
        "n02",
        "n02",
        "n02",
    ]
    for image, through_link in zip(ImageSet(root), ImageSet(linked)):
        np.testing.assert_array_equal(image, through_link)


def test_hidden_files_and_folders_are_left_out(folder):
    expected = image_files(folder)
    for name in (".ipynb_checkpoints/a.png", "n01/._a.png", "n01/.cache/x/a.png", "__MACOSX/n01/a.png"):
        write_png(folder / name, np.zeros((4, 4, 3)))
        assert not is_image_path(name)
    assert image_files(folder) == expected
    assert all(is_image_path(name) for name in ("n01/a.png", "n01/A.WEBP", "b.jfif"))


def test_a_folder_that_is_hidden_itself_is_read(folder, tmp_path):
    write_png(tmp_path / ".hidden" / "a.png", np.zeros((4, 4, 3)))
    assert len(image_files(tmp_path / ".hidden")) == 1


def test_a_link_to_a_folder_above_ends(folder):
    expected = image_files(folder)
    (folder / "n01" / "loop").symlink_to(folder, target_is_directory=True)
    assert image_files(folder) == expected


def test_pictures_of_other_formats_are_counted_and_labels_are_not(folder):
    for name in ("n03/a.heic", "n03/b.HEIC", "n03/c.svg", "n03/labels.xml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    with pytest.warns(UserWarning, match=r"3 picture\(s\).*2 \.heic, 1 \.svg"):
        assert len(image_files(folder)) == 3


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    (tmp_path / "a.npy").touch()
    with pytest.raises(ValueError, match=r'"images" must .*\.npy.*\.webp'):
        image_files(tmp_path)


def test_damaged_files_are_left_out_and_listed_once(folder):
    (folder / "n01" / "aa.jpg").write_bytes(b"no picture")
    (folder / "n02" / "empty.png").touch()
    images = ImageSet(folder)
    assert images.count == 5
    with pytest.warns(UserWarning, match=r"2 damaged .*aa\.jpg.*empty\.png") as caught:
        assert len(list(images)) == 3
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(images)) == 3
    with pytest.warns(UserWarning, match="2 damaged"):
        assert readable_files(image_files(folder)) == image_files(folder)[:1] + image_files(folder)[2:4]


def test_links_to_nothing_and_values_outside_the_range_count_as_damaged(folder):
    expected = image_files(folder)
    (folder / "n01" / "lost.png").symlink_to(folder / "nowhere.png")
    cv2.imwrite(str(folder / "n02" / "wide.tif"), np.full((4, 4), 7.5, "float32"))
    with pytest.warns(UserWarning, match=r"2 damaged .*lost\.png.*wide\.tif"):
        assert len(list(ImageSet(folder))) == len(expected)
    with pytest.warns(UserWarning, match="2 damaged"):
        assert readable_files(image_files(folder)) == expected
    for path, reason in ((folder / "n01" / "lost.png", "no such file"), (folder / "n02" / "wide.tif", "7.5")):
        with pytest.raises(ValueError, match=f'"images".*{path.name}.*{reason}'):
            list(ImageSet([path]))


def test_damaged_files_are_errors_if_strict_and_in_lists(folder):
    (folder / "n01" / "aa.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r'"images".*aa\.jpg'):
        list(ImageSet(folder, strict=True))
    with pytest.raises(ValueError, match=r'"images".*aa\.jpg'):
        list(ImageSet(image_files(folder)))
    with pytest.raises(ValueError, match=r'"images".*aa\.jpg'):
        list(ImageSet(ImageSet(folder, strict=True)))
    with pytest.warns(UserWarning, match="1 damaged"):
        assert len(list(ImageSet(image_files(folder), strict=False))) == 3


def test_an_image_outside_the_classes_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'"folder".*stray\.png'):
        class_of_file(tmp_path / "stray.png", tmp_path)
