"""Receptive fields: which pixels each position of a layer can see, followed through the traced graph of the model.

receptive_field  model, layer -> ReceptiveField
pixel_flow       the operations between the image and the layer, one after the other
layout_rules     how operations that move values change boxes of pixels
window_rules     how operations that combine neighbours do
pixel_boxes      boxes of pixels, for every position of a tensor
"""

from maco_tf.exemplars.fields.receptive_field import ReceptiveField, receptive_field

__all__ = ["ReceptiveField", "receptive_field"]
