"""Feature visualisation for Keras 3 models by MAgnitude Constrained Optimization (MACO).

    visualizer = MacoVisualizer(model)
    explanation = visualizer.explain(Logit(254) - 0.5 * Channel("block5_out", 12))
    explanation.show()

How data flows, one package a part:

    spectrum          natural magnitude
    parametrizations  free phase and fixed magnitude -> image
    transforms        image -> the views that the model sees
    models            views -> activations; a zoo of trained classifiers
    objectives        activations -> scores, and their algebra
    optimization      the compiled ascent from scores back to phase
    visualizers       all of it as one call -> Explanation
    display           arrays -> figures and files
"""

from maco_tf import display, models, objectives, optimization, parametrizations, spectrum, transforms, visualizers
from maco_tf.models import zoo
from maco_tf.objectives import (
    L1,
    L2,
    Channel,
    Direction,
    Layer,
    Logit,
    Neuron,
    Objective,
    TotalVariation,
    product,
)
from maco_tf.spectrum import Magnitude, estimate_magnitude, imagenet_magnitude
from maco_tf.version import __version__
from maco_tf.visualizers import Explanation, MacoVisualizer

__all__ = [
    "L1",
    "L2",
    "Channel",
    "Direction",
    "Explanation",
    "Layer",
    "Logit",
    "MacoVisualizer",
    "Magnitude",
    "Neuron",
    "Objective",
    "TotalVariation",
    "__version__",
    "display",
    "estimate_magnitude",
    "imagenet_magnitude",
    "models",
    "objectives",
    "optimization",
    "parametrizations",
    "product",
    "spectrum",
    "transforms",
    "visualizers",
    "zoo",
]
