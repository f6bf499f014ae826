"""The compiled optimisation."""

from maco_tf.optimization.loop import Run, optimize
from maco_tf.optimization.profile import Profile
from maco_tf.optimization.scoring import (
    ObjectiveTensors,
    check_objective,
    objective_tensors,
    reference_activations,
    score_images,
)
from maco_tf.optimization.step import CompiledSteps
from maco_tf.optimization.views import State, initial_state

__all__ = [
    "CompiledSteps",
    "ObjectiveTensors",
    "Profile",
    "Run",
    "State",
    "check_objective",
    "initial_state",
    "objective_tensors",
    "optimize",
    "reference_activations",
    "score_images",
]
