"""The house rules that a machine can hold: directions of imports, sizes, names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "maco_tf"
FILES = sorted(ROOT.rglob("*.py"))

ALLOWED = {
    "spectrum": set(),
    "parametrizations": {"spectrum"},
    "transforms": set(),
    "models": set(),
    "objectives": {"models"},
    "optimization": {"parametrizations", "transforms", "models", "objectives", "spectrum"},
    "visualizers": {"optimization", "parametrizations", "transforms", "models", "objectives", "spectrum", "display"},
    "metrics": {"models", "spectrum"},
    "concepts": {"visualizers", "transforms", "objectives", "models", "display"},
    "display": set(),
    "benchmark": {"visualizers", "transforms", "metrics", "models", "objectives", "display"},
    "commands": {"benchmark", "visualizers", "metrics", "models", "objectives", "spectrum", "display"},
}


def imported_parts(path):
    """Top-level parts of maco_tf that a file imports, and other packages it imports at module level."""
    tree = ast.parse(path.read_text())
    ours = {
        node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("maco_tf.")
    }
    # `import maco_tf.x` and `from maco_tf import x` would go unseen: the package writes neither.
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert not any(name.startswith("maco_tf") for name in names), path
        assert not (isinstance(node, ast.ImportFrom) and node.module == "maco_tf"), path
    others = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            others.add(node.module.split(".")[0])
    return ours, others


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_run_downward(part):
    for path in (ROOT / part).rglob("*.py"):
        ours, _ = imported_parts(path)
        assert ours <= ALLOWED[part] | {part, "version"}, f"{path} imports {ours - ALLOWED[part] - {part}}"


def test_slow_packages_are_imported_where_they_are_used():
    for path in FILES:
        assert not imported_parts(path)[1] & {"ray", "jinja2", "sklearn", "matplotlib", "xplique"}, path


def test_files_are_small_and_no_dumps():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 300, path
        assert path.stem not in {"utils", "helpers", "misc", "common"}


def test_every_part_is_known_here():
    parts = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert parts == set(ALLOWED)


def test_public_names_resolve():
    import maco_tf

    resolved = {name: getattr(maco_tf, name) for name in maco_tf.__all__ if name != "__version__"}
    assert {name: value.__name__.rsplit(".", 1)[-1] for name, value in resolved.items()} == {n: n for n in resolved}
    with pytest.raises(AttributeError):
        maco_tf.nonsense  # noqa: B018


def test_importing_is_light():
    code = """
import sys, tensorflow, keras
before = set(sys.modules)
import maco_tf.metrics, maco_tf.visualizers
added = {name.split(".")[0] for name in set(sys.modules) - before}
assert not added & {"matplotlib", "sklearn", "xplique", "ray", "tensorflow_probability"}, added
"""
    subprocess.run([sys.executable, "-c", code], check=True)
