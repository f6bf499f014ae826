"""Workers on Ray: shares of a cluster, copies of models, and a build that loses a worker."""

import os
import re
import signal
import sys
import threading
import time
from importlib.util import find_spec

import keras
import pytest

from maco_tf import Channel, Logit, MacoVisualizer
from maco_tf.atlas import build, workers
from maco_tf.atlas.chunks import plan_chunks
from maco_tf.atlas.cluster import find_share, start_ray
from maco_tf.atlas.explaining import Work
from maco_tf.atlas.plan import AtlasPlan
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.unit import Unit
from maco_tf.atlas.visualizer_copy import pack, unpack
from maco_tf.atlas.workers import Queue, Workers
from maco_tf.cli import main
from maco_tf.commands.arguments import import_modules
from tests.atlas.test_atlas_build import bits
from tests.conftest import build_tiny_model

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason='needs Ray: pip install "maco_tf[ray]"')

OPTIONS = ["--set", "transforms=[]", "--size", "32", "--steps", "60", "--batch", "1", "--quiet"]

# A layer that workers do not find by its name, as it comes from a file that the command imports.
MODULE = """
import keras

@keras.saving.register_keras_serializable("atlas_test")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x
"""


@pytest.mark.parametrize(
    ("machines", "count", "expected"),
    [
        ([{"CPU": 2}], 2, (2, 1, 0)),
        ([{"CPU": 8}], 3, (3, 2, 0)),
        ([{"CPU": 8}], None, (1, 8, 0)),
        ([{"CPU": 8}, {"CPU": 4}, {}], None, (2, 4, 0)),
        # Two workers of 4 cores on the first machine, and one on the second.
        ([{"CPU": 8}, {"CPU": 4}], 3, (3, 4, 0)),
        ([{"CPU": 16, "GPU": 2}], 2, (2, 8, 1)),
        ([{"CPU": 16, "GPU": 2}, {"CPU": 4, "GPU": 1}, {"CPU": 64}], None, (3, 4, 1)),
    ],
)
def test_shares_of_a_cluster(machines, count, expected):
    assert find_share(machines, count) == expected


@pytest.mark.parametrize(
    ("machines", "count", "message"),
    [
        ([{"CPU": 2}], 3, '"workers" must be an integer from 1 to 2'),
        ([{"CPU": 64, "GPU": 2}], 3, '"workers" must be an integer from 1 to 2'),
        ([{"CPU": 2}], 0, '"workers"'),
    ],
)
def test_more_workers_than_cores_or_gpus_are_refused(machines, count, message):
    with pytest.raises(ValueError, match=message):
        find_share(machines, count)


def test_a_worker_stays_with_its_layer_while_there_is_work():
    logits = [Unit(f"logit/{n}", "logit", None, n, str(n), Logit(n)) for n in range(2)]
    channels = [Unit(f"channel/a/{n}", "channel", "a", n, str(n), Channel("a", n)) for n in range(3)]
    queue = Queue([Work(chunk, chunk.keys) for chunk in plan_chunks([*logits, *channels], [0], 1)])
    # The largest group comes first, and the next worker begins the other one when as many are left of both.
    first = queue.take()
    second = queue.take()
    assert [part.wanted for part in (first, second)] == [["channel/a/0/seed-0"], ["logit/0/seed-0"]]
    first, second = queue.take(first), queue.take(second)
    assert [part.wanted for part in (first, second)] == [["channel/a/1/seed-0"], ["logit/1/seed-0"]]
    # A chunk of a lost worker comes back; nothing is left of the logits, so the worker goes over to the channels.
    queue.put_back(first)
    assert queue.left == 2
    assert [queue.take(second).wanted, queue.take(None).wanted] == [["channel/a/1/seed-0"], ["channel/a/2/seed-0"]]
    assert queue.left == 0


