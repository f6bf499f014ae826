"""The slow half of a benchmark: making the images."""

import time

import keras

from maco_tf.benchmark.methods import METHODS
from maco_tf.models import zoo


def generate(settings, store, *, verbose=1):
    """Make every image that is not there yet, class by class over all methods, so that what there is compares.

    Args:
        settings: a `BenchmarkSettings`.
        store: an `ImageStore`.
        verbose: 0 is silent; 1 shows a progress bar.

    Returns:
        How many images were made.
    """
    wanted = [
        (model, index, seed, method)
        for model in settings.models
        for index in settings.classes
        for seed in settings.seeds
        for method in settings.methods
        if not store.path(model, method, index, seed).exists()
    ]
    progress = keras.utils.Progbar(len(wanted), unit_name="image", verbose=verbose)
    # One network at a time: its compiled steps hold memory.
    for model in dict.fromkeys(model for model, *_ in wanted):
        network, methods = zoo.load(model), {}
        for _, index, seed, method in (item for item in wanted if item[0] == model):
            if method not in methods:
                methods[method] = METHODS[method](network, settings)
                store.settle(model, method, methods[method].config)
            begun = time.perf_counter()
            image = methods[method](index, seed)
            store.write(model, method, index, seed, image, time.perf_counter() - begun)
            progress.add(1)
    return len(wanted)
