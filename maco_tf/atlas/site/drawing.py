"""Pages from templates. Everything that a template shows is escaped, unless it is HTML that was made here."""

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

from maco_tf.atlas.site.charts import histogram_path, history_path
from maco_tf.atlas.site.entries import Contents, Entry
from maco_tf.version import __version__


@dataclasses.dataclass(frozen=True)
class Frame:
    """The parts that all pages of one depth share, as HTML.

    Attributes:
        head: the end of the head.
        top: the bar above the page.
        foot: the foot of the page.
    """

    head: str
    top: str
    foot: str


class Drawing:
    """The templates of a site.

    Args:
        manifest: the manifest of the atlas.
        contents: what the site lists.
    """

    def __init__(self, manifest: dict[str, Any], contents: Contents) -> None:
        import jinja2

        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )
        self._environment.filters |= {
            "address": quote,
            "bar": _bar,
            "flat": _flat,
            "folder": _folder,
            "histogram": histogram_path,
            "history": history_path,
            "number": _number,
            "page": _page,
            "percent": _percent,
            "thumbnail": _thumbnail,
        }
        self._environment.globals |= {
            "manifest": manifest,
            "contents": contents,
            "version": __version__,
            "main_settings": _main_settings(manifest),
            "tile_start": self._tile_start,
        }
        self._frame = functools.cache(self._draw_frame)
        self._tiles: dict[tuple[str, str], str] = {}

    def draw(self, name: str, root: str, **values: Any) -> str:
        """Draw a page.

        Args:
            name: the name of its template.
            root: the way from the page to the folder of the site, such as "../../".
            **values: what the template shows.

        Returns:
            The page as HTML.
        """
        return self._environment.get_template(f"{name}.html").render(root=root, frame=self._frame(root), **values)

    def _tile_start(self, root: str, entry: Entry) -> str:
        """The picture of a unit in a list of its kind. It is drawn once, because many units have it as a neighbour."""
        found = self._tiles.get((root, entry.key))
        if found is None:
            parts: Any = self._environment.get_template("parts.html").module
            found = parts.tile_start(root, entry.key, entry.picture, entry.name, entry.short)
            self._tiles[root, entry.key] = found
        return found

    def _draw_frame(self, root: str) -> Frame:
        macros: Any = self._environment.get_template("frame.html").module
        return Frame(macros.head(root), macros.top(root), macros.foot(root))


# Keys hold letters of ASCII, digits, "_", ".", "-" and "/" only, so the following need no escapes.


def _page(key: str, root: str) -> str:
    return _safe(f"{root}{key}.html")


def _folder(item: str, root: str) -> str:
    return _safe(f"{root}images/items/{item}/")


def _thumbnail(item: str, root: str) -> str:
    folder = f"{root}images/items/{item}/thumb"
    return _safe(f'src="{folder}-128.webp" srcset="{folder}-256.webp 2x"')


def _flat(key: str) -> str:
    return _safe(key.replace("/", "_"))


def _safe(text: str) -> str:
    from markupsafe import Markup

    return Markup(text)


def _main_settings(manifest: dict[str, Any]) -> str:
    """The method in a few words, for every unit's page."""
    settings = manifest["settings"]
    size = settings.get("image_size")
    parts = [str(settings.get("method", manifest["method"]))]
    parts += [f"recipe {settings['recipe']}"] if settings.get("recipe") else []
    counts = (("steps", "steps"), ("crops", "views"))
    parts += [f"{settings[name]} {text}" for name, text in counts if settings.get(name)]
    parts += [f"{size[0]} x {size[1]} pixels"] if isinstance(size, list) else []
    return ", ".join(parts)


def _bar(units: int | None) -> int:
    """Height of a layer on the map of layers, pixels: a bit more for each doubling of its units."""
    return 6 + round(4.5 * math.log2(1 + (units or 0)))


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{100 * share:.0f} %"


def _number(value: float | None, digits: int = 4) -> str:
    """A number with a few digits, and with commas for thousands."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 10**digits):
        return f"{int(value):,}"
    text = f"{value:.{digits}g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if text.startswith("-") else text
