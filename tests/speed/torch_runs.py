"""Horama's `maco` and the bare network in PyTorch. PyTorch is imported only for `--torch`."""

import functools
import importlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.speed.settings import Settings
from tests.speed.timing import Run

if TYPE_CHECKING:
    from tests.speed.runs import Network

HORAMA = "Horama (PyTorch)"
TORCH_BARE = "bare network (PyTorch)"

_PACKAGES = ("torch", "torchvision", "horama", "timm")


def missing_packages() -> list[str]:
    """The packages that `--torch` needs and that are not installed."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def torch_methods(network: "Network", size: int, crops: int, settings: Settings) -> dict[str, Callable[[int], Run]]:
    """The methods in PyTorch, on the same architecture. Its weights are random: no file holds the same for both.

    Args:
        network: a `Network`.
        size: side of its input, pixels.
        crops: views per step.
        settings: a `Settings`.

    Returns:
        Dictionary, name -> function of the number of steps that makes a run.
    """
    model, device = _load(network), _device()
    model.to(device)
    return {
        TORCH_BARE: functools.partial(_bare_run, model, device, size, crops),
        HORAMA: functools.partial(_horama_run, model, device, size, crops, settings.image_size),
    }


def synchronise_torch() -> None:
    """Wait until the GPU has finished."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _load(network: "Network") -> Any:
    module, name = network.torch
    # As in TensorFlow, the gradient of the weights is not computed.
    return getattr(importlib.import_module(module), name)().eval().requires_grad_(False)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _bare_run(model: Any, device: str, size: int, crops: int, steps: int) -> Run:
    import torch

    images = torch.rand((crops, 3, size, size), device=device, requires_grad=True)

    def run(tick: Callable[[], None]) -> None:
        for _ in range(steps):
            tick()
            torch.autograd.grad(model(images)[:, 0].mean(), images)

    return run


def _horama_run(model: Any, device: str, size: int, crops: int, image_size: int, steps: int) -> Run:
    """Horama has no callbacks, so a step lasts from one call of the objective to the next.

    Between two calls lie one backward pass, one change of the phase, one image, one set of crops and one forward pass.
    Horama cannot take a single crop, because it squeezes the axis of the batch away.
    """
    from horama import maco

    def run(tick: Callable[[], None]) -> None:
        def objective(images: Any) -> Any:
            # Horama has read the spectrum by now.
            os.chdir(before)
            tick()
            return model(images)[:, 0].mean()

        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            # Horama would download the spectrum into the working directory. xplique ships the same file, by the same
            # authors.
            shutil.copy(_spectrum(), folder)
            os.chdir(folder)
            try:
                maco(
                    objective,
                    total_steps=steps,
                    image_size=image_size,
                    model_input_size=size,
                    crops_per_iteration=crops,
                    device=device,
                )
            finally:
                os.chdir(before)

    return run


def _spectrum() -> Path:
    package = importlib.util.find_spec("xplique").submodule_search_locations[0]
    return Path(package, "features_visualizations", "spectrum_decorrelated.npy")
