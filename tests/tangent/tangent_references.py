"""The tangent kernel by brute force: every Jacobian written out, then multiplied in float64."""

import contextlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks import is_double, trainable_mask
from zeroloss.plumbing import double

TOLERANCE = {"float32": 1e-5, "float64": 1e-11}


def jacobian(network, x, trainable=None, *, keep_whole=False):
    """`(n, c, p)`: derivatives of every output by every trained parameter."""
    wide = is_double(network)
    dtype = np.float64 if wide else np.float32
    moved, fixed = eqx.partition(network, trainable_mask(network, trainable))
    with double() if wide else contextlib.nullcontext():
        x = np.asarray(x)
        points = jnp.asarray(x, np.int32 if x.dtype.kind == "i" and keep_whole else dtype)
        leaves = jax.vmap(lambda v: jax.jacrev(lambda w: eqx.combine(w, fixed)(v))(moved))(points)
        parts = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(leaves)]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


def brute_force(network, x1, x2=None, trainable=None, *, keep_whole=False):
    """`(n1, n2, c, c)`."""
    first = jacobian(network, x1, trainable, keep_whole=keep_whole)
    second = first if x2 is None else jacobian(network, x2, trainable, keep_whole=keep_whole)
    return np.einsum("iap,jbp->ijab", first, second)


def form(full, outputs):
    """The diagonal or trace form of a full kernel."""
    if outputs == "full":
        return full
    diagonal = np.einsum("ijaa->ija", full)
    return diagonal if outputs == "diagonal" else diagonal.mean(-1)


def assert_close(found, expected, dtype, norms=None):
    """Relative to `|J_i| |J_j|`, the size of the terms an entry is summed from."""
    scale = np.abs(expected).max() if norms is None else norms
    assert found.shape == expected.shape
    assert found.dtype == dtype
    assert np.abs(found - expected).max() <= TOLERANCE[str(np.dtype(dtype))] * scale
