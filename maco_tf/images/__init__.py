"""The user's images in any form (arrays, files, folders, datasets, images of Pillow) as arrays in [0, 1].

ImageSet   reads one image after the other
as_images  reads all of them into one batch
fit_images brings them to the size of a model's input
"""

from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.images.image_files import class_of_file, image_files, is_image_path, readable_files
from maco_tf.images.image_set import Images, ImageSet

__all__ = [
    "ImageSet",
    "Images",
    "as_images",
    "check_channels",
    "class_of_file",
    "fit_images",
    "image_files",
    "is_image_path",
    "readable_files",
]
