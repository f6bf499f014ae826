"""Concepts as images, in one call."""

import dataclasses
from pathlib import Path

import numpy as np

from maco_tf.checks import check_integer
from maco_tf.concepts.bank import Concept, ConceptBank
from maco_tf.concepts.craft import craft, default_patch_size, extract_patches
from maco_tf.models.images import as_images, check_channels, fit_images
from maco_tf.objectives.direction import check_cosine_power
from maco_tf.visualizers.explanation import Explanation
from maco_tf.visualizers.maco import MacoVisualizer
from maco_tf.visualizers.top_activating import TopImages, top_activating


@dataclasses.dataclass(frozen=True, eq=False)
class ConceptExplanation:
    """Concepts as images, with the pieces of natural images that show them most.

    Attributes:
        explanation: an `Explanation`, an image a concept with its transparency.
        patches: a `TopImages`, the patches that activate each concept most.
        importances: array (concepts,), float32, of those shown; or `None` where the bank has none.
        concepts: array (concepts,), their numbers in the bank.
        bank: the `ConceptBank`.
    """

    explanation: Explanation
    patches: TopImages
    importances: np.ndarray | None
    concepts: np.ndarray
    bank: ConceptBank

    def __len__(self):
        return len(self.concepts)

    def __repr__(self):
        return f"<ConceptExplanation of {', '.join(self.patches.names)}>"

    def _repr_png_(self):
        """The figure, where a notebook shows a cell's value."""
        from maco_tf.display.files import figure_png

        return figure_png(self.figure())

    def figure(self, *, percentile=80, figure=None):
        """The concepts side by side, each above its patches; see `TopImages.figure`."""
        return self.patches.figure(self.explanation, percentile=percentile, figure=figure)

    def show(self, *, percentile=80):
        """Draw `figure` with pyplot, in a notebook below the cell, elsewhere in a window."""
        self.patches.show(self.explanation, percentile=percentile)

    def save(self, path):
        """Write to disk.

        Args:
            path: a folder, which gets what `Explanation.save` writes, `concepts.png` (the figure), and `concepts.npz`:
                the patches, their scores, the importances and the bank's directions.

        Returns:
            List of the `pathlib.Path`s written.

        Raises:
            ValueError: see `Explanation.save`.
        """
        from maco_tf.display.files import figure_png

        path = Path(path)
        if path.suffix.lower() in (".png", ".npz"):
            raise ValueError(f'"path" must name a folder. Received: {path}.')
        written = self.explanation.save(path)
        picture, archive = path / "concepts.png", path / "concepts.npz"
        picture.write_bytes(figure_png(self.figure()))
        np.savez_compressed(
            archive,
            patches=self.patches.images,
            scores=self.patches.scores,
            concepts=self.concepts,
            importances=np.full(len(self), np.nan) if self.importances is None else self.importances,
            directions=self.bank.directions,
        )
        return [*written, picture, archive]


