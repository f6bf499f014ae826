"""A study of one unit: visualisations, natural images, classes, histogram and scores, in one call."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maco_tf.checks import check_integer, warn_user
from maco_tf.display.files import figure_png, write_png
from maco_tf.display.rgba import as_colours
from maco_tf.exemplars.embeddings import embed_exemplars, embed_images
from maco_tf.exemplars.patches import Patches, find_patches
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.search import find_exemplars
from maco_tf.exemplars.study_page import draw_page
from maco_tf.exemplars.summary import UnitSummary, summarize_units
from maco_tf.metrics.feature_extractor import FeatureExtractor
from maco_tf.metrics.query_pairs import QueryPairs, draw_pairs
from maco_tf.metrics.two_alternative import TwoAlternative, two_alternative
from maco_tf.models.preprocessing import Preprocessing
from maco_tf.objectives.objective import Objective, check_objective_type
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.visualizer import Visualizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where the row of images from the weakest to the strongest is taken, as quantiles of the sample.
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Study:
    """What a unit responds to: optimised images beside natural ones.

    Attributes:
        explanation: an `Explanation` with an image for each seed.
        exemplars: an `Exemplars` of this unit.
        patches: the `Patches` of its strongest images.
        summary: a `UnitSummary`: classes, histogram, sparsity.
        quantile_scores: array (quantiles,), float32: the scores of the images from the weakest to the strongest.
        quantile_images: array (quantiles, height, width, channels), float32 in [0, 1].
        words: names of the unit, the best first; see `name_units`.
        verdicts: dictionary, kind of image -> `TwoAlternative`: how often a judge tells by the images of this kind
            which of two natural images activates the unit more. Empty without a judge.
        opposite: an `Explanation` of the unit's minimum, which the judge sees too; `None` without a judge.
    """

    explanation: Explanation
    exemplars: Exemplars
    patches: Patches
    summary: UnitSummary
    quantile_scores: np.ndarray
    quantile_images: np.ndarray
    words: tuple[str, ...] = ()
    verdicts: dict[str, TwoAlternative] = dataclasses.field(default_factory=dict)
    opposite: Explanation | None = None

    @property
    def name(self) -> str:
        """The name of the unit."""
        return self.summary.name

    def __repr__(self) -> str:
        images = self.summary.images
        return f"<Study of {self.name}: {len(self.explanation)} visualisations, {images:,} natural images>"

    def _repr_png_(self) -> bytes:
        """The figure, which a notebook shows as the value of a cell."""
        return figure_png(self.figure())

    def figure(self, *, figure: "Figure | None" = None) -> "Figure":
        """Draw the page of the unit.

        It shows the visualisations, the classes and the histogram; the strongest natural images, darkened where they do
        not activate the unit; the patches around the strongest positions; and images from the weakest to the strongest.

        Args:
            figure: an empty figure to draw into; `None` makes one that is not registered with pyplot.

        Returns:
            A `matplotlib.figure.Figure`.
        """
        return draw_page(self, QUANTILES, figure)

    def show(self) -> None:
        """Draw `figure` with pyplot: below the cell in a notebook, in a window elsewhere."""
        import matplotlib.pyplot as plt

        self.figure(figure=plt.figure())
        plt.show()

    def save(self, path: str | Path) -> list[Path]:
        """Write the study to a folder: the page, the explanation, the exemplars and their patches.

        Args:
            path: the folder. It gets `page.png`, `summary.txt`, `exemplars.npz`, the folder `visualisations` (see
                `Explanation.save`) and the folder `patches` with a PNG of every patch, whose alpha channel is the mask.

        Returns:
            List of the paths written.

        Raises:
            ValueError: the folder `visualisations` holds files that no save wrote.
        """
        folder = Path(path)
        page = figure_png(self.figure(), dpi=150)
        written = self.explanation.save(folder / "visualisations")
        written.append(self.exemplars.save(folder / "exemplars.npz"))
        for file in (folder / "patches").glob("[0-9][0-9].png"):
            file.unlink()  # Those of an earlier save, which may be more.
        for number, (crop, mask) in enumerate(zip(self.patches.crops, self._cropped_masks()), start=1):
            picture = np.concatenate([as_colours(crop), mask[..., None]], axis=-1)
            written.append(write_png(folder / "patches" / f"{number:02d}.png", picture))
        for name, content in (("page.png", page), ("summary.txt", f"{self.text()}\n".encode())):
            (folder / name).write_bytes(content)
            written.append(folder / name)
        return written

    def text(self) -> str:
        """The summary, the names and the scores, as lines of text."""
        lines = [str(self.summary)]
        if self.words:
            lines.append(f"named {', '.join(self.words)}")
        for kind, text in self.verdict_texts().items():
            lines.append(f"a judge finds the stronger of two images by {kind}: {text} (chance 50 %)")
        return "\n".join(lines)

    def verdict_texts(self) -> dict[str, str]:
        """For each kind of image, the accuracy of the judge with its standard error, in percent."""
        return {
            kind: f"{100 * verdict.accuracy[0]:.0f} ± {100 * verdict.error[0]:.0f} %"
            for kind, verdict in self.verdicts.items()
        }

    def _cropped_masks(self) -> list[np.ndarray]:
        boxes = self.patches.boxes
        return [mask[top:bottom, left:right] for mask, (top, left, bottom, right) in zip(self.patches.masks, boxes)]


def study(
    model: keras.Model,
    objective: Objective,
    images: Any = None,
    *,
    exemplars: Exemplars | None = None,
    seeds: int | Sequence[int] = 3,
    count: int = 9,
    labels: Any = None,
    visualizer: Visualizer | None = None,
    judge: FeatureExtractor | Callable[[list[np.ndarray]], np.ndarray] | None = None,
    pairs: int = 20,
    words: Sequence[str] = (),
    preprocessing: Preprocessing = "auto",
    input_shape: tuple[int, int, int] | None = None,
    verbose: int | str = "auto",
    **settings: Any,
) -> Study:
    """Study a unit: what it responds to, by optimised and by natural images.

        study = maco_tf.study(model, Channel("block5b_add", 10), images="photographs")
        study.show()

    For many units of a model, search the images once and pass the result:

        found = maco_tf.find_exemplars(model, "block5b_add", "photographs")
        studies = [maco_tf.study(model, Channel("block5b_add", unit), exemplars=found[unit]) for unit in (10, 11, 12)]

    Args:
        model: see `MacoVisualizer`.
        objective: an `Objective` of length one.
        images: the natural images; see `find_exemplars`.
        exemplars: the result of `find_exemplars` for this unit, in place of `images`.
        seeds: number of visualisations, or a list of their seeds.
        count: number of natural images to show.
        labels: the classes of the images; see `find_exemplars`.
        visualizer: makes the visualisations; `None` is `MacoVisualizer(model, **settings)`.
        judge: a `FeatureExtractor` of another network, or a function like it (see `embed_exemplars`), that is asked
            which of two natural images activates the unit more, by the visualisations and by the exemplars, each of the
            unit's maximum and of its minimum; see `two_alternative`. This doubles the time. `None` asks nobody.
        pairs: number of pairs that the judge sees; fewer if there are not enough images beside the exemplars.
        words: names of the unit, such as those of `name_units`, for the page.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        verbose: 0 is silent; 1 or "auto" shows progress bars, and 2 shows their last lines.
        **settings: settings of the `MacoVisualizer`, such as `steps=64`.

    Returns:
        A `Study`.

    Raises:
        ValueError: an argument is not what it must be.
    """
    check_objective_type(objective)
    if len(objective) != 1:
        raise ValueError(
            f'"objective" must have length one. Received: length {len(objective)}. For several units, pass the result '
            "of find_exemplars as exemplars, and study one unit after another."
        )
    if (images is None) == (exemplars is None):
        received = "neither" if images is None else "both"
        raise ValueError(f'"images" or "exemplars" must be given, and not both. Received: {received}.')
    if exemplars is not None and (not isinstance(exemplars, Exemplars) or len(exemplars) != 1):
        received = f"{len(exemplars)} units" if isinstance(exemplars, Exemplars) else type(exemplars).__name__
        raise ValueError(f'"exemplars" must be an Exemplars of one unit, such as found[0]. Received: {received}.')
    if visualizer is not None and settings:
        raise ValueError(
            f'"visualizer" has its settings already. Received: {", ".join(settings)} besides. Give them to the '
            "visualizer."
        )
    if exemplars is not None and exemplars.names != objective.names:
        raise ValueError(
            f'"exemplars" must be those of the objective, {objective.names[0]}. Received: those of '
            f"{exemplars.names[0]}. found[objective] selects them."
        )
    if judge is not None and (isinstance(judge, keras.Model) or not callable(judge)):
        raise ValueError(
            '"judge" must be a FeatureExtractor, or a function from a list of images to embeddings. Received: '
            f'{type(judge).__name__}. maco_tf.metrics.FeatureExtractor(model, "avg_pool") makes one of a network.'
        )
    if isinstance(words, str):
        raise ValueError(f'"words" must be a list of names. Received: {words!r}.')
    pairs = check_integer("pairs", pairs, 1)
    if isinstance(seeds, int | np.integer):
        seeds = list(range(check_integer("seeds", seeds, 1)))
    given: dict[str, Any] = {"preprocessing": preprocessing, "input_shape": input_shape}
    visualizer = visualizer or MacoVisualizer(model, **given, **settings)
    visualizer.check(objective)
    if exemplars is None:
        exemplars = find_exemplars(model, objective, images, count, labels=labels, verbose=verbose, **given)
    queries = None if judge is None else _queries(exemplars, pairs)
    explanation = visualizer.explain(objective, seed=seeds, verbose=verbose)
    opposite = None if queries is None else visualizer.explain(-objective, seed=seeds, verbose=verbose)
    there = exemplars.indices[0] >= 0
    strongest = exemplars.images(indices=exemplars.indices[:, there])[0]
    scores, indices = exemplars.quantile(QUANTILES)
    return Study(
        explanation=explanation,
        exemplars=exemplars,
        patches=find_patches(model, objective, strongest, **given),
        summary=summarize_units(exemplars)[0],
        quantile_scores=scores[0],
        quantile_images=exemplars.images(indices=indices, size=tuple(exemplars.config["input_shape"][:2]))[0],
        words=tuple(words),
        verdicts={} if opposite is None else _judged(exemplars, explanation, opposite, judge, queries),
        opposite=opposite,
    )


def _queries(exemplars: Exemplars, pairs: int) -> QueryPairs | None:
    """The pairs of images that a judge sees; `None`, with a warning, if there are none."""
    shown = np.concatenate([exemplars.indices, exemplars.lowest_indices], axis=1)
    # A small set of images gives fewer pairs.
    pairs = min(pairs, len(np.setdiff1d(exemplars.sample_indices, shown)) // 2)
    indices = exemplars.sample_indices
    queries = draw_pairs(exemplars.sample_values, pairs=pairs, indices=indices, exclude=shown) if pairs else None
    if queries is not None and (queries.high >= 0).any():
        return queries
    reason = "the unit is dead" if exemplars.statistics.dead[0] else "there are too few images beside the exemplars"
    warn_user(f'"judge" is not asked, because {reason}.')
    return None


def _judged(
    exemplars: Exemplars, explanation: Explanation, opposite: Explanation, judge: Any, queries: Any
) -> dict[str, TwoAlternative]:
    """Ask the judge by the visualisations and by the exemplars, with the same pairs."""
    high, low = (embed_exemplars(exemplars, judge, indices) for indices in queries)
    strong, weak = (embed_images(list(part.images), judge)[None] for part in (explanation, opposite))
    ends = [embed_exemplars(exemplars, judge, indices) for indices in (exemplars.indices, exemplars.lowest_indices)]
    return {
        "the visualisations": two_alternative(high, low, strong, weak),
        "the natural images": two_alternative(high, low, *ends),
    }
