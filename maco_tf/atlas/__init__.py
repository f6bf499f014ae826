"""The atlas of a model: every class, channel and concept, in a folder that any number of runs can share."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Type checkers and editors read these; at run time, a site is made from a folder without TensorFlow.
    from maco_tf.atlas.atlas_build import build
    from maco_tf.atlas.plan import AtlasPlan
    from maco_tf.atlas.record_store import Store
    from maco_tf.atlas.record_table import export
    from maco_tf.atlas.server import view
    from maco_tf.atlas.site import write_site
    from maco_tf.atlas.unit import Unit
    from maco_tf.atlas.verification import check

__all__ = ["AtlasPlan", "Store", "Unit", "build", "check", "export", "view", "write_site"]

# The module of each name. No module is called like a function, which it would hide.
_MODULES = {
    "AtlasPlan": "plan",
    "Store": "record_store",
    "Unit": "unit",
    "build": "atlas_build",
    "check": "verification",
    "export": "record_table",
    "view": "server",
    "write_site": "site",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'maco_tf.atlas' has no attribute {name!r}")
    return getattr(importlib.import_module(f"maco_tf.atlas.{_MODULES[name]}"), name)
