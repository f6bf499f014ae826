"""Horama's `maco` and the bare network in PyTorch; PyTorch itself is imported where `--torch` asks for it."""

import functools
import importlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

HORAMA = "Horama (PyTorch)"
TORCH_BARE = "bare network (PyTorch)"

_PACKAGES = ("torch", "torchvision", "horama", "timm")


def missing_packages():
    """Names of the packages that `--torch` needs and that are not there."""
    return [name for name in _PACKAGES if importlib.util.find_spec(name) is None]


def torch_methods(network, size, crops, settings):
    """The methods in PyTorch: the same architecture with random weights, since no file holds the same for both.

    Args:
        network: a `Network`.
        size: side of its input, pixels.
        crops: views a step.
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


def synchronise_torch():
    """Wait for what a GPU still has to do."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _load(network):
    module, name = network.torch
    # No gradient is asked of the weights, as none is in TensorFlow.
    return getattr(importlib.import_module(module), name)().eval().requires_grad_(False)


def _device():
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _bare_run(model, device, size, crops, steps):
    import torch

    images = torch.rand((crops, 3, size, size), device=device, requires_grad=True)

    def run(tick):
        for _ in range(steps):
            tick()
            torch.autograd.grad(model(images)[:, 0].mean(), images)

    return run


def _horama_run(model, device, size, crops, image_size, steps):
    """A step is what happens from one call of the objective to the next: it has no callbacks either.

    What lies between two calls is one backward pass, one change of the phase, one image, one set of crops and one
    forward pass. One crop alone it cannot take: it squeezes the batch's axis away.
    """
    from horama import maco

    def run(tick):
        def objective(images):
            # The spectrum has been read by now.
            os.chdir(before)
            tick()
            return model(images)[:, 0].mean()

        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            # It downloads into the working directory what xplique carries: the same file, by the same authors.
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


def _spectrum():
    package = importlib.util.find_spec("xplique").submodule_search_locations[0]
    return Path(package, "features_visualizations", "spectrum_decorrelated.npy")
