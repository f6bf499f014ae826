"""Arrays as figures, RGBA images and files."""

from maco_tf.display.beside import beside, mosaic
from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png, file_name, write_png
from maco_tf.display.film import Film, film_of
from maco_tf.display.grid import compare, draw_inversions
from maco_tf.display.rgba import on_background, to_rgba
from maco_tf.display.shading import patch_tiles, shade
from maco_tf.display.spectra import draw_spectra

__all__ = [
    "Film",
    "beside",
    "compare",
    "contact_sheet",
    "draw_inversions",
    "draw_spectra",
    "figure_png",
    "file_name",
    "film_of",
    "mosaic",
    "on_background",
    "patch_tiles",
    "shade",
    "to_rgba",
    "write_png",
]
