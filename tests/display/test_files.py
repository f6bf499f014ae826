import numpy as np

from maco_tf.display import file_name, write_png
from maco_tf.display.files import read_png


def test_a_written_image_is_read_back_up_to_rounding(rng, tmp_path):
    image = rng.uniform(size=(5, 7, 3))
    path = write_png(tmp_path / "new" / "image.png", image)
    np.testing.assert_allclose(read_png(path), image, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(
        read_png(write_png(path, np.full((2, 2, 4), [1.0, 0.0, 0.2, 0.4]))), [[[1, 0, 0.2]] * 2] * 2
    )


def test_file_names():
    assert file_name("a/b:2 - 0.5 c") == "a_b_2_-_0.5_c"
    assert file_name("../..") == "image"
    assert len(file_name("a" * 300)) == 80


def test_file_names_are_cut_between_characters_and_by_bytes():
    # Three and four bytes in UTF-8: 66 characters and 50.
    assert file_name("\u5b57" * 100) == "\u5b57" * 66
    assert file_name("\U00020000" * 100) == "\U00020000" * 50
