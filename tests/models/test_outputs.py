"""One tensor out of everything that a model returns."""

import keras
import pytest

from maco_tf.models.outputs import model_output


class Named(keras.Model):
    """A model whose outputs have names without being computed."""

    def __init__(self, names=None):
        super().__init__(name="named")
        if names:
            self.output_names = names


@pytest.mark.parametrize(
    ("prediction", "names", "outputs"),
    [
        (7, None, {None: 7, "0": 7}),
        ([7], None, {None: 7, "0": 7}),
        ({"a": 7, "b": 8}, None, {"a": 7, "b": 8}),
        ([7, 8], None, {"0": 7, "1": 8}),
        ([7, 8], ["head", "box"], {"head": 7, "box": 8}),
        # One layer computes both outputs, so its name does not tell them apart.
        ([7, 8], ["split", "split"], {"0": 7, "1": 8}),
        ({"a": {"b": 7, "c": [8]}, "d": (9, 10)}, None, {"a/b": 7, "a/c": 8, "d/0": 9, "d/1": 10}),
    ],
)
def test_outputs_by_name(prediction, names, outputs):
    model = Named(names)
    for name, value in outputs.items():
        assert model_output(model, prediction, name) == value
    with pytest.raises(ValueError, match=r'"output" must be one of .*named.* Received: .absent'):
        model_output(model, prediction, "absent")
    if None not in outputs:
        with pytest.raises(ValueError, match=r'"output" must be one of .* Received: None.*Logit\('):
            model_output(model, prediction, None)
