import http.client
import os
import shutil
import signal
import subprocess
import sys

import pytest

from maco_tf.atlas.server import open_server, site_of
from maco_tf.atlas.site import write_site
from tests.atlas.site.conftest import running
from tests.atlas.site.synthetic import Synthetic


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    plan = Synthetic(layers={}, classes=3, pages=0, grid=None, seeds=1, exemplars=0, size=64)
    return plan.build(tmp_path_factory.mktemp("served") / "atlas")


@pytest.fixture(scope="module")
def site(atlas):
    return write_site(atlas.folder).folder


def answer(address, path):
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.request("GET", path)
    response = connection.getresponse()
    found = response.status, response.getheader("Content-Type"), response.read()
    connection.close()
    return found


def test_files_and_their_types(atlas, site):
    image = atlas.path("items", "logit/0000/seed-0", "image.webp").read_bytes()
    with running(site) as address:
        status, kind, page = answer(address, "/logit/0000.html")
        assert (status, kind) == (200, "text/html")
        assert b"<h1>pug</h1>" in page
        assert answer(address, "/images/items/logit/0000/seed-0/image.webp") == (200, "image/webp", image)


@pytest.mark.parametrize("path", ["/images/", "/nothing.html", "/../atlas/atlas.json", "/%2e%2e/atlas/atlas.json"])
def test_nothing_else_is_served(site, path):
    """No lists of folders, and nothing outside the site."""
    with running(site) as address:
        assert answer(address, path)[0] == 404


def test_only_this_machine_is_served(site):
    with open_server(site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken(site):
    with open_server(site, 0) as server:
        port = server.server_address[1]
        with pytest.raises(OSError, match=f'"port".*{port}'):
            open_server(site, port)
    with pytest.raises(ValueError, match="port"):
        open_server(site, 70000)


def test_the_site_is_written_only_when_it_is_needed(atlas, tmp_path):
    shutil.copytree(atlas.folder, tmp_path / "atlas")
    site = site_of(tmp_path / "atlas")
    assert site == tmp_path / "atlas-site"
    written = (site / "index.html").stat().st_mtime_ns
    assert site_of(tmp_path / "atlas") == site
    assert site_of(site) == site
    assert (site / "index.html").stat().st_mtime_ns == written
    os.utime(tmp_path / "atlas/items/logit/0000/seed-0/record.json")
    site_of(tmp_path / "atlas")
    assert (site / "index.html").stat().st_mtime_ns > written


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted(atlas):
    """The browser is opened at the address where the site answers, and Ctrl-C is no error."""
    code = """
import webbrowser, sys
webbrowser.open = lambda address: print("opened", address, flush=True)
from maco_tf.cli import main
sys.exit(main(["atlas", "view", sys.argv[1], "--port", "0"]))
"""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", code, str(atlas.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        address = next(line.split()[1] for line in process.stdout if line.startswith("opened"))
        assert b"Synthetic network" in answer(address.rstrip("/"), "/index.html")[2]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_the_command_that_writes_a_site(atlas, tmp_path, capsys):
    from maco_tf.cli import main

    assert main(["atlas", "site", str(atlas.folder), "--output", str(tmp_path / "site")]) == 0
    assert "hard links to files of the atlas" in capsys.readouterr().out
    assert (tmp_path / "site/index.html").is_file()
    assert main(["atlas", "site", str(tmp_path)]) == 2
