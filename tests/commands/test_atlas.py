import csv
import json
import shlex
import shutil

import keras
import pytest

from maco_tf import Explanation
from maco_tf.atlas import explaining
from maco_tf.atlas.pictures import webp
from maco_tf.atlas.record_store import Store
from maco_tf.cli import main

# Without views there is little to trace.
QUICK = ["--steps", "2", "--set", "transforms=[]", "--batch", "5", "--quiet"]


@pytest.fixture(scope="module")
def built(model_file, tmp_path_factory):
    """An atlas of five classes, built by the command."""
    folder = tmp_path_factory.mktemp("built") / "atlas"
    assert main(["atlas", "build", "--model", model_file, "--units", "logit:*", "--output", str(folder), *QUICK]) == 0
    return folder


@pytest.fixture
def build(model_file, tmp_path):
    """Run the command; return its exit status."""

    def run(*arguments, output=tmp_path / "atlas", units=("logit:*",)):
        return main(["atlas", "build", "--model", model_file, "--units", *units, "--output", str(output), *arguments])

    return run


@pytest.mark.slow
def test_the_command_of_a_record_makes_its_image(built, model_file, tmp_path, capsys):
    record = Store.open(built).read("items", "logit/3/seed-0")
    words = shlex.split(record["command"])
    assert words[:4] == ["maco-tf", "explain", "--model", model_file]
    words[-1] = str(tmp_path / "again.npz")
    assert main([*words[1:], "--quiet"]) == 0
    made = Explanation.load(words[-1])
    picture = webp(made[record["place"]].rgba()[0])
    assert picture == (built / "items/logit/3/seed-0/alpha.webp").read_bytes()


@pytest.mark.slow
def test_a_second_run_says_what_is_there(built, build, capsys, monkeypatch):
    monkeypatch.setattr(explaining, "explain_chunk", lambda *_: pytest.fail("explained again"))
    assert build(*QUICK, output=built) == 0
    assert "5 images" in capsys.readouterr().out


@pytest.mark.slow
def test_check_and_export(built, tmp_path, capsys):
    assert main(["atlas", "check", str(built)]) == 0
    assert main(["atlas", "export", str(built), str(tmp_path / "table.csv")]) == 0
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [row["key"] for row in csv.DictReader(file)] == [f"logit/{n}/seed-0" for n in range(5)]
    damaged = tmp_path / "damaged"
    shutil.copytree(built, damaged)
    image = damaged / "items/logit/3/seed-0/image.webp"
    image.write_bytes(image.read_bytes()[:-1])
    capsys.readouterr()
    assert main(["atlas", "check", str(damaged)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert str(image) in first
    assert last == "1 problem"


@pytest.mark.slow
def test_other_settings_are_refused_unless_overwritten(built, build, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    other = ["--steps", "3", *QUICK[2:]]
    assert build(*other, output=copy) == 2
    assert "settings.steps is 2, and not 3" in capsys.readouterr().err
    assert build(*other, "--overwrite", output=copy, units=["logit:1"]) == 0
    assert Store.open(copy).keys("items") == ["logit/1/seed-0"]


@pytest.mark.slow
def test_a_dry_run_writes_nothing(build, tmp_path, capsys):
    assert build("--steps", "8", "--seeds", "3", "--dry-run") == 0
    assert "15 images, 15 of them left: about" in capsys.readouterr().out
    assert not (tmp_path / "atlas").exists()


@pytest.mark.slow
def test_an_interrupt_says_how_to_go_on(build, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(explaining, "explain_chunk", interrupt)
    assert build(*QUICK) == 130
    assert "same command" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nowhere"], "--images"),
        (["--seeds", "0"], "seeds"),
        (["--concepts", "3"], "images"),
        (["--set", "nothing=1"], "nothing"),
        (["--method", "nothing"], "nothing"),
    ],
)
def test_wrong_arguments_write_nothing(build, tmp_path, capsys, arguments, message):
    assert build(*arguments, *QUICK) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "atlas").exists()


@pytest.mark.parametrize("shard", ["2/2", "1", "a/b", "-1/2"])
def test_wrong_shards(build, capsys, shard):
    with pytest.raises(SystemExit):
        build(f"--shard={shard}", *QUICK)
    assert "NUMBER/COUNT" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["check"], ["export", "table.csv"]])
def test_a_folder_without_an_atlas(tmp_path, capsys, command):
    assert main(["atlas", command[0], str(tmp_path), *command[1:]]) == 2
    assert "atlas.json" in capsys.readouterr().err


@pytest.mark.slow
def test_natural_images_and_concepts(image_folder, tmp_path):
    pytest.importorskip("sklearn")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 3))
    # CRAFT needs a layer without negative values.
    x = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
    keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))).save(tmp_path / "m.keras")
    words = ["atlas", "build", "--model", str(tmp_path / "m.keras"), "--units", "logit:0", "--images", image_folder]
    words += ["--concepts", "2", "--concept-classes", "0", "--output", str(tmp_path / "atlas")]
    assert main([*words, *QUICK]) == 0
    store = Store.open(tmp_path / "atlas")
    assert store.keys("natural") == ["logit/0"]
    assert store.keys("classes") == ["0"]
    concepts = store.read("classes", "0")["concepts"]
    assert store.keys("items") == [*(f"{concept['key']}/seed-0" for concept in concepts), "logit/0/seed-0"]
    item = store.read("items", store.keys("items")[0])
    assert (item["kind"], item["command"]) == ("concept", None)
    rows = [json.loads(line) for line in _export(store.folder, tmp_path).read_text().splitlines()]
    assert rows[0]["importance"] == concepts[0]["importance"]
    assert rows[-1]["natural_images"] == 12


def _export(folder, tmp_path):
    assert main(["atlas", "export", str(folder), str(tmp_path / "table.jsonl")]) == 0
    return tmp_path / "table.jsonl"
