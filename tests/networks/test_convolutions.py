"""Convolutions as products of patches are XLA's convolutions, with their gradients; no torch is needed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.networks.pytorch import OPERATORS
from zeroloss.networks.pytorch.operators.convolutions import WIDEST
from zeroloss.plumbing import double

NAMES = {1: ("NCH", "OIH", "NCH"), 2: ("NCHW", "OIHW", "NCHW"), 3: ("NCDHW", "OIDHW", "NCDHW")}
# dimensions, channels in and out, groups, side of the window, stride, padding, dilation
CASES = [
    (2, 6, 8, 1, 3, 1, 1, 1), (2, 6, 8, 1, 3, 2, 1, 2), (2, 6, 8, 1, 1, 2, 0, 1), (1, 6, 8, 1, 2, 3, 1, 1), (3, 6, 4, 1, 3, 2, 1, 1),
    (2, 6, 8, 2, 3, 2, 0, 2), (1, 6, 8, 2, 5, 3, 2, 1), (2, 6, 6, 3, 1, 1, 1, 1),
    (2, 6, 12, 6, 3, 1, 1, 1), (2, 6, 6, 6, 3, 2, 1, 2), (3, 4, 4, 4, 2, 1, 1, 1),
    (1, 2, 3, 1, WIDEST + 1, 2, 1, 1),
]  # fmt: skip


def ours(case, x, w):
    dims, _, _, groups, _, stride, padding, dilation = case
    convolution = OPERATORS["aten.convolution.default"]
    return convolution(x, w, None, [stride], [padding] * dims, [dilation], False, [0], groups)


def theirs(case, x, w):
    dims, _, _, groups, _, stride, padding, dilation = case
    return jax.lax.conv_general_dilated(
        x, w, [stride] * dims, [(padding, padding)] * dims, rhs_dilation=[dilation] * dims,
        dimension_numbers=NAMES[dims], feature_group_count=groups,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_product_is_the_convolution(case):
    dims, c_in, c_out, groups, side, _, _, dilation = case
    rng = np.random.default_rng(0)
    size = dilation * (side - 1) + 6
    with double():
        x = jnp.asarray(rng.standard_normal((1, c_in, *(size,) * dims)))
        w = jnp.asarray(rng.standard_normal((c_out, c_in // groups, *(side,) * dims)))
        found, back = jax.vjp(lambda x, w: ours(case, x, w), x, w)
        wanted, there = jax.vjp(lambda x, w: theirs(case, x, w), x, w)
        assert found.shape == wanted.shape
        v = jnp.asarray(rng.standard_normal(wanted.shape))
        for one, other in [(found, wanted), *zip(back(v), there(v), strict=True)]:
            assert np.abs(one - other).max() <= 1e-13 * np.abs(other).max()
