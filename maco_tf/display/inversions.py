"""A figure of photographs and what layers keep of them, as the paper's figure 5."""

from maco_tf.display.grid import as_pictures, draw_grid
from maco_tf.display.rgba import to_rgba


def draw_inversions(photographs, inversions, *, names=None, captions=None, path=None):
    """Draw photographs beside their inversions: a row a photograph.

        inversion = visualizer.explain(FeatureInversion("block4c_add", photographs))
        draw_inversions(photographs, inversion)

    One layer has four columns, the paper's: the photograph, its inversion, where the network looked (white is most),
    and the inversion seen through that. Several layers have one each behind the photograph, with their transparency.

    Args:
        photographs: array (count, height, width, 1, 3 or 4) in [0, 1], drawn as it is.
        inversions: an `Explanation`, of an image for each photograph; or a dictionary, layer -> such an `Explanation`,
            or an array like `photographs`.
        names: list of the photographs' names, to the left of their rows, or `None`.
        captions: of a dictionary's pictures: dictionary, layer -> list of texts, one for each photograph; or `None`.
        path: see `compare`.

    Returns:
        The `matplotlib.figure.Figure`, which pyplot does not keep.

    Raises:
        ValueError: other numbers of images, names or captions than of photographs, or images of another shape.
    """
    photographs = as_pictures("photographs", photographs)
    if isinstance(inversions, dict):
        columns = {layer: as_pictures("inversions", images, layer) for layer, images in inversions.items()}
    elif hasattr(inversions, "transparency"):
        seen = inversions.rgba()
        # The map is as it is in the last column, so that both say the same.
        columns = {
            "inversion": to_rgba(inversions.images, None),
            "attribution": seen[..., 3:].repeat(3, axis=-1),
            "both": seen,
        }
    else:
        raise ValueError(
            '"inversions" must be an explanation, or a dictionary of layers. Received: '
            f"{type(inversions).__name__}. See FeatureInversion."
        )
    count = len(photographs)
    lengths = {layer: len(images) for layer, images in columns.items()}
    if not count or not columns or set(lengths.values()) != {count}:
        raise ValueError(f'"inversions" must have one image for each of {count} photograph(s). Received: {lengths}.')
    if names is not None and len(names) != count:
        raise ValueError(f'"names" must name the {count} photograph(s). Received: {len(names)} names.')
    if captions is not None:
        described = {layer: len(texts) for layer, texts in captions.items()}
        if not isinstance(inversions, dict) or described != lengths:
            raise ValueError(
                f'"captions" must have a text for each picture of a dictionary of layers, {lengths}. Received: '
                f"{described}."
            )
    rows = [[photographs[i], *(images[i] for images in columns.values())] for i in range(count)]
    texts = captions and [[None, *(captions[layer][i] for layer in columns)] for i in range(count)]
    return draw_grid(rows, row_names=names, column_names=["photograph", *columns], captions=texts, path=path)