def test_without_ray_an_error_says_how_to_install_it(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "maco_tf\[ray\]"'):
        build(tiny_model, "logit:*", tmp_path / "atlas", workers=2)
    assert not (tmp_path / "atlas").exists()


@pytest.mark.parametrize(("options", "message"), [({"workers": 0}, '"workers"'), ({"workers": 1.5}, '"workers"')])
def test_wrong_numbers_of_workers(tiny_model, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        build(tiny_model, "logit:*", tmp_path / "atlas", **options)
    assert not (tmp_path / "atlas").exists()


def test_an_address_is_no_folder(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="s3://bucket/atlas"):
        build(tiny_model, "logit:*", "s3://bucket/atlas")
    assert not list(tmp_path.iterdir())


@needs_ray
def test_a_copy_has_the_settings_and_the_weights(tiny_model):
    copy = unpack(pack(MacoVisualizer(tiny_model, steps=7, crop_side=0.5)))
    assert (copy.steps, copy.crop_side, copy.model.name) == (7, 0.5, "tiny")
    assert [w.tolist() for w in copy.model.get_weights()] == [w.tolist() for w in tiny_model.get_weights()]


@needs_ray
def test_a_model_that_keras_cannot_save_is_refused(tmp_path):
    class Closed(keras.layers.Layer):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def call(self, x):
            return self.function(x)

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(Closed(lambda x: 2 * x)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    with pytest.raises(ValueError, match='"model" and all settings must be objects that'):
        build(model, "logit:*", tmp_path / "atlas", workers=2)
    assert not (tmp_path / "atlas").exists()


@pytest.fixture
def model_file(tmp_path, monkeypatch):
    """The file of a model, and that of the module of a layer in it."""
    module = tmp_path / "atlas_test_module.py"
    module.write_text(MODULE)
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    import_modules([str(module)])
    tiny = build_tiny_model()
    x = sys.modules[module.stem].Doubled()(tiny.get_layer("add").output)
    outputs = keras.layers.Dense(6, name="head")(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(tiny.input, outputs).save(tmp_path / "model.keras")
    return tmp_path / "model.keras", module


@needs_ray
@pytest.mark.slow
def test_a_lost_worker_loses_nothing_and_nothing_is_done_twice(model_file, tmp_path, monkeypatch):
    import ray

    file, module = model_file
    command = ["atlas", "build", "--model", str(file), "--import", str(module), "--units", "logit:*", "channel:conv:*"]
    assert main([*command, "--output", str(tmp_path / "one"), *OPTIONS]) == 0
    written, write, killed, folder = [], Store.write, [], tmp_path / "two"

    def counted(store, section, key, record, files):
        written.append(key)
        return write(store, section, key, record, files)

    def kill():
        """End a worker as soon as the first item is there and both workers are ready."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not killed:
            log = (folder / "log.txt").read_text() if (folder / "log.txt").exists() else ""
            ready = re.findall(r"ready: process (\d+)", log)
            if len(ready) == 2 and written:
                killed.append(int(ready[0]))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.01)

    monkeypatch.setattr(Store, "write", counted)
    was_running = ray.is_initialized()
    killer = threading.Thread(target=kill)
    killer.start()
    assert main([*command, "--output", str(folder), *OPTIONS, "--workers", "2"]) == 0
    killer.join()
    assert killed
    assert "A worker was lost while it explained" in (folder / "log.txt").read_text()
    assert sorted(written) == Store.open(folder).keys("items")
    assert len(written) == 10
    assert bits(folder) == bits(tmp_path / "one")
    # Ray ends with the run that started it.
    assert ray.is_initialized() == was_running


@pytest.fixture(scope="module")
def cluster():
    """Ray on this machine, which workers of this process share."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        start_ray(ray, None)
        yield ray
        ray.shutdown()


@needs_ray
@pytest.mark.slow
def test_workers_with_other_weights_are_refused(tiny_model, cluster):
    plan = AtlasPlan(tiny_model, "logit:*", steps=2, transforms=[])
    manifest = plan.manifest()
    manifest["model"]["weights"] = "others"
    with pytest.raises(ValueError, match="same weights"), Workers(plan.visualizer, manifest, 1):
        pass
    assert cluster.is_initialized()


class Deadly(keras.layers.Layer):
    """A layer that ends every process but the one that knows its secret."""

    def build(self, shape):
        if os.environ.get("MACO_TF_TEST_PROCESS") != str(os.getpid()):
            os._exit(1)

    def call(self, x):
        return x


@needs_ray
@pytest.mark.slow
def test_workers_that_cannot_start_end_the_run(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("MACO_TF_TEST_PROCESS", str(os.getpid()))
    monkeypatch.setattr(workers, "_LOSSES", 2)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(Deadly()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(x))
    with pytest.raises(RuntimeError, match="2 workers that ended while they started"):
        build(model, "logit:*", tmp_path, steps=2, transforms=[], workers=2, verbose=0)
    assert not (tmp_path / "items").exists()
