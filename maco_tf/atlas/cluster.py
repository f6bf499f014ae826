"""The share of a machine or a cluster that each worker gets from Ray: a GPU, or part of the cores."""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from maco_tf.checks import check_integer

_GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"


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


def import_ray() -> Any:
    """The module `ray`.

    Raises:
        ImportError: Ray is not installed; the message says how to install it.
    """
    # Ray reports how it is used to its makers, unless this is set.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            'Workers need Ray. Run: pip install "maco_tf[ray]". Or leave out "workers" and "ray"; then one process '
            "does the work."
        ) from error
    return ray


def start_ray(ray: Any, address: str | None) -> None:
    """Start Ray on this machine, or connect to a cluster, without its log and its dashboard.

    Args:
        ray: the module.
        address: see `Workers`.

    Raises:
        ConnectionError: there is no cluster at the address.
    """
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    variables = {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2")}
    if address is not None:
        ray.init(address, runtime_env={"env_vars": variables}, **quiet)
        return
    # Workers of this machine import what this process can import.
    variables["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ray.init("local", num_cpus=cores, include_dashboard=False, runtime_env={"env_vars": variables}, **quiet)


def check_growth() -> None:
    """Refuse workers on the GPUs of this machine if this process has taken all of the memory of the GPUs.

    Raises:
        ValueError: TensorFlow has reserved the memory.
    """
    gpus = tf.config.list_physical_devices("GPU")
    grows = os.environ.get(_GROWTH, "").lower() in ("true", "1") or all(
        tf.config.experimental.get_memory_growth(gpu) for gpu in gpus
    )
    if not grows:
        raise ValueError(
            f'"workers" must find free memory on the GPUs. Received: GPUs whose memory TensorFlow has reserved for '
            f"this process. Set {_GROWTH}=true in the environment before TensorFlow starts."
        )
