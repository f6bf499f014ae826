"""The atlas of a model: every class, channel and concept, in a folder that any number of runs can share."""

from maco_tf.atlas.record_store import Store as Store
from maco_tf.atlas.unit import Unit as Unit

__all__ = ["Store", "Unit"]
