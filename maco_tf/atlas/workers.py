"""Workers on Ray: processes on this machine or on a cluster, each with the model and its own compiled function."""

import collections
import functools
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from maco_tf.atlas.cluster import check_growth, find_share, import_ray, start_ray
from maco_tf.atlas.describe import package_versions
from maco_tf.atlas.explained_items import Item, Writer, make_items
from maco_tf.atlas.explaining import Explainer, Faults, Outcome, Work
from maco_tf.atlas.progress import Progress
from maco_tf.atlas.record_store import Store
from maco_tf.atlas.visualizer_copy import pack, unpack
from maco_tf.models.digests import weights_digest
from maco_tf.visualizers.visualizer import Visualizer

# How many workers a batch may end, and how many may end while they start, before the run stops.
_LOSSES = 3
# Threads of this process that write what workers send. Most of the time of writing is waiting for the disk.
_WRITERS = 4
# Seconds until the first worker must be ready. A cluster may have to start machines.
_PATIENCE = 1800


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
        self._ray = import_ray()
        self._wanted, self._address = count, address
        self._copy: Any = pack(visualizer)
        self._expected = _Facts(manifest["model"]["weights"], manifest["versions"], "")
        self._tasks: dict[Any, _Task] = {}
        self._idle: list[_Task] = []
        self._losses: collections.Counter[int] = collections.Counter()
        self._news: list[str] = []

    def __enter__(self) -> "Workers":
        ray = self._ray
        self._ours = not ray.is_initialized()
        if self._ours:
            start_ray(ray, self._address)
        try:
            share = find_share([node["Resources"] for node in ray.nodes() if node["Alive"]], self._wanted)
            if share.gpus and self._address is None:
                check_growth()
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
        for task in [*self._idle, *self._tasks.values()]:
            self._ray.kill(task.worker)
        self._idle, self._tasks = [], {}
        if self._ours:
            self._ray.shutdown()

    def explain(self, store: Store, work: Sequence[Work], progress: Progress) -> Faults:
        """Explain chunks, and write their items as they come. The chunk of a worker that is lost goes to another one.

        Args:
            store: the atlas.
            work: the chunks that are left.
            progress: the progress.

        Returns:
            The `Faults` of the items.

        Raises:
            OSError: see `Store.write`.
            RuntimeError: a chunk ended several workers.
        """
        manifest, queue, faults = self._ray.put(store.manifest), Queue(work), Faults()
        with Writer(store, _WRITERS) as writer:
            while queue.left or any(task.part for task in self._tasks.values()):
                while queue.left and self._idle:
                    worker, earlier = self._idle.pop()
                    part = queue.take(earlier)
                    self._tasks[worker.explain.remote(part, manifest)] = _Task(worker, part)
                explained = self._receive()
                while self._news:
                    progress.say(self._news.pop(0))
                if explained is None:
                    continue
                part, items, outcome = explained
                if outcome is None:
                    queue.put_back(part)
                else:
                    writer.write(functools.partial(list, items))
                    outcome.report(progress, part, faults)
        return faults

    def _start_worker(self) -> None:
        worker = self._kind.remote()
        self._tasks[worker.load.remote(self._copy, self._cores)] = _Task(worker, None)

    def _receive(self, patience: float | None = None) -> "_Explained | None":
        """Wait until a worker is ready, which returns `None`, or has explained its chunk, or is lost."""
        errors = self._ray.exceptions
        done, _ = self._ray.wait(list(self._tasks), timeout=patience)
        if not done:
            raise RuntimeError(f"Ray must start a worker within {patience} s. Received: no worker. Run: ray status")
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
        self._idle.append(_Task(worker, part))
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
                f"Workers must not be lost. Received: {_LOSSES} workers that ended while they {task}. The usual reason "
                "is too little memory: use fewer workers, a smaller batch or a smaller image_size."
            )


class Queue:
    """The work that is left, from which a worker gets batches of the layer that it has compiled, if there are any.

    Args:
        work: the work, in any order.
    """

    def __init__(self, work: Iterable[Work]) -> None:
        self._groups: dict[str, collections.deque[Work]] = {}
        self.left = 0
        for part in work:
            self._groups.setdefault(part.chunk.group, collections.deque()).append(part)
            self.left += 1

    def take(self, earlier: Work | None = None) -> Work:
        """Take a chunk out of the queue, which must not be empty.

        Args:
            earlier: what the worker explained before. Its group comes first, then the group with the most chunks.
        """
        same = None if earlier is None else self._groups[earlier.chunk.group]
        self.left -= 1
        return (same or max(self._groups.values(), key=len)).popleft()

    def put_back(self, part: Work) -> None:
        """Put a chunk back, which comes first in its group."""
        self._groups[part.chunk.group].appendleft(part)
        self.left += 1


class _Task(NamedTuple):
    """A worker and its work; `None` if it loads the model."""

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
