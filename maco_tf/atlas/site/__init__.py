"""The site of an atlas: a folder of plain pages that opens from disk and from any web host."""

from maco_tf.atlas.site.site_folder import Site as Site
from maco_tf.atlas.site.site_folder import is_current as is_current
from maco_tf.atlas.site.site_folder import is_site as is_site
from maco_tf.atlas.site.site_folder import say_written as say_written
from maco_tf.atlas.site.site_folder import write_site as write_site

__all__ = ["Site", "is_current", "is_site", "say_written", "write_site"]
