"""Hessian and Gauss-Newton products against PyTorch's `torch.func` on the same networks."""

from __future__ import annotations

import numpy as np
import pytest

from zeroloss.audit.curvature import GaussNewton, Hessian

torch = pytest.importorskip("torch")

from crosscheck_pairs import OUTPUTS, pair  # noqa: E402


def torch_hessian(both, y, loss):
    """`(H, names)`: the dense Hessian of the mean loss over the module's parameters, in their order."""
    weights = {name: p.detach() for name, p in both.module.named_parameters()}
    sizes = [p.numel() for p in weights.values()]
    flat = torch.cat([p.ravel() for p in weights.values()])
    x, target = torch.from_numpy(both.x1), torch.from_numpy(y)

    def total(vector):
        parts = torch.split(vector, sizes)
        named = {name: part.reshape(p.shape) for (name, p), part in zip(weights.items(), parts, strict=True)}
        out = torch.func.functional_call(both.module, named, (x,))
        if loss == "squared":
            return 0.5 * ((out - target) ** 2).sum() / len(x)
        return -(target * torch.log_softmax(out, dim=1)).sum() / len(x)

    return torch.func.jacrev(torch.func.grad(total))(flat).numpy()


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
def test_the_spectrum_of_the_hessian_is_torchs(loss):
    """The order of the parameters differs, so spectra are compared; the products are formed by unit vectors."""
    both = pair("mlp")
    y = np.eye(OUTPUTS)[np.arange(len(both.x1)) % OUTPUTS]
    expected = torch_hessian(both, y, loss)
    operator = Hessian(both.network, both.x1, y, loss, block=3)
    assert operator.size == len(expected)
    found = np.array([operator.multiply(e) for e in np.eye(operator.size)])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(np.linalg.eigvalsh(found), np.linalg.eigvalsh(expected), atol=1e-10 * scale)


def test_the_gauss_newton_matrix_is_torchs_kernel_at_squared_loss():
    from crosscheck_pairs import torch_kernel

    both = pair("mlp")
    y = np.zeros((len(both.x1), OUTPUTS))
    operator = GaussNewton(both.network, both.x1, y, "squared")
    found = np.array([operator.multiply(e) for e in np.eye(operator.size)])
    both.x2 = both.x1
    k = torch_kernel(both)
    expected = k.transpose(0, 2, 1, 3).reshape(operator.size, operator.size) / len(both.x1)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