def explain_concepts(
    model,
    bank,
    images,
    concepts=3,
    *,
    patch_size=None,
    patches=9,
    cosine_power=2.0,
    preprocessing=None,
    input_shape=None,
    seed=None,
    verbose="auto",
    **settings,
):
    """Show concepts of any bank: an image that MACO makes for each, and the patches that activate it most.

    Args:
        model: see `MacoVisualizer`.
        bank: a `ConceptBank`.
        images: natural images from which patches are cut, (images, height, width, channels), integers up to 255 or
            numbers in [0, 1]; their centre is resized to the model's input.
        concepts: how many, the most important ones; or a list of their numbers in the bank.
        patch_size: side of a patch, pixels of the model's input; `None` is 64 of 224.
        patches: how many are kept for each concept.
        cosine_power: see `Direction`.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        seed: see `MacoVisualizer.explain`.
        verbose: see `MacoVisualizer.explain`.
        **settings: further arguments of `MacoVisualizer`, as `steps`.

    Returns:
        A `ConceptExplanation`.

    Raises:
        ValueError: the bank's layer does not fit the model, or an argument lies outside its range.
    """
    if not isinstance(bank, ConceptBank):
        raise ValueError(f'"bank" must be a maco_tf.ConceptBank. Received: {type(bank).__name__}.')
    if np.ndim(concepts) == 0:
        check_integer("concepts", concepts, 1)
        if concepts > len(bank):
            raise ValueError(f'"concepts" must not exceed the bank\'s {len(bank)}. Received: {concepts}.')
        concepts = bank.ranking()[:concepts]
    objective = Concept(bank, concepts, cosine_power=cosine_power)
    chosen = np.asarray(concepts)
    visualizer = MacoVisualizer(model, preprocessing=preprocessing, input_shape=input_shape, **settings)
    visualizer.check(objective)
    check_integer("patches", patches, 1)
    images = as_images("images", images)
    check_channels("images", images, visualizer.activations.input_shape[-1])
    images = fit_images(images, visualizer.activations.input_shape[:2])
    pieces = extract_patches(images, default_patch_size(images) if patch_size is None else patch_size)
    # Before the minutes that the images take, so that what is wrong shows at once.
    found = top_activating(
        model, objective, pieces, min(patches, len(pieces)), preprocessing=preprocessing, input_shape=input_shape
    )
    explanations = visualizer.explain(objective, seed=seed, verbose=verbose)
    importances = None if bank.importances is None else bank.importances[chosen]
    return ConceptExplanation(explanations, found, importances, chosen, bank)


def explain_class(
    model,
    images,
    class_id,
    concepts=3,
    *,
    layer=None,
    size=10,
    patch_size=None,
    patches=9,
    cosine_power=2.0,
    preprocessing=None,
    input_shape=None,
    seed=None,
    verbose="auto",
    **settings,
):
    """Show what a class is made of: its most important concepts, found by CRAFT (figure 6 of the MACO paper).

        explain_class(model, photographs_of_tench, "tench").show()

    Args:
        model: see `MacoVisualizer`.
        images: see `craft`.
        class_id: see `craft`.
        concepts: how many of the most important concepts to show.
        layer: see `craft`.
        size: see `craft`.
        patch_size: see `craft`.
        patches: see `explain_concepts`.
        cosine_power: see `Direction`.
        preprocessing: see `MacoVisualizer`.
        input_shape: see `MacoVisualizer`.
        seed: see `MacoVisualizer.explain`; the factorisation is seeded by it too, by 0 where it is `None`.
        verbose: see `MacoVisualizer.explain`.
        **settings: further arguments of `MacoVisualizer`, as `steps`.

    Returns:
        A `ConceptExplanation`.

    Raises:
        ValueError: see `craft` and `explain_concepts`.
        ImportError: see `craft`.

    Source: Fel et al., 2023 (arXiv:2306.06805), section on concepts; Fel et al., CVPR 2023 (arXiv:2211.10154).
    """
    model_settings = {"patch_size": patch_size, "preprocessing": preprocessing, "input_shape": input_shape}
    # Before the factorisation, so that what is wrong shows at once.
    MacoVisualizer(model, preprocessing=preprocessing, input_shape=input_shape, **settings)
    for name, value in (("concepts", concepts), ("patches", patches)):
        check_integer(name, value, 1)
    if concepts > check_integer("size", size, 1):
        raise ValueError(f'"concepts" must not exceed "size", {size}. Received: {concepts}.')
    check_cosine_power(cosine_power)
    bank = craft(model, images, class_id, layer=layer, size=size, seed=seed or 0, **model_settings)
    named = ConceptBank(
        bank.directions,
        bank.layer,
        bank.importances,
        [f"{name}, importance {share:.2f}" for name, share in zip(bank.names, bank.importances)],
    )
    return explain_concepts(
        model,
        named,
        images,
        concepts,
        patches=patches,
        cosine_power=cosine_power,
        seed=seed,
        verbose=verbose,
        **model_settings,
        **settings,
    )
