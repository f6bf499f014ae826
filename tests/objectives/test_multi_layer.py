"""Terms that read several layers: their scores, and the layers that the model fills in."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from maco_tf import Channel, FourierVisualizer
from maco_tf.exemplars import find_exemplars, score_natural_images
from maco_tf.models import Activations
from maco_tf.objectives import MultiLayerTerm
from tests.objectives.evaluate import scores


class Product(MultiLayerTerm):
    """The product of the means of two layers, with a factor."""

    def __init__(self, layers=("conv", "add"), factors=(1.0,)):
        super().__init__(layers, {"factor": np.float32(factors)})

    def score(self, activation, *, factor):
        first, second = (tf.reduce_mean(values, list(range(1, len(values.shape)))) for values in activation)
        return factor * first * second


class FirstLayers(Product):
    """The same for the first two convolutions of any model, whichever they are."""

    def __init__(self):
        super().__init__(())

    def resolved(self, activations):
        found = [layer.name for layer in activations.model.layers if isinstance(layer, keras.layers.Conv2D)]
        return self._reading(found[:2], {"factor": np.float32(3)})

    def check_layers(self, shapes):
        assert [shape[-1] for shape in shapes] == [4, 4]


def test_the_score_is_the_mean_over_views():
    conv, add = np.array([[1.0], [2], [3], [4]]), np.array([[5.0], [6], [7], [8]])
    found = scores(2 * Product(factors=[1, 10]), conv=conv, add=add)
    assert found == pytest.approx([2 * (5 + 12) / 2, 20 * (21 + 32) / 2])


def test_it_adds_up_with_other_terms_and_batches():
    conv, add = np.ones((3, 2)), np.full((3, 2), 2.0)
    found = scores(Channel("conv", [0, 1, 1]) - Product(), conv=conv, add=add)
    assert found == pytest.approx([1 - 2] * 3)


def test_objectives_of_other_layers_share_no_step():
    assert Product().structure() == Product(factors=[5]).structure()
    assert Product().structure() != Product(("add", "conv")).structure()


def test_layers_that_depend_on_the_model(tiny_model, rng):
    images = rng.uniform(size=(6, 16, 16, 3)).astype("float32")
    expected = 3 * np.mean(keras.Model(tiny_model.input, tiny_model.get_layer("conv").output)(images), axis=(1, 2, 3))
    expected *= np.mean(keras.Model(tiny_model.input, tiny_model.get_layer("second").output)(images), axis=(1, 2, 3))
    found = score_natural_images(Activations(tiny_model, None), FirstLayers(), images)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-6)
    top = find_exemplars(tiny_model, FirstLayers(), images, count=2, preprocessing=None, verbose=0)
    assert top.indices[0].tolist() == np.argsort(-expected)[:2].tolist()


@pytest.mark.slow
def test_a_run_reads_them_and_keeps_the_objective(tiny_model):
    visualizer = FourierVisualizer(tiny_model, image_size=16, steps=3, crops=2, preprocessing=None)
    objective = Channel("add", [0, 1]) + 0.5 * FirstLayers()
    explanation = visualizer.explain(objective, seed=0, verbose=0)
    assert list(explanation.term_scores[0]) == ["add:0", "0.5 * FirstLayers"]
    for index in range(2):  # Images of a batch do not see one another.
        alone = visualizer.explain(objective[index], seed=0, verbose=0)
        assert alone.names == [explanation.names[index]]
