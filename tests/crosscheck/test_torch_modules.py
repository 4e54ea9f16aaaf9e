"""Kernels of converted torch modules against `torch.func` on the modules themselves, in float64."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.tangent import kernel

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "networks"))

from torch_modules import made  # noqa: E402


def reference(module, x) -> np.ndarray:
    """`(n, n, c, c)` from one Jacobian an example."""
    parameters = {name: p.detach() for name, p in module.named_parameters()}

    def answer(p, row):
        return torch.func.functional_call(module, p, (row[None],)).reshape(-1)

    rows = [torch.func.jacrev(answer)(parameters, row) for row in x]
    jacobian = torch.stack([torch.cat([j.flatten(1) for j in row.values()], 1) for row in rows])
    return torch.einsum("iap,jbp->ijab", jacobian, jacobian).numpy()


SLOW = {"lstm", "gru", "resnet", "encoder", "norms"}
NAMES = ("perceptron", "images", "tokens", "norms", "lstm", "gru", "encoder", "resnet")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in NAMES])
def test_kernel(name):
    module, x = made(name, torch.float64)
    network = zl.from_torch(module, x, layers=False)
    found = kernel(network, x.numpy().reshape(len(x), -1))
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        # torch's fused attention has no batching rule for its derivative, and says so in a warning
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            expected = reference(module, x)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    assert found.dtype == np.float64
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.slow
def test_of_some_parameters_only():
    module, x = made("images", torch.float64)
    network = zl.from_torch(module, x)
    for name, p in module.named_parameters():
        p.requires_grad_(name.startswith("8."))
    frozen = zl.from_torch(module, x)  # the same by torch's own flag
    flat = x.numpy().reshape(len(x), -1)
    some = kernel(network, flat, trainable="8")
    assert np.array_equal(some, kernel(frozen, flat))
    assert np.abs(some).max() < np.abs(kernel(network, flat)).max()
