from maco_tf.cli import main


def test_every_layer_is_listed_with_its_shape(model_file, capsys):
    assert main(["layers", model_file]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["conv"].split("Conv2D")[1].strip() == "16 x 16 x 4"
    assert lines["head"].endswith("  5")


def test_a_model_that_does_not_exist(capsys):
    assert main(["layers", "absent.keras"]) == 2
    assert "must be a file that exists" in capsys.readouterr().err
