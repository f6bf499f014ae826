"""An atlas, its site from disk and from a server, and a browser, made once."""

import os
import threading

import pytest

from maco_tf.atlas.server import open_server
from maco_tf.atlas.site import write_site
from tests.atlas.site.browser import chromium, why_missing
from tests.atlas.site.synthetic import Synthetic, many


@pytest.fixture(scope="session")
def atlas(tmp_path_factory):
    return Synthetic(size=64).build(tmp_path_factory.mktemp("atlas") / "atlas")


@pytest.fixture(scope="session")
def site(atlas):
    return write_site(atlas.folder).folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """An atlas that tests may change: copies are quick."""
    plan = Synthetic(layers={"conv": 3}, classes=3, pages=1, concepts=2, grid=None, seeds=1, exemplars=2, size=64)
    return plan.build(tmp_path_factory.mktemp("small") / "atlas")


@pytest.fixture(scope="session")
def served(site):
    with running(site) as address:
        yield address


class running:
    """A server of a site in a thread."""

    def __init__(self, site):
        self._server = open_server(site, 0)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def large_site(tmp_path_factory):
    """20,000 units, for speed."""
    return write_site(many(20_000).build(tmp_path_factory.mktemp("large") / "atlas").folder).folder


@pytest.fixture(scope="session")
def browser():
    _need_a_browser()
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="session")
def quick_browser():
    """A browser without logs of its requests, which would slow each of them."""
    _need_a_browser()
    with chromium(watched=False) as driver:
        yield driver


def _need_a_browser():
    reason = why_missing()
    if reason and os.environ.get("CI"):
        pytest.fail(f"The tests in a browser must not be skipped here: {reason}.")
    if reason:
        pytest.skip(f"No test in a browser: {reason}.")
