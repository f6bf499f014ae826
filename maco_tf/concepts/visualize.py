"""Concepts as images, in one call."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maco_tf.checks import check_integer, check_number
from maco_tf.concepts.bank import Concept, ConceptBank
from maco_tf.concepts.craft import craft, default_patch_size, extract_patches
from maco_tf.display.files import figure_png
from maco_tf.exemplars.result import Exemplars
from maco_tf.exemplars.search import find_exemplars
from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.maco import MacoVisualizer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False)
class ConceptExplanation:
    """Concepts as images, with the patches of natural images that show them best.

    Attributes:
        explanation: an `Explanation` with one image for each concept.
        patches: an `Exemplars` with the patches that activate each concept most, on average over their positions.
        importances: array (concepts,), float32, the importances of these concepts; `None` if the bank has none.
        concepts: array (concepts,), the numbers of the concepts in the bank.
        bank: the `ConceptBank`.
    """

    explanation: Explanation
    patches: Exemplars
    importances: np.ndarray | None
    concepts: np.ndarray
    bank: ConceptBank

    def __len__(self) -> int:
        return len(self.concepts)

    def __repr__(self) -> str:
        return f"<ConceptExplanation of {', '.join(self.patches.names)}>"

    def _repr_png_(self) -> bytes:
        """The figure, which a notebook shows as the value of a cell."""
        return figure_png(self.figure())

    def figure(self, *, percentile: float | None = 80, figure: "Figure | None" = None) -> "Figure":
        """Draw the concepts side by side, each above its patches; see `Exemplars.figure`."""
        return self.patches.figure(self.explanation, percentile=percentile, figure=figure)

    def show(self, *, percentile: float | None = 80) -> None:
        """Draw `figure` with pyplot: below the cell in a notebook, in a window elsewhere."""
        self.patches.show(self.explanation, percentile=percentile)

    def save(self, path: str | Path) -> list[Path]:
        """Write to disk.

        Args:
            path: a folder. It gets the files of `Explanation.save`, `concepts.png` (the figure), and `concepts.npz`
                with the patches, their scores, the importances and the directions of the bank.

        Returns:
            List of the paths written.

        Raises:
            ValueError: the path is not a folder; see `Explanation.save`.
        """
        path = Path(path)
        if path.suffix.lower() in (".png", ".npz"):
            raise ValueError(f'"path" must name a folder. Received: {path}.')
        written = self.explanation.save(path)
        picture, archive = path / "concepts.png", path / "concepts.npz"
        picture.write_bytes(figure_png(self.figure()))
        np.savez_compressed(
            archive,
            patches=self.patches.images(),
            scores=self.patches.scores,
            concepts=self.concepts,
            importances=np.full(len(self), np.nan) if self.importances is None else self.importances,
            directions=self.bank.directions,
        )
        return [*written, picture, archive]


def explain_concepts(
    model: keras.Model,
    bank: ConceptBank,
    images: Any,
    concepts: int | Sequence[int] = 3,
    *,
    patch_size: int | None = None,
    patches: int = 9,
    cosine_power: float = 2.0,
    seed: int | None = None,
    verbose: int | str = "auto",
    **settings: Any,
) -> ConceptExplanation:
    """Show concepts of any bank: an image made by MACO for each, and the patches that activate it most.

    Args:
        model: see `MacoVisualizer`.
        bank: a `ConceptBank`.
        images: natural images that patches are cut from, (images, height, width, channels); integers count from 0 to
            255, floating-point values lie in [0, 1]. Their centre is resized to the model's input.
        concepts: how many of the most important concepts to show, or a list of their numbers in the bank.
        patch_size: side of a patch, pixels of the model's input; `None` is 64 of 224.
        patches: number of patches to keep for each concept.
        cosine_power: see `Direction`.
        seed: see `MacoVisualizer.explain`.
        verbose: see `MacoVisualizer.explain`.
        **settings: settings of `MacoVisualizer`, such as `steps` and `preprocessing`.

    Returns:
        A `ConceptExplanation`.

    Raises:
        ValueError: the bank's layer does not fit the model, or an argument lies outside its range.
    """
    visualizer = MacoVisualizer(model, **settings)
    return _explain(visualizer, bank, images, concepts, patch_size, patches, cosine_power, seed, verbose)


def explain_class(
    model: keras.Model,
    images: Any,
    class_id: int | str,
    concepts: int = 3,
    *,
    layer: str | int | None = None,
    size: int = 10,
    patch_size: int | None = None,
    patches: int = 9,
    cosine_power: float = 2.0,
    seed: int | None = None,
    verbose: int | str = "auto",
    **settings: Any,
) -> ConceptExplanation:
    """Show the most important concepts of a class, found by CRAFT (figure 6 of the MACO paper).

        explain_class(model, photographs_of_tench, "tench").show()

    Args:
        model: see `MacoVisualizer`.
        images: see `craft`.
        class_id: see `craft`.
        concepts: number of concepts to show.
        layer: see `craft`.
        size: see `craft`.
        patch_size: see `craft`.
        patches: see `explain_concepts`.
        cosine_power: see `Direction`.
        seed: see `MacoVisualizer.explain`. It also seeds the factorisation, which `None` seeds with 0.
        verbose: see `MacoVisualizer.explain`.
        **settings: settings of `MacoVisualizer`, such as `steps` and `preprocessing`.

    Returns:
        A `ConceptExplanation`.

    Raises:
        ValueError: see `craft` and `explain_concepts`.
        ImportError: see `craft`.

    Source: Fel et al., 2023 (arXiv:2306.06805), section on concepts; Fel et al., CVPR 2023 (arXiv:2211.10154).
    """
    # Everything is checked before the factorisation, which takes long.
    visualizer = MacoVisualizer(model, **settings)
    concepts, patches = check_integer("concepts", concepts, 1), check_integer("patches", patches, 1)
    if concepts > check_integer("size", size, 1):
        raise ValueError(f'"concepts" must not exceed "size", {size}. Received: {concepts}.')
    check_number("cosine_power", cosine_power, least=0)
    bank = craft(
        model,
        images,
        class_id,
        layer=layer,
        size=size,
        patch_size=patch_size,
        seed=seed or 0,
        preprocessing=visualizer.resolved.preprocessing,
        input_shape=visualizer.input_shape,
    )
    # CRAFT always gives importances and names.
    labelled = zip(bank.names or (), bank.importances if bank.importances is not None else ())
    names = [f"{name}, importance {share:.2f}" for name, share in labelled]
    named = ConceptBank(bank.directions, bank.layer, bank.importances, names)
    return _explain(visualizer, named, images, concepts, patch_size, patches, cosine_power, seed, verbose)


def _explain(
    visualizer: MacoVisualizer,
    bank: ConceptBank,
    images: Any,
    concepts: int | Sequence[int],
    patch_size: int | None,
    patches: int,
    cosine_power: float,
    seed: int | None,
    verbose: int | str,
) -> ConceptExplanation:
    if not isinstance(bank, ConceptBank):
        raise ValueError(f'"bank" must be a maco_tf.ConceptBank. Received: {type(bank).__name__}.')
    if isinstance(concepts, Sequence | np.ndarray) and np.ndim(concepts) > 0:
        chosen = np.asarray(concepts)
    else:
        count = check_integer("concepts", concepts, 1)
        if count > len(bank):
            raise ValueError(f'"concepts" must not exceed the {len(bank)} of the bank. Received: {concepts}.')
        chosen = bank.ranking()[:count]
    objective = Concept(bank, chosen.tolist(), cosine_power=cosine_power)
    visualizer.check(objective)
    patches = check_integer("patches", patches, 1)
    height, width, channels = visualizer.activations.input_shape
    images = as_images("images", images, channels, size=(height, width))
    check_channels("images", images, channels)
    images = fit_images(images, (height, width))
    pieces = extract_patches(images, default_patch_size(images) if patch_size is None else patch_size)
    # Before the images, which take minutes, so that mistakes show at once.
    found = find_exemplars(
        visualizer.model,
        objective,
        pieces,
        min(patches, len(pieces)),
        rank="mean",
        preprocessing=visualizer.resolved.preprocessing,
        input_shape=visualizer.input_shape,
        verbose=0,
    )
    explanation = visualizer.explain(objective, seed=seed, verbose=verbose)
    importances = None if bank.importances is None else bank.importances[chosen]
    return ConceptExplanation(explanation, found, importances, chosen, bank)
