"""The tangent kernel against NNGeometry's Gram matrix: an independent layerwise computation, in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from zeroloss.tangent import kernel

torch = pytest.importorskip("torch")
nngeometry = pytest.importorskip("nngeometry")

from crosscheck_pairs import pair, torch_double  # noqa: E402

RELATIVE = 1e-10


def gram(module, x: np.ndarray) -> np.ndarray:
    """`(n, n, c, c)`; NNGeometry puts the outputs first, `(c, n, c, n)`."""
    points = torch.utils.data.TensorDataset(torch.from_numpy(x))
    loader = torch.utils.data.DataLoader(points, batch_size=2)
    with torch_double():  # it makes its buffers in PyTorch's default precision
        return nngeometry.GramMatrix(module, loader).to_torch().detach().numpy().transpose(1, 3, 0, 2)


# NNGeometry 0.4 disagrees with `torch.func` where a convolution has groups: it is asked about one without.
@pytest.mark.parametrize("name", ["mlp", "ungrouped_cnn"])
def test_kernel(name):
    """All points at once there, two sets of them here: their block of its matrix."""
    both = pair(name)
    n1 = len(both.x1)
    every = gram(both.module, np.concatenate([both.x1, both.x2]))
    expected, found = every[:n1, n1:], kernel(both.network, both.x1, both.x2)
    assert found.shape == expected.shape and found.dtype == expected.dtype == np.float64
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(every).max()
