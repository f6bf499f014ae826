"""Workers on Ray: processes on this machine or on a cluster, each with the model and its own compiled function."""

import collections
import functools
import logging
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from maco_tf.atlas.describe import package_versions
from maco_tf.atlas.explained_items import Item, Writer, make_items
from maco_tf.atlas.explaining import Explainer, Outcome, Work
from maco_tf.atlas.progress import Progress
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.visualizer_copy import pack, unpack
from maco_tf.checks import check_integer
from maco_tf.models.digests import weights_digest
from maco_tf.visualizers.visualizer import Visualizer

# How many workers a batch may end, and how many may end while they start, before the run stops.
_LOSSES = 3
# Threads of this process that write what workers send. Most of the time of writing is waiting for the disk.
_WRITERS = 4
# Seconds until the first worker must be ready. A cluster may have to start machines.
_PATIENCE = 1800
_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"


class Workers:
    """Processes on Ray that explain chunks, within a block.

    Each gets a copy of the model, so it needs neither the model's file nor the package of its weights. Workers return
    encoded items, and only this process writes. So they need no folder in common, no item is written twice, and a
    worker that is lost leaves nothing behind.

    Args:
        visualizer: the visualizer of the atlas.
        manifest: the manifest of the atlas. Workers must have its weights and its versions of packages.
        count: number of workers. `None` is one for each GPU of the cluster or, without GPUs, one for each machine.
        address: the address of a Ray cluster, such as "auto" or "ray://head:10001". `None` starts Ray on this machine,
            unless this process has done so.

    Attributes:
        count: number of workers.

    Raises:
        ImportError: Ray is not installed.
        ValueError: workers cannot get a copy of the model, or the cluster has too few cores or GPUs.
        ConnectionError: there is no cluster at the address.
    """

    count: int

    def __init__(
        self, visualizer: Visualizer, manifest: Mapping[str, Any], count: int | None, address: str | None = None
    ) -> None:
        self._ray = _import_ray()
        self._wanted, self._address = count, address
        self._copy: Any = pack(visualizer)
        self._expected = _Facts(manifest["model"]["weights"], manifest["versions"], "")
        self._tasks: dict[Any, _Task] = {}
        self._idle: list[Any] = []
        self._losses: collections.Counter[int] = collections.Counter()
        self._news: list[str] = []

    def __enter__(self) -> "Workers":
        ray = self._ray
        self._ours = not ray.is_initialized()
        if self._ours:
            _start_ray(ray, self._address)
        try:
            share = find_share([node["Resources"] for node in ray.nodes() if node["Alive"]], self._wanted)
            if share.gpus and self._address is None:
                _check_growth()
            self.count, self._cores = share.workers, share.cores
            self._kind = ray.remote(_Worker).options(
                num_cpus=share.cores, num_gpus=share.gpus, scheduling_strategy="SPREAD"
            )
            self._copy = ray.put(self._copy)
            for _ in range(self.count):
                self._start_worker()
            while not self._idle:
                self._receive(_PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in [*self._idle, *(task.worker for task in self._tasks.values())]:
            self._ray.kill(worker)
        self._idle, self._tasks = [], {}
        if self._ours:
            self._ray.shutdown()

    def explain(self, store: Store, work: Sequence[Work], progress: Progress) -> list[str]:
        """Explain chunks, and write their items as they come. The chunk of a worker that is lost goes to another one.

        Args:
            store: the atlas.
            work: the chunks that are left.
            progress: the progress.

        Returns:
            The keys of items that could not be made, because a score or an image was not finite.

        Raises:
            OSError: see `Store.write`.
            RuntimeError: a chunk ended several workers.
        """
        manifest, queue, failed = self._ray.put(store.manifest), collections.deque(work), list[str]()
        with Writer(store, _WRITERS) as writer:
            while queue or any(task.part for task in self._tasks.values()):
                while queue and self._idle:
                    worker, part = self._idle.pop(), queue.popleft()
                    self._tasks[worker.explain.remote(part, manifest)] = _Task(worker, part)
                explained = self._receive()
                while self._news:
                    progress.say(self._news.pop(0))
                if explained is None:
                    continue
                part, items, outcome = explained
                if outcome is None:
                    queue.appendleft(part)
                else:
                    writer.write(functools.partial(list, items))
                    failed += outcome.report(progress, part)
        return failed

    def _start_worker(self) -> None:
        worker = self._kind.remote()
        self._tasks[worker.load.remote(self._copy, self._cores)] = _Task(worker, None)

    def _receive(self, patience: float | None = None) -> "_Explained | None":
        """Wait until a worker is ready, which returns `None`, or has explained its chunk, or is lost."""
        errors = self._ray.exceptions
        done, _ = self._ray.wait(list(self._tasks), timeout=patience)
        if not done:
            raise RuntimeError(f"Ray must start a worker within {patience} s. Received: none. See `ray status`.")
        worker, part = self._tasks.pop(done[0])
        try:
            found = self._ray.get(done[0])
        except (errors.RayActorError, errors.WorkerCrashedError, errors.ObjectLostError, errors.OutOfMemoryError):
            self._ray.kill(worker)
            self._count_loss(part)
            self._start_worker()
            return None if part is None else _Explained(part, [], None)
        except errors.RayTaskError as error:
            raise (error.cause or error) from None
        self._idle.append(worker)
        if part is not None:
            return _Explained(part, *found)
        self._losses[0] = 0
        for name, expected, received in zip(_Facts._fields[:2], self._expected, found, strict=False):
            if expected != received:
                raise ValueError(
                    f'"model" must have the same {name} in every worker. Received: {expected} here, and {received} in '
                    f"{found.place}."
                )
        self._news.append(f"A worker is ready: {found.place}")
        return None

    def _count_loss(self, part: Work | None) -> None:
        key, task = (0, "started") if part is None else (id(part.chunk), f"explained {part.chunk.keys[0]}")
        self._losses[key] += 1
        self._news.append(f"A worker was lost while it {task}. Another one takes its place.")
        if self._losses[key] == _LOSSES:
            raise RuntimeError(
                f"A worker must not end by itself. Received: {_LOSSES} workers that ended while they {task}. Usually "
                "memory is short: use fewer workers, a smaller batch or a smaller image_size."
            )


class Share(NamedTuple):
    """The part of a cluster that workers get.

    Attributes:
        workers: number of workers.
        cores: cores of a worker.
        gpus: GPUs of a worker, 0 or 1.
    """

    workers: int
    cores: int
    gpus: int


def find_share(machines: Sequence[Mapping[str, float]], count: int | None) -> Share:
    """Share a cluster between workers: one GPU for each or, if there is none, equal parts of the cores.

    Args:
        machines: dictionaries of Ray's resources, "CPU" and "GPU".
        count: number of workers; see `Workers`.

    Returns:
        A `Share`.

    Raises:
        ValueError: there are fewer GPUs, or fewer cores, than workers.
    """
    with_gpu = [machine for machine in machines if machine.get("GPU", 0) >= 1]
    if with_gpu:
        gpus = int(sum(machine["GPU"] for machine in with_gpu))
        count = gpus if count is None else check_integer("workers", count, 1, gpus)
        cores = min(machine.get("CPU", 1) // machine["GPU"] for machine in with_gpu)
        return Share(count, max(1, int(cores)), 1)
    sizes = sorted((int(machine.get("CPU", 0)) for machine in machines), reverse=True)
    count = max(1, sum(size > 0 for size in sizes)) if count is None else count
    count = check_integer("workers", count, 1, max(1, sum(sizes)))
    # The most cores that all of them can have.
    cores = next(cores for cores in range(max(1, *sizes), 0, -1) if sum(size // cores for size in sizes) >= count)
    return Share(count, cores, 0)


class _Task(NamedTuple):
    worker: Any
    part: Work | None


class _Explained(NamedTuple):
    """What a worker returned for a chunk; without an outcome, the worker was lost."""

    part: Work
    items: list[Item]
    outcome: Outcome | None


class _Facts(NamedTuple):
    """What a worker says of itself when it is ready."""

    weights: str
    versions: dict[str, str]
    place: str


class _Worker:
    """The actor. Its first call sets TensorFlow's threads, before anything starts them."""

    def load(self, copy: bytes, cores: int) -> _Facts:
        tf.config.threading.set_intra_op_parallelism_threads(cores)
        tf.config.threading.set_inter_op_parallelism_threads(cores)
        visualizer = unpack(copy)
        self._explainer = Explainer(visualizer)
        place = f"process {os.getpid()} on {socket.gethostname()}, {cores} {'core' if cores == 1 else 'cores'}"
        return _Facts(weights_digest(visualizer.model), package_versions(), place)

    def explain(self, part: Work, manifest: Mapping[str, Any]) -> tuple[list[Item], Outcome]:
        explanation, outcome = self._explainer.explain(part.chunk)
        items = [] if explanation is None else make_items(part.chunk, explanation, manifest, part.wanted)
        return items, outcome


def _import_ray() -> Any:
    # Ray reports how it is used to its makers, unless this is set.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            'Workers need Ray. Run: pip install "maco_tf[ray]". Without "workers" and "ray", one process does the work.'
        ) from error
    return ray


def _start_ray(ray: Any, address: str | None) -> None:
    """Start Ray on this machine, or connect to a cluster."""
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    variables = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")}
    if address is not None:
        ray.init(address, runtime_env={"env_vars": variables}, **quiet)
        return
    # Workers of this machine import what this process can import.
    variables["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ray.init("local", num_cpus=cores, include_dashboard=False, runtime_env={"env_vars": variables}, **quiet)


def _check_growth() -> None:
    """Refuse workers on the GPUs of this machine if this process has taken all of the memory of the GPUs."""
    gpus = tf.config.list_physical_devices("GPU")
    grows = os.environ.get(_GROWTH, "").lower() in ("true", "1") or all(
        tf.config.experimental.get_memory_growth(gpu) for gpu in gpus
    )
    if not grows:
        raise ValueError(
            f'"workers" on a GPU need its memory, but TensorFlow has reserved it for this process. Set {_GROWTH}=true '
            "in the environment before TensorFlow starts."
        )
