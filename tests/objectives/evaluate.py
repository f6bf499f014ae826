"""Scores of objectives on given activations, without a model."""

import keras
import numpy as np
import tensorflow as tf

from maco_tf.models import IMAGE, LOGITS
from maco_tf.optimization import objective_tensors, score_images


def term_scores(term, activation):
    """The score of every view of an activation whose views are different objectives of the term's batch."""
    parameters = {name: tf.constant(value) for name, value in term.parameters.items()}
    return term.score(tf.constant(activation, tf.float32), **parameters).numpy()


def scores(objective, **activations):
    """The score of every image, from activations (images * views, ...) by layer; "logits" and "image" are special."""
    special = {"logits": LOGITS, "image": IMAGE}
    tensors = {special.get(name, name): tf.constant(value, tf.float32) for name, value in activations.items()}
    terms = [term for _, term in objective.terms]
    return score_images(terms, tensors, *objective_tensors(objective), len(objective)).numpy()


def restored(objective):
    """The objective after being stored and loaded by Keras."""
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(objective))


def cosine_dot(x, v, power):
    """Dot product times a power of the cosine, by hand."""
    cosine = x @ v / np.linalg.norm(x) / np.linalg.norm(v)
    return x @ v * max(cosine, 0.1) ** power
