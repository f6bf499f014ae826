import csv

import numpy as np
import pytest

from maco_tf import Channel, Exemplars, Logit, find_exemplars
from maco_tf.cli import main
from maco_tf.commands.exemplars import read_units
from maco_tf.exemplars import search
from tests.conftest import build_tiny_model


@pytest.fixture
def exemplars(model_file, image_folder):
    """Run a search of the tiny images by the tiny model; return the command's exit status."""

    def run(*arguments, units=("conv",)):
        search = ["--model", model_file, "--units", *units, "--images", image_folder, "--count", "3", "--quiet"]
        return main(["exemplars", *search, *map(str, arguments)])

    return run


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("channel:block5b_add:10,12", ["block5b_add:10", "block5b_add:12"]),
        ("logit:3", ["logit 3"]),
        ("0.5*logit:3 - channel:conv:1", ["0.5 logit 3 - conv:1"]),
        ("block5b_add", None),
        ("backbone/my_layer:0", None),
        ("tv", None),
    ],
)
def test_a_unit_is_an_objective_or_the_name_of_a_layer(text, names):
    (unit,) = read_units([text])
    assert unit == text if names is None else unit.names == names


@pytest.mark.slow
def test_a_folder_gets_what_find_exemplars_finds(exemplars, image_folder, tmp_path, capsys):
    output = tmp_path / "out"
    assert exemplars("--output", output, units=["conv", "logit:1,2"]) == 0
    units = ["conv", Logit([1, 2])]
    expected = find_exemplars(build_tiny_model(), units, image_folder, 3, verbose=0)
    found = Exemplars.load(output / "exemplars.npz")
    assert found.names == expected.names
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6)
    rows = list(csv.DictReader((output / "units.csv").read_text().splitlines()))
    assert [row["unit"] for row in rows] == expected.names
    assert {row["class_1"] for row in rows} <= set("abc")
    assert len(list((output / "sheets").iterdir())) == 6
    assert "6 units, 12 images" in capsys.readouterr().out


@pytest.mark.slow
def test_few_sheets_are_drawn_on_request(exemplars, tmp_path, capsys):
    assert exemplars("--output", tmp_path / "out", "--figures", 1) == 0
    assert [path.name for path in (tmp_path / "out" / "sheets").iterdir()] == ["0_conv_0.png"]
    assert "--figures 4" in capsys.readouterr().out


@pytest.mark.slow
def test_options_reach_the_search(exemplars, tmp_path):
    output = tmp_path / "out.npz"
    options = ["--rank", "relevance", "--distinct", "--shard", "1/2", "--batch-size", 5, "--preprocessing", "tf"]
    assert exemplars("--output", output, *options) == 0
    config = Exemplars.load(output).config
    expected = {"rank": "relevance", "distinct": True, "shards": [[1, 2]], "preprocessing": "tf", "count": 3}
    assert {name: config[name] for name in expected} == expected
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.slow
def test_merged_shards_are_the_whole_search(exemplars, tmp_path, capsys):
    whole, *parts = (tmp_path / f"{name}.npz" for name in ("whole", "0", "1"))
    assert exemplars("--output", whole) == 0
    for number, part in enumerate(parts):
        assert exemplars("--output", part, "--shard", f"{number}/2") == 0
    for output in (tmp_path / "merged.npz", tmp_path / "merged"):
        assert main(["exemplars", "--merge", *map(str, parts), "--output", str(output), "--quiet"]) == 0
    expected = Exemplars.load(whole)
    for merged in (tmp_path / "merged.npz", tmp_path / "merged" / "exemplars.npz"):
        found = Exemplars.load(merged)
        np.testing.assert_array_equal(found.indices, expected.indices)
        assert found.statistics.images == 12
    assert len(list((tmp_path / "merged" / "sheets").iterdir())) == 4
    assert main(["exemplars", "--merge", str(parts[0]), str(parts[0]), "--output", str(tmp_path / "x.npz")]) == 2
    assert "must be different shards" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_search_goes_on_from_its_checkpoint(exemplars, tmp_path, capsys, monkeypatch):
    checkpoint, output = tmp_path / "checkpoint.npz", tmp_path / "out.npz"
    flags = ["--output", output, "--checkpoint", checkpoint, "--batch-size", 4]
    update = search.Tally.update

    def interrupted(tally, *arguments):
        update(tally, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search.Tally, "update", interrupted)
        assert exemplars(*flags) == 130
    assert "Run the same command again" in capsys.readouterr().out
    assert Exemplars.load(checkpoint).statistics.images == 4
    assert not output.exists()
    assert exemplars(*flags) == 0
    assert Exemplars.load(output).statistics.images == 12


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--model", "absent.keras"], "a file that exists"),
        (["--images", "no_such_folder"], '"--images" must be a folder'),
        (["--units", "channel:conv"], "Received: 'channel:conv'"),
        (["--units", "cnv"], "Did you mean conv"),
        (["--units", "logit:99"], "must lie in 0..4"),
        (["--units", "logit:1", "--rank", "relevance"], '"units" must be channels'),
        (["--count", "0"], '"count" must be an integer'),
        (["--count", "99"], '"count" must not exceed the number of images, 12'),
        (["--figures", "-1"], '"--figures" must be an integer'),
        (["--batch-size", "0"], '"batch_size" must be'),
        (["--output", "found.csv"], '"--output" must end in .npz'),
        (["--import", "no_such_module"], '"--import" must name'),
        (["--merge", "a.npz"], '"--model" besides it'),
    ],
)
def test_a_wrong_argument_is_named_and_exits_with_two(exemplars, tmp_path, capsys, changed, message):
    assert exemplars("--output", tmp_path / "out", *changed) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize("option", ["--model", "--units", "--images"])
def test_a_search_needs_a_model_units_and_images(image_folder, model_file, tmp_path, capsys, option):
    given = {"--model": model_file, "--units": "conv", "--images": image_folder}
    flags = [part for name, value in given.items() if name != option for part in (name, value)]
    assert main(["exemplars", *flags, "--output", str(tmp_path / "out")]) == 2
    assert f'"{option}" must be given' in capsys.readouterr().err


def test_only_files_that_exist_are_merged(tmp_path, capsys):
    assert main(["exemplars", "--merge", "absent.npz", "--output", str(tmp_path / "out")]) == 2
    assert '"--merge" must name files that exist. Received: absent.npz' in capsys.readouterr().err


@pytest.mark.parametrize("shard", ["2", "2/2", "a/b", "-1/2", "1/2/3"])
def test_a_shard_is_a_number_below_a_count(exemplars, tmp_path, capsys, shard):
    with pytest.raises(SystemExit, match="2"):
        exemplars("--output", tmp_path / "out", f"--shard={shard}")
    assert "from 0/8 to 7/8" in capsys.readouterr().err


@pytest.mark.slow
def test_a_channel_can_be_named_among_layers(exemplars, tmp_path):
    assert exemplars("--output", tmp_path / "out.npz", units=["channel:conv:2,0", "head"]) == 0
    names = Exemplars.load(tmp_path / "out.npz").names
    assert names == Channel("conv", [2, 0]).names + [f"head:{unit}" for unit in range(5)]
