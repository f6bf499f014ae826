"""Feature visualisation for Keras 3 models by MAgnitude Constrained Optimization (MACO).

    visualizer = MacoVisualizer(model)
    explanation = visualizer.explain(Logit(254) - 0.5 * Channel("block5b_add", 12))
    explanation.show()

How the data flows, one package for each part:

    images            the user's images in any form -> arrays
    spectrum          natural magnitude
    parametrizations  free phase and fixed magnitude, free spectrum or free pixels -> image
    transforms        image -> the views that the model sees
    models            views -> activations; a zoo of trained networks
    objectives        activations -> scores, and their algebra
    optimization      the compiled ascent from scores back to phase
    visualizers       all of it in one call -> Explanation
    exemplars         natural images -> those that activate units, and where; a page for each unit
    concepts          images of a class -> its concepts -> images
    atlas             thousands of units -> one resumable folder, and its site
    metrics           images -> numbers: plausibility, transferability, naturalness
    benchmark         models x methods x classes -> images, scores, tables
    display           arrays -> figures and files
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from maco_tf.version import __version__

if TYPE_CHECKING:
    # Type checkers and editors read these; at run time a name is imported when it is first used, so that the command's
    # help does not wait for TensorFlow.
    from maco_tf import (
        atlas,
        benchmark,
        concepts,
        display,
        exemplars,
        metrics,
        models,
        objectives,
        optimization,
        parametrizations,
        spectrum,
        transforms,
        visualizers,
    )
    from maco_tf.concepts import Concept, ConceptBank, ConceptExplanation, craft, explain_class, explain_concepts
    from maco_tf.exemplars import (
        Exemplars,
        Patches,
        Study,
        find_exemplars,
        find_patches,
        measure_statistics,
        receptive_field,
        study,
    )
    from maco_tf.models import zoo
    from maco_tf.objectives import (
        L1,
        L2,
        Alignment,
        BatchNormStatistics,
        BlurDifference,
        Boundary,
        Channel,
        Direction,
        Diversity,
        FeatureInversion,
        ImageDifference,
        Lambda,
        Layer,
        LayerStatistics,
        Logit,
        NaturalStatistics,
        Neuron,
        Norm,
        Objective,
        TotalVariation,
        from_xplique,
        interpolate,
        layers,
        product,
    )
    from maco_tf.spectrum import Magnitude, estimate_magnitude, imagenet_magnitude, natural_magnitude
    from maco_tf.visualizers import (
        CBRVisualizer,
        Explanation,
        FourierVisualizer,
        LivePreview,
        MacoVisualizer,
        Visualizer,
        accentuate,
    )

__all__ = [
    "L1",
    "L2",
    "Alignment",
    "BatchNormStatistics",
    "BlurDifference",
    "Boundary",
    "CBRVisualizer",
    "Channel",
    "Concept",
    "ConceptBank",
    "ConceptExplanation",
    "Direction",
    "Diversity",
    "Exemplars",
    "Explanation",
    "FeatureInversion",
    "FourierVisualizer",
    "ImageDifference",
    "Lambda",
    "Layer",
    "LayerStatistics",
    "LivePreview",
    "Logit",
    "MacoVisualizer",
    "Magnitude",
    "NaturalStatistics",
    "Neuron",
    "Norm",
    "Objective",
    "Patches",
    "Study",
    "TotalVariation",
    "Visualizer",
    "__version__",
    "accentuate",
    "atlas",
    "benchmark",
    "concepts",
    "craft",
    "display",
    "estimate_magnitude",
    "exemplars",
    "explain_class",
    "explain_concepts",
    "find_exemplars",
    "find_patches",
    "from_xplique",
    "imagenet_magnitude",
    "interpolate",
    "layers",
    "measure_statistics",
    "metrics",
    "models",
    "natural_magnitude",
    "objectives",
    "optimization",
    "parametrizations",
    "product",
    "receptive_field",
    "spectrum",
    "study",
    "transforms",
    "visualizers",
    "zoo",
]

# The parts whose names the package offers.
_PARTS = ("visualizers", "objectives", "spectrum", "exemplars", "concepts", "models")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'maco_tf' has no attribute {name!r}")
    if importlib.util.find_spec(f"maco_tf.{name}") is not None:
        return importlib.import_module(f"maco_tf.{name}")
    for part in _PARTS:
        module = importlib.import_module(f"maco_tf.{part}")
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module 'maco_tf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
