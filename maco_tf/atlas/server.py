"""The site of an atlas in a browser, served by this machine to itself."""

import errno
import functools
import http.server
import os
import webbrowser
from pathlib import Path
from typing import Any

from maco_tf.atlas.site.site_folder import default_output, is_current, is_site, say_written, write_site
from maco_tf.checks import check_flag, check_integer

_HOST = "127.0.0.1"
# The port that is tried first, so that an address often stays the same.
_PORT = 8000


def view(
    folder: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    port: int | None = None,
    browser: bool = True,
) -> None:
    """Show an atlas in the browser, until Ctrl-C. Its site is written first if it is missing or outdated.

    Only programs on this machine can reach the site.

    Args:
        folder: the atlas, or a site.
        output: the folder of the site; see `write_site`.
        port: the port; `None` takes 8000, or any free one.
        browser: whether the browser is opened.

    Raises:
        ValueError: `folder` holds neither; or see `write_site`.
        OSError: the port is taken.
    """
    browser = check_flag("browser", browser)
    site = site_of(folder, output)
    with open_server(site, port) as server:
        address = f"http://{_HOST}:{server.server_address[1]}/"
        print(f"Serving {site} at {address}. Press Ctrl-C to stop.", flush=True)
        if browser:
            webbrowser.open(address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def site_of(folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> Path:
    """The site of an atlas, written if it is missing or outdated.

    Args:
        folder: the atlas, or a site.
        output: the folder of the site; see `write_site`.

    Returns:
        The folder of the site.

    Raises:
        ValueError: `folder` holds neither; or see `write_site`.
    """
    if is_site(folder):
        return Path(folder).resolve()
    target = default_output(folder) if output is None else Path(output).resolve()
    if not is_current(folder, target):
        say_written(write_site(folder, target))
    return target


def open_server(site: str | os.PathLike[str], port: int | None = None) -> http.server.ThreadingHTTPServer:
    """A server of a folder for programs on this machine, which begins with `serve_forever`.

    Args:
        site: the folder.
        port: the port, or 0 for any free one; `None` takes 8000, or any free one.

    Returns:
        The server.

    Raises:
        OSError: the port is taken.
    """
    wanted = _PORT if port is None else check_integer("port", port, 0, 65535)
    handler = functools.partial(_Handler, directory=os.fspath(site))
    try:
        return _Server((_HOST, wanted), handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if port is None:
            return _Server((_HOST, 0), handler)
        raise OSError(error.errno, f'"port" must be free. Received: {port}. Choose another one') from error


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # A second server must not take over the port of the first.
    allow_reuse_port = False


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Answers with files only, without lists of folders and without a line on the terminal for each request."""

    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        # The browser asks whether a page has changed, so that a new site is seen at once.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def guess_type(self, path: Any) -> str:
        # Python knows WebP from 3.13 on.
        return "image/webp" if str(path).endswith(".webp") else super().guess_type(path)

    def list_directory(self, path: Any) -> None:
        self.send_error(http.HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass
