from maco_tf import zoo
from maco_tf.cli import main


def test_every_network_is_listed_with_its_size_and_licence(capsys):
    assert main(["zoo"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for name in zoo.names():
        assert f"{zoo.entry(name).size} px" in lines[name]
        assert zoo.entry(name).licence in lines[name]


def test_a_network_that_is_not_installed_is_listed_with_its_installation(capsys, monkeypatch):
    def missing(self):
        raise ImportError

    entry = zoo.entry("squeezenet")
    monkeypatch.setattr(type(entry), "path", missing)
    assert main(["zoo"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert entry.install in lines["squeezenet"]
    assert "installed" not in lines["squeezenet"].replace(entry.install, "")
