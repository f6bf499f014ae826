import numpy as np

from maco_tf.display import beside, mosaic


def test_a_mosaic_by_hand():
    images = np.arange(1, 4)[:, None, None, None] * np.full((3, 2, 1, 1), 0.25)
    tiles = mosaic(images, columns=2, gap=1)[..., 0]
    expected = [[0.25, 1, 0.5], [0.25, 1, 0.5], [1, 1, 1], [0.75, 1, 1], [0.75, 1, 1]]
    np.testing.assert_allclose(tiles, expected)
    assert mosaic(np.zeros((9, 4, 4, 3))).shape == (20, 20, 3)


def test_visualisations_are_transparent_and_natural_images_unstretched(rng):
    images, examples = rng.uniform(size=(2, 8, 8, 3)), rng.uniform(0.4, 0.6, size=(2, 4, 5, 5, 1))
    transparency = np.zeros((2, 8, 8))
    transparency[:, :2] = 1.0
    figure = beside(images, examples, transparency=transparency, names=["a", "b"])
    by_title = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes[:2]}
    assert set(by_title) == {"a", "b"}
    assert by_title["a"][0, 0, 3] == 1
    assert by_title["a"][7, 7, 3] == 0
    below = figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(below[:5, :5], np.repeat(examples[0, 0], 3, -1), atol=1e-6)
