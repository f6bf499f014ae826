"""Arrays to figures and files. Uses nothing of the other parts."""

from maco_tf.display.beside import beside, mosaic
from maco_tf.display.contact_sheet import contact_sheet
from maco_tf.display.files import figure_png, file_name, write_png
from maco_tf.display.rgba import to_rgba

__all__ = ["beside", "contact_sheet", "figure_png", "file_name", "mosaic", "to_rgba", "write_png"]
