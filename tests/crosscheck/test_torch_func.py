"""The tangent kernel against PyTorch's `torch.func`: another library's derivatives of the same networks."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from zeroloss.plumbing import double
from zeroloss.tangent import kernel

torch = pytest.importorskip("torch")

from crosscheck_pairs import MAKERS, pair, torch_kernel  # noqa: E402

RELATIVE = 1e-10
LARGE = {"attention", "residual"}
EACH = [
    pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in MAKERS if name != "ungrouped_cnn"
]


def assert_equal(found: np.ndarray, expected: np.ndarray) -> None:
    """Relative to the largest entry: single entries cancel."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float64
    assert np.abs(found - expected).max() <= RELATIVE * np.abs(expected).max()


@pytest.mark.parametrize("name", EACH)
def test_every_architecture(name):
    both = pair(name)
    with torch.no_grad():
        answers = both.module(torch.from_numpy(both.x1)).numpy()
    with double():
        assert_equal(np.asarray(jax.vmap(both.network)(both.x1)), answers)
    expected = torch_kernel(both)
    full = kernel(both.network, both.x1, both.x2)
    assert_equal(full, expected)
    diagonal = np.einsum("ijaa->ija", expected)
    assert_equal(kernel(both.network, both.x1, both.x2, "diagonal"), diagonal)
    assert_equal(kernel(both.network, both.x1, both.x2, "trace"), diagonal.mean(-1))


@pytest.mark.parametrize("name", ["cnn", "attention"])
def test_one_set_of_points(name):
    both = pair(name)
    both.x2 = both.x1
    assert_equal(kernel(both.network, both.x1), torch_kernel(both))


def test_frozen_biases():
    """Only the weights are trained, in both: a mask of leaves here, a subset of the names there."""
    both = pair("cnn")
    path_and_leaf, treedef = jax.tree_util.tree_flatten_with_path(both.network)
    names = [getattr(path[-1], "name", "") for path, _ in path_and_leaf]
    mask = jax.tree_util.tree_unflatten(treedef, [name == "weight" for name in names])
    biases = tuple(name for name, _ in both.module.named_parameters() if name.endswith("bias"))
    assert len(biases) == names.count("bias") > 0
    assert_equal(kernel(both.network, both.x1, both.x2, trainable=mask), torch_kernel(both, frozen=biases))
