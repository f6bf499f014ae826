"""The user's images in any form, as arrays in [0, 1]."""

from maco_tf.images.fitting import as_images, check_channels, fit_images
from maco_tf.images.image_set import Images, ImageSet

__all__ = ["ImageSet", "Images", "as_images", "check_channels", "fit_images"]
