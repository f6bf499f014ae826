"""Feature visualisation for Keras 3 models by MAgnitude Constrained Optimization (MACO).

    visualizer = MacoVisualizer(model)
    explanation = visualizer.explain(Logit(254) - 0.5 * Channel("block5_out", 12))
    explanation.show()

How data flows, one package a part:

    spectrum          natural magnitude
    parametrizations  free phase and fixed magnitude, free spectrum or free pixels -> image
    transforms        image -> the views that the model sees
    models            views -> activations; a zoo of trained networks
    objectives        activations -> scores, and their algebra
    optimization      the compiled ascent from scores back to phase
    visualizers       all of it as one call -> Explanation
    concepts          images of a class -> the concepts it is told by -> images
    metrics           images -> numbers: how plausible, transferable, natural they are
    benchmark         models x methods x classes -> images, scores, tables
    display           arrays -> figures and files
"""

import importlib

from maco_tf.version import __version__

# Names are imported when they are first used, so that the command's help need not wait for TensorFlow.
_SOURCES = {
    "maco_tf.concepts": ["Concept", "ConceptBank", "ConceptExplanation", "craft", "explain_class", "explain_concepts"],
    "maco_tf.models": ["zoo"],
    "maco_tf.objectives": [
        "L1",
        "L2",
        "Alignment",
        "Channel",
        "Direction",
        "Diversity",
        "FeatureInversion",
        "Layer",
        "Logit",
        "Neuron",
        "Objective",
        "TotalVariation",
        "from_xplique",
        "interpolate",
        "product",
    ],
    "maco_tf.spectrum": ["Magnitude", "estimate_magnitude", "imagenet_magnitude"],
    "maco_tf.visualizers": [
        "CBRVisualizer",
        "Explanation",
        "FourierVisualizer",
        "MacoVisualizer",
        "TopImages",
        "accentuate",
        "top_activating",
    ],
}
_PARTS = [
    "benchmark",
    "concepts",
    "display",
    "metrics",
    "models",
    "objectives",
    "optimization",
    "parametrizations",
    "spectrum",
    "transforms",
    "visualizers",
]
_SOURCE = {name: source for source, names in _SOURCES.items() for name in names}

__all__ = ["__version__", *sorted([*_SOURCE, *_PARTS])]


def __getattr__(name):
    if name in _SOURCE:
        return getattr(importlib.import_module(_SOURCE[name]), name)
    if name in _PARTS:
        return importlib.import_module(f"maco_tf.{name}")
    raise AttributeError(f"module 'maco_tf' has no attribute {name!r}")


def __dir__():
    return __all__
