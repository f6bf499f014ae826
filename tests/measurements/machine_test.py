"""Which images explain a unit? A machine's two-alternative test of 30 channels, by four kinds of reference images.

    python -m tests.measurements.machine_test --images FOLDER --output assets/exemplars

The references are visualisations by MACO, visualisations by Fourier, and natural exemplars: images of the channel's
maximum, and images of its minimum. Two judge networks say by each kind which of two natural images activates the
channel more. As a control, they judge by the images of other channels.
The images are kept in the folder `machine_test` of the output, so that an interrupted run goes on.
"""

import argparse
from pathlib import Path

import numpy as np

from maco_tf import Channel, Explanation, FourierVisualizer, MacoVisualizer, find_exemplars, zoo
from maco_tf.exemplars import Exemplars, embed_exemplars
from maco_tf.metrics import FeatureExtractor, draw_pairs, two_alternative

LAYERS = ("block2b_add", "block4c_add", "block6c_add")
METHODS = {"MACO": MacoVisualizer, "Fourier": FourierVisualizer}
JUDGES = {"mobilenet_v2": "avg_pool", "vit_s14": "norm"}
# Channels of a layer, seeds and exemplars of a channel, pairs of queries.
CHANNELS, REFERENCES, PAIRS = 10, 2, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", required=True, type=Path, help="a folder of natural images")
    parser.add_argument("--output", required=True, type=Path, help="a folder for the table and the images")
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--crops", type=int, default=4)
    parser.add_argument("--judges", nargs="+", default=[f"{name}:{layer}" for name, layer in JUDGES.items()])
    options = parser.parse_args()
    kept = options.output / "machine_test"
    kept.mkdir(parents=True, exist_ok=True)
    model = zoo.load("efficientnet_lite0")
    found = _exemplars(model, options.images, kept / "exemplars.npz")
    made = {name: _visualisations(kind, name, model, found, kept, options) for name, kind in METHODS.items()}
    rows = []
    for judge in options.judges:
        name, _, layer = judge.partition(":")
        extractor = FeatureExtractor(zoo.load(name), layer, pooling="mean")
        rows += [(name, *row) for row in _judged(found, made, extractor)]
    text = _report(rows, options, found)
    (options.output / "two_alternative.md").write_text(text, encoding="utf-8")
    print(text)


def _exemplars(model, images, path) -> Exemplars:
    """Exemplars and sampled activations of ten random channels of each layer that are not dead."""
    if path.exists():
        return Exemplars.load(path)
    every = find_exemplars(model, list(LAYERS), images, 9)
    rng = np.random.default_rng(0)
    chosen = []
    for layer in LAYERS:
        alive = [unit for unit, name in enumerate(every.names) if name.startswith(f"{layer}:")]
        alive = [unit for unit in alive if not every.statistics.dead[unit]]
        chosen += sorted(rng.choice(alive, CHANNELS, replace=False).tolist())
    every[chosen].save(path)
    return Exemplars.load(path)


def _visualisations(kind, method, model, found, kept, options) -> np.ndarray:
    """Array (channels, ends, seeds, height, width, 3): images of the maximum, and of the minimum."""
    visualizer = kind(model, steps=options.steps, crops=options.crops)
    images = []
    for name in found.names:
        path = kept / f"{method}_{name.replace(':', '_')}.npz"
        if not path.exists():
            layer, _, channel = name.rpartition(":")
            seeds = list(range(REFERENCES))
            visualizer.explain([1.0, -1.0] * Channel(layer, int(channel)), seed=seeds, verbose=0).save(path)
            print(path.stem, flush=True)
        both = Explanation.load(path).images
        images.append([both[::2], both[1::2]])
    return np.array(images)


def _judged(found, made, extractor):
    """For each kind of reference: its name, and the accuracies by its maximum, by both ends, and of the control."""
    shown = np.concatenate([found.indices, found.lowest_indices], axis=1)
    queries = draw_pairs(
        found.sample_values, pairs=PAIRS, indices=found.sample_indices, exclude=shown, quantiles=(0.1, 0.9)
    )
    high, low = (embed_exemplars(found, extractor, indices) for indices in queries)
    ends = [embed_exemplars(found, extractor, indices) for indices in (found.indices, found.lowest_indices)]
    natural = np.stack(ends, axis=1)
    references = {
        f"{count} + {count} natural exemplars": natural[:, :, :count] for count in (REFERENCES, natural.shape[2])
    }
    for method, images in made.items():
        features = extractor(images.reshape(-1, *images.shape[3:]), verbose=0)
        references[f"{REFERENCES} + {REFERENCES} images of {method}"] = features.reshape(*images.shape[:3], -1)
    for reference, features in references.items():
        strong, weak = features[:, 0], features[:, 1]
        # Each channel judged by the images of each other channel of its layer.
        controls = []
        for shift in range(1, CHANNELS):
            others = [
                np.roll(end.reshape(len(LAYERS), CHANNELS, *end.shape[1:]), shift, axis=1).reshape(end.shape)
                for end in (strong, weak)
            ]
            controls.append(two_alternative(high, low, *others).accuracy)
        yield (
            reference,
            two_alternative(high, low, strong).accuracy,
            two_alternative(high, low, strong, weak).accuracy,
            np.mean(controls, axis=0),
        )


def _report(rows, options, found) -> str:
    lines = [
        "# Which images explain a unit?",
        "",
        f"A machine's two-alternative test (`python -m tests.measurements.machine_test`): {len(found)} channels of "
        f"EfficientNet-Lite0, {CHANNELS} drawn at random from each of {', '.join(LAYERS)}. For each channel, a judge "
        f"network sees {PAIRS} pairs of natural images, one of the most and one of the least activating tenth of "
        f"{found.statistics.images:,} images, and says which one activates the channel more: the one that is more "
        f"similar to the references. Visualisations: {options.steps} steps of {options.crops} views. The cells are the "
        "share of right answers in percent, mean ± standard error over channels; 50 is chance. The references are "
        "images of the maximum, and, except in one column, images of the minimum too. In the column *control*, the "
        "references belong to the other channels of the layer: what a judge knows without the channel.",
        "",
        f"| judge | references | maximum only | both | control | {' | '.join(f'both, {layer}' for layer in LAYERS)} |",
        f"|---|---|---|---|---|{'---|' * len(LAYERS)}",
    ]
    for judge, reference, *accuracies in rows:
        one, both, control = (100 * accuracy for accuracy in accuracies)
        cells = [_mean(one), _mean(both), _mean(control), *map(_mean, np.split(both, len(LAYERS)))]
        lines.append(f"| {judge} | {reference} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _mean(values: np.ndarray) -> str:
    return f"{np.nanmean(values):.0f} ± {np.nanstd(values, ddof=1) / np.sqrt(np.isfinite(values).sum()):.0f}"


if __name__ == "__main__":
    main()
