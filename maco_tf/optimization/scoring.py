"""From activations to one score an image."""

import numpy as np
import tensorflow as tf

from maco_tf.objectives.feature_inversion import ReferenceTerm
from maco_tf.objectives.joint import JointTerm


def objective_tensors(objective):
    """All of an objective that is not compiled in, so that a second objective of the same structure traces nothing.

    Args:
        objective: an `Objective`.

    Returns:
        `(weights, parameters)`: a float32 tensor (terms, batch), and for each term a dictionary of tensors
        (batch, ...).
    """
    batch = len(objective)
    weights = tf.constant(np.stack([np.broadcast_to(weight, batch) for weight, _ in objective.terms]), tf.float32)
    parameters = [
        {
            name: tf.constant(np.repeat(value, batch // len(term), axis=0))
            for name, value in sorted(term.parameters.items())
        }
        for _, term in objective.terms
    ]
    return weights, parameters


def score_images(terms, activations, weights, parameters, batch, references=None):
    """The weighted sum of the terms for every image, from that image's views alone, joint terms aside.

    Args:
        terms: list of `Term`; only their structure is used.
        activations: dictionary, layer -> tensor (batch * views, ...), the views of one image side by side.
        weights: see `objective_tensors`.
        parameters: see `objective_tensors`.
        batch: number of images.
        references: dictionary, position of a `ReferenceTerm` -> tensor (batch * views, ...), what its layer makes of
            the reference images' views; see `reference_activations`.

    Returns:
        Float32 tensor (batch,): the mean over views, summed over terms.
    """
    total = tf.zeros((batch,))
    for index, term in enumerate(terms):
        activation = activations[term.layer]
        views = activation.shape[0] // batch
        if isinstance(term, JointTerm):
            scores = term.score(tf.reshape(activation, (batch, views, *activation.shape[1:])), **parameters[index])
        else:
            own = dict(parameters[index])
            if isinstance(term, ReferenceTerm):
                del own["image"]  # Nothing but its activations is compared.
            repeated = {name: tf.repeat(value, views, axis=0) for name, value in own.items()}
            if isinstance(term, ReferenceTerm):
                repeated["reference"] = references[index]
            scores = tf.reduce_mean(tf.reshape(term.score(activation, **repeated), (batch, views)), axis=1)
        total += weights[index] * scores
    return total


def input_gradient(tape, score, images):
    """The gradient of a score with respect to images.

    Args:
        tape: a `tf.GradientTape` that watched them.
        score: scalar tensor.
        images: tensor.

    Returns:
        Tensor of the images' shape.

    Raises:
        ValueError: there is none.
    """
    gradient = tape.gradient(score, images)
    if gradient is None:
        raise ValueError(
            "The score must have a gradient with respect to the image. Received: none. Preprocessing, transforms "
            "and layers must not round, cast to integers or stop gradients."
        )
    return gradient


def reference_activations(terms, parameters, activate):
    """What the layers of the terms with reference images make of these.

    Args:
        terms: list of `Term`.
        parameters: see `objective_tensors`.
        activate: (images, layer) -> activations of their views.

    Returns:
        Dictionary, position among the terms -> tensor (batch * views, ...) without gradient.
    """
    return {
        index: tf.stop_gradient(activate(parameters[index]["image"], term.layer))
        for index, term in enumerate(terms)
        if isinstance(term, ReferenceTerm)
    }


def check_objective(objective, shapes):
    """Refuse an objective that the model cannot serve.

    Args:
        objective: an `Objective`.
        shapes: dictionary, layer -> activation shape without the batch axis, as `Activations.shapes` returns.

    Raises:
        ValueError: a unit out of range, a vector of the wrong shape.
    """
    for _, term in objective.terms:
        if term.layer in shapes:
            term.check(shapes[term.layer])
