"""The rules of the house that a machine can check: directions of imports, circles, sizes, names."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "maco_tf"
FILES = sorted(ROOT.rglob("*.py"))

# Modules at the top that any part may import.
FOUNDATION = {"checks", "import_path", "products", "version"}
ALLOWED = {
    "images": set(),
    "spectrum": {"images"},
    "parametrizations": {"spectrum"},
    "transforms": set(),
    "models": set(),
    "objectives": {"models", "images"},
    "optimization": {"parametrizations", "transforms", "models", "objectives"},
    "visualizers": {
        "optimization",
        "parametrizations",
        "transforms",
        "models",
        "objectives",
        "spectrum",
        "display",
        "images",
    },
    "metrics": {"models", "spectrum", "images"},
    "exemplars": {"visualizers", "metrics", "optimization", "objectives", "models", "display", "images"},
    "concepts": {"exemplars", "visualizers", "objectives", "models", "display", "images"},
    "display": {"images"},
    "benchmark": {
        "exemplars",
        "visualizers",
        "parametrizations",
        "transforms",
        "metrics",
        "models",
        "objectives",
        "display",
        "images",
    },
    "atlas": {
        "exemplars",
        "concepts",
        "visualizers",
        "metrics",
        "optimization",
        "objectives",
        "models",
        "display",
        "images",
    },
    "commands": {
        "atlas",
        "benchmark",
        "exemplars",
        "visualizers",
        "metrics",
        "models",
        "objectives",
        "spectrum",
        "display",
    },
}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", None) == "TYPE_CHECKING"


def statements(tree, *, typing=True):
    """All statements of a file; without `typing`, those that only type checkers read are left out."""
    for node in ast.iter_child_nodes(tree):
        if typing or not is_type_checking(node):
            yield node
            yield from statements(node, typing=typing)


def imported_modules(path, *, typing=True):
    """The modules of maco_tf that a file imports."""
    for node in statements(ast.parse(path.read_text()), typing=typing):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("maco_tf."):
            for alias in node.names:
                submodule = ROOT.parent / Path(*node.module.split("."), alias.name)
                is_module = submodule.with_suffix(".py").exists() or submodule.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_run_downward(part):
    for path in (ROOT / part).rglob("*.py"):
        parts = {name.split(".")[1] for name in imported_modules(path)}
        assert parts <= ALLOWED[part] | FOUNDATION | {part}, f"{path} imports {parts - ALLOWED[part] - {part}}"


def test_the_package_is_imported_by_its_parts_only():
    """`import maco_tf.x` and `from maco_tf import x` would not be seen by the other tests."""
    for path in FILES:
        for node in statements(ast.parse(path.read_text()), typing=False):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("maco_tf") for name in names), path
            assert not (isinstance(node, ast.ImportFrom) and node.module == "maco_tf"), path


def test_no_file_imports_itself_through_others():
    """No circles, not even inside a function."""
    graph = {module_name(path): set(imported_modules(path, typing=False)) for path in FILES}
    # A package stands for its `__init__`, which may import its own files.
    state = {}

    def visit(name, trail):
        assert state.get(name) != "open", " -> ".join([*trail, name])
        if name in graph and name not in state:
            state[name] = "open"
            for other in graph[name]:
                visit(other, [*trail, name])
            state[name] = "done"

    for name in graph:
        visit(name, [])


def test_imports_stand_at_the_top():
    """Only slow packages, and everything that a command's help does not need, are imported inside functions."""
    for path in FILES:
        if path.parent.name == "commands" or path == ROOT / "__init__.py":
            continue
        tree = ast.parse(path.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        assert not node.module.startswith("maco_tf"), f"{path}: {node.module} in {function.name}"


def test_slow_packages_are_imported_where_they_are_used():
    slow = {"ray", "jinja2", "sklearn", "matplotlib", "xplique", "umap"}
    for path in FILES:
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & slow, path


def test_files_have_one_idea_and_one_name():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 300, path
        assert path.stem not in {"utils", "helpers", "misc", "common"}, path
    # A command bears the name of the part that it runs.
    stems = [path.stem for path in FILES if path.stem != "__init__" and path.parent.name != "commands"]
    parts = [path.parent.name for path in ROOT.rglob("__init__.py") if path.parent != ROOT]
    twice = {name for name, count in Counter(stems + parts).items() if count > 1}
    assert not twice


def test_every_part_is_known_here():
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == set(ALLOWED)


def test_tests_mirror_the_package():
    """A test file bears the name of a file of its part, or says in its first line what it tests across files."""
    tests = Path(__file__).parent
    for part in ALLOWED:
        known = {path.stem for path in (ROOT / part).rglob("*.py")}
        for path in (tests / part).rglob("test_*.py"):
            docstring = ast.get_docstring(ast.parse(path.read_text()))
            assert path.stem.removeprefix("test_") in known or docstring, path


def test_public_names_resolve_and_type_checkers_see_the_same():
    import maco_tf

    resolved = {name: getattr(maco_tf, name) for name in maco_tf.__all__ if name != "__version__"}
    assert {name: value.__name__.rsplit(".", 1)[-1] for name, value in resolved.items()} == {n: n for n in resolved}
    (typed,) = [node for node in ast.parse((ROOT / "__init__.py").read_text()).body if is_type_checking(node)]
    assert {alias.name for node in typed.body for alias in node.names} == set(resolved)
    with pytest.raises(AttributeError):
        maco_tf.nonsense  # noqa: B018


@pytest.mark.slow
def test_importing_is_light():
    code = """
import sys, tensorflow, keras
before = set(sys.modules)
import maco_tf.metrics, maco_tf.visualizers
added = {name.split(".")[0] for name in set(sys.modules) - before}
assert not added & {"matplotlib", "sklearn", "xplique", "ray", "tensorflow_probability"}, added
"""
    subprocess.run([sys.executable, "-c", code], check=True)
