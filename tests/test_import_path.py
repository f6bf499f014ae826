"""Functions stored by the path that imports them."""

import functools
import sys
import types

import keras
import pytest

from maco_tf.import_path import from_import_path, import_obstacle, import_path


def double(x):
    return 2 * x


replaced = double
wrapped = functools.partial(double)
anonymous = lambda x: x  # noqa: E731


class Namespace:
    @staticmethod
    def triple(x):
        return 3 * x

    def method(self, x):
        return x


@pytest.mark.parametrize(
    ("function", "path"),
    [
        (double, f"{__name__}:double"),
        (replaced, f"{__name__}:double"),
        (Namespace.triple, f"{__name__}:Namespace.triple"),
        (Namespace, f"{__name__}:Namespace"),
        (len, "builtins:len"),
    ],
)
def test_an_importable_function_has_a_path(function, path):
    assert import_path(function) == path
    assert import_obstacle(function) is None
    assert from_import_path(path, "preprocessing") is function


def test_functions_of_packages_have_a_path():
    function = keras.applications.resnet.preprocess_input
    assert from_import_path(import_path(function), "preprocessing") is function


def local():
    def inner(x):
        return x

    return inner


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (anonymous, "lambda"),
        (local(), "inside another function"),
        (wrapped, "no name"),
        (Namespace(), "no name"),
        (Namespace().method, "another object"),
        (None, "no name"),
    ],
)
def test_other_functions_have_none(function, reason):
    assert import_path(function) is None
    assert reason in import_obstacle(function)


def function_of(module, name="double"):
    copy = types.FunctionType(double.__code__, {}, name)
    copy.__module__, copy.__qualname__ = module, name
    return copy


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (function_of("__main__"), "notebook"),
        (function_of(__name__), "another object"),
        (function_of(__name__, "missing"), "AttributeError"),
        (function_of("no_such_module"), "ModuleNotFoundError"),
        (function_of(""), "ValueError"),
    ],
)
def test_a_function_that_its_path_does_not_give_has_none(function, reason):
    assert import_path(function) is None
    assert reason in import_obstacle(function)


@pytest.mark.parametrize("path", [None, 3, "", "double", "a:b:c", ":double", "module:", "os.system('x'):y", "../a:b"])
def test_malformed_paths(path):
    with pytest.raises(ValueError, match='"preprocessing" must be the import path'):
        from_import_path(path, "preprocessing")


@pytest.mark.parametrize("path", ["no_such_module:f", f"{__name__}:missing", f"{__name__}:double.missing", ".a:b"])
def test_paths_that_cannot_be_imported(path):
    with pytest.raises(ValueError, match=r'"preprocessing".*importing it fails'):
        from_import_path(path, "preprocessing")


def test_a_path_to_something_else_than_a_function():
    with pytest.raises(ValueError, match=r'"preprocessing".*type str'):
        from_import_path(f"{__name__}:__name__", "preprocessing")


def test_a_module_that_fails_while_it_is_imported(tmp_path, monkeypatch):
    (tmp_path / "broken_module_of_the_test.py").write_text("raise RuntimeError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r'"preprocessing".*no licence'):
        from_import_path("broken_module_of_the_test:f", "preprocessing")
    assert "broken_module_of_the_test" not in sys.modules
