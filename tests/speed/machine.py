"""What figures depend on besides the code, without what would tell whose machine it is."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path

from maco_tf.version import __version__

_PACKAGES = ("tensorflow", "keras", "numpy", "xplique", "torch", "horama")
# Those that decide how fast matrix products are, in float32, bfloat16 and integers.
_INSTRUCTIONS = (
    *("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"),
    *("asimd", "sve", "bf16"),
)


def machine():
    """Versions, threads, instructions and devices.

    Returns:
        Dictionary of strings, numbers and lists.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    threading = tf.config.threading
    return {
        "versions": {"maco_tf": __version__, "python": platform.python_version(), **_versions()},
        "processor": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        # 0: TensorFlow takes as many as there are cores.
        "threads": {
            "within an operation": threading.get_intra_op_parallelism_threads(),
            "between operations": threading.get_inter_op_parallelism_threads(),
        },
        "instructions": _instructions(),
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name", "unknown") for gpu in gpus],
    }


def _versions():
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _instructions():
    """Of those that matter, the ones the processor says it has; `None` where it cannot be asked."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return None
    lines = re.findall(r"^(?:flags|Features)\s*:(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    present = set(lines[0].split()) if lines else set()
    return [name for name in _INSTRUCTIONS if name in present]
