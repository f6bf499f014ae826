import pytest

from maco_tf.visualizers import CBRVisualizer, FourierVisualizer, MacoVisualizer, Visualizer, find_method, methods

pytestmark = pytest.mark.usefixtures("own_methods")


def test_the_methods_of_the_package_are_found_in_any_case():
    kinds = {"MACO": MacoVisualizer, "Fourier": FourierVisualizer, "CBR": CBRVisualizer}
    assert {name: methods()[name] for name in kinds} == kinds
    for name, kind in kinds.items():
        assert find_method(name) is find_method(name.lower()) is find_method(name.upper()) is kind


def test_a_change_of_the_dictionary_registers_nothing():
    methods().clear()
    assert find_method("maco") is MacoVisualizer


@pytest.mark.parametrize("name", ["Laplace", "", None, 3])
def test_an_unknown_method_is_refused(name):
    with pytest.raises(ValueError, match='"method" must be one of MACO, Fourier, CBR'):
        find_method(name)


def test_defining_a_class_registers_it():
    class Mine(Visualizer):
        method = "Mine"

    assert find_method("mine") is methods()["Mine"] is Mine

    # As in a notebook's cell that runs twice.
    first = Mine

    class Mine(Visualizer):
        method = "Mine"

    assert find_method("mine") is Mine is not first


def test_a_class_without_a_name_is_not_registered():
    before = methods()

    class Base(MacoVisualizer):
        pass

    assert Base.method == "MACO"
    assert methods() == before


def test_two_classes_cannot_share_a_name():
    with pytest.raises(ValueError, match=r'"method" must be a name that no other.*\'maco\'.*MacoVisualizer has it'):

        class Other(Visualizer):
            method = "maco"


@pytest.mark.parametrize("name", ["", 3, None])
def test_a_name_is_text(name):
    with pytest.raises(ValueError, match='"method" must be a name'):
        type("Nameless", (Visualizer,), {"method": name})
