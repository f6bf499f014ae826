"""Visualisations of a trained network, from the model to the image."""

import cv2
import numpy as np
import pytest

from maco_tf import Channel, Logit, MacoVisualizer, zoo

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def squeezenet():
    return zoo.load("squeezenet")


def test_a_visualisation_is_recognised_by_its_network(squeezenet):
    """The network recognises the whole image, although the optimisation showed it crops and noise."""
    visualizer = MacoVisualizer(squeezenet, steps=40, crops=4)
    explanation = visualizer.explain(Logit("volcano"), seed=0, verbose=0)
    whole = cv2.resize(explanation.images[0], (227, 227), interpolation=cv2.INTER_AREA)
    probabilities = squeezenet(whole[None], training=False).numpy()[0]
    assert probabilities.argmax() == 980
    assert explanation.scores[-1, 0] > explanation.scores[0, 0] + 5
    # The image has no bright corner and is not grey.
    assert np.abs(explanation.images[0, :4, :4].mean() - explanation.images.mean()) < 0.25
    assert explanation.images.std() > 0.1


def test_a_sum_of_an_inner_channel_and_a_class_rises(squeezenet):
    visualizer = MacoVisualizer(squeezenet, steps=10, crops=2, image_size=256)
    explanation = visualizer.explain(Channel("fire9_concat", 7) - 0.1 * Logit("pug"), seed=0, verbose=0)
    assert explanation.scores[-1, 0] > explanation.scores[0, 0]
    assert explanation.names == ["fire9_concat:7 - 0.1 pug"]
