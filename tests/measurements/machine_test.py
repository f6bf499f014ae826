"""Which images explain a unit? A machine's two-alternative test of 30 channels, by four kinds of reference images.

    python -m tests.measurements.machine_test --images FOLDER --output assets/exemplars

The references are visualisations by MACO, visualisations by Fourier, natural exemplars, and, as a control, MACO's
images of another channel. Two judge networks say by each kind which of two natural images activates the channel more.
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
CHANNELS, REFERENCES, PAIRS = 10, 3, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", required=True, type=Path, help="a folder of natural images")
    parser.add_argument("--output", required=True, type=Path, help="a folder for the table and the images")
    parser.add_argument("--steps", type=int, default=64)
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
    """Array (channels, seeds, height, width, 3)."""
    visualizer = kind(model, steps=options.steps, crops=options.crops)
    images = []
    for name in found.names:
        path = kept / f"{method}_{name.replace(':', '_')}.npz"
        if not path.exists():
            layer, _, channel = name.rpartition(":")
            seeds = list(range(REFERENCES))
            visualizer.explain(Channel(layer, int(channel)), seed=seeds, verbose=0).save(path)
            print(path.stem, flush=True)
        images.append(Explanation.load(path).images)
    return np.array(images)


def _judged(found, made, extractor):
    """Pairs (references, `TwoAlternative`)."""
    shown = np.concatenate([found.indices, found.lowest_indices], axis=1)
    queries = draw_pairs(
        found.sample_values, pairs=PAIRS, indices=found.sample_indices, exclude=shown, quantiles=(0.1, 0.9)
    )
    high, low = (embed_exemplars(found, extractor, indices) for indices in queries)
    natural = embed_exemplars(found, extractor)
    references = {f"{count} natural exemplars": natural[:, :count] for count in (REFERENCES, natural.shape[1])}
    for method, images in made.items():
        units, seeds = images.shape[:2]
        features = extractor(images.reshape(-1, *images.shape[2:]), verbose=0).reshape(units, seeds, -1)
        references[f"{seeds} images of {method}"] = features
        if method == "MACO":
            # The next channel of the same layer.
            other = features.reshape(len(LAYERS), CHANNELS, seeds, -1)
            references["control: MACO's images of another channel"] = np.roll(other, 1, axis=1).reshape(features.shape)
    for reference, features in references.items():
        verdict = two_alternative(high, low, features)
        yield reference, verdict


def _report(rows, options, found) -> str:
    lines = [
        "# Which images explain a unit?",
        "",
        f"A machine's two-alternative test (`python -m tests.measurements.machine_test`): {len(found)} channels of "
        f"EfficientNet-Lite0, {CHANNELS} drawn at random from each of {', '.join(LAYERS)}. For each channel, a judge "
        f"network sees {PAIRS} pairs of natural images, one of the most and one of the least activating tenth of "
        f"{found.statistics.images:,} images, and says which one activates the channel more: the one that is more "
        f"similar to the references. Visualisations: {options.steps} steps of {options.crops} views. The cells are the "
        "share of right answers in percent, mean ± standard error over channels; 50 is chance.",
        "",
        f"| judge | references | all {len(found)} | {' | '.join(LAYERS)} |",
        f"|---|---|---|{'---|' * len(LAYERS)}",
    ]
    for judge, reference, verdict in rows:
        accuracy = 100 * verdict.accuracy
        cells = [_mean(accuracy), *(_mean(part) for part in np.split(accuracy, len(LAYERS)))]
        lines.append(f"| {judge} | {reference} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _mean(values: np.ndarray) -> str:
    return f"{np.nanmean(values):.0f} ± {np.nanstd(values, ddof=1) / np.sqrt(np.isfinite(values).sum()):.0f}"


if __name__ == "__main__":
    main()
