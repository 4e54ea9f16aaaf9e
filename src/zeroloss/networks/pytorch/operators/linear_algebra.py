"""Inverses, systems of equations, decompositions, determinants."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.selecting import Unused
from zeroloss.networks.pytorch.operators.table import operator
from zeroloss.plumbing import InputError

_FACTORS = "the factors that a linear solve leaves behind"


def _turned(a):
    return jnp.swapaxes(a, -1, -2)


def _info(a):
    return jnp.zeros(a.shape[:-2], jnp.int32)


@operator("linalg_inv_ex.default")
def _inv_ex(a, check_errors=False):
    return jnp.linalg.inv(a), _info(a)


@operator("inverse.default", "linalg_inv.default")
def _inverse(a):
    return jnp.linalg.inv(a)


@operator("_linalg_solve_ex.default", "linalg_solve_ex.default")
def _solve_ex(a, b, left=True, check_errors=False):
    vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    b = b[..., None] if vector else b
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(m, (*batch, *m.shape[-2:])) for m in (a, b))
    x = jnp.linalg.solve(a, b) if left else _turned(jnp.linalg.solve(_turned(a), _turned(b)))
    return (x[..., 0] if vector else x), Unused(_FACTORS), Unused(_FACTORS), _info(a)


def _triangular(a, b, upper, left, unit, transposed=False):
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (jnp.broadcast_to(m, (*batch, *m.shape[-2:])) for m in (a, b))
    return jax.lax.linalg.triangular_solve(
        a, b, left_side=left, lower=not upper, transpose_a=transposed, unit_diagonal=unit
    )


@operator("linalg_solve_triangular.default")
def _solve_triangular(a, b, upper, left=True, unitriangular=False):
    return _triangular(a, b, upper, left, unitriangular)


@operator("triangular_solve.default")
def _triangular_solve(b, a, upper=True, transpose=False, unitriangular=False):
    return _triangular(a, b, upper, True, unitriangular, transpose), a


@operator("linalg_cholesky_ex.default")
def _cholesky_ex(a, upper=False, check_errors=False):
    lower = jnp.linalg.cholesky(a)
    return (_turned(lower) if upper else lower), _info(a)


@operator("cholesky.default")
def _cholesky(a, upper=False):
    return _cholesky_ex(a, upper)[0]


@operator("cholesky_solve.default")
def _cholesky_solve(b, factor, upper=False):
    lower = _turned(factor) if upper else factor
    return _triangular(lower, _triangular(lower, b, False, True, False), False, True, False, True)


@operator("cholesky_inverse.default")
def _cholesky_inverse(factor, upper=False):
    return _cholesky_solve(jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape), factor, upper)


@operator("_linalg_det.default")
def _det(a):
    return jnp.linalg.det(a), Unused(_FACTORS), Unused(_FACTORS)


@operator("_linalg_slogdet.default")
def _slogdet(a):
    sign, log = jnp.linalg.slogdet(a)
    return sign, log, Unused(_FACTORS), Unused(_FACTORS)


@operator("_linalg_svd.default")
def _svd(a, full_matrices=False, compute_uv=True, driver=None):
    if not compute_uv:
        nothing = Unused("singular vectors that were not computed")
        return nothing, jnp.linalg.svd(a, compute_uv=False), nothing
    return tuple(jnp.linalg.svd(a, full_matrices=full_matrices))


@operator("_linalg_eigh.default")
def _eigh(a, uplo="L", compute_v=True):
    if not compute_v:
        return jnp.linalg.eigvalsh(a, UPLO=uplo), Unused("eigenvectors that were not computed")
    return tuple(jnp.linalg.eigh(a, UPLO=uplo))


@operator("linalg_qr.default")
def _qr(a, mode="reduced"):
    if mode == "r":
        return jnp.zeros((0,), a.dtype), jnp.linalg.qr(a, mode="r")
    return tuple(jnp.linalg.qr(a, mode=mode))


@operator("linalg_householder_product.default")
def _householder_product(a, tau):
    """`H_1 ... H_k` without its last columns, `H_i = I - tau_i v_i v_i^T`, `v_i` the i-th column below a 1."""
    m, n = a.shape[-2:]
    k = tau.shape[-1]
    vectors = (jnp.tril(a, -1) + jnp.eye(m, n, dtype=a.dtype))[..., :k]

    def turn(q, given):
        v, t = given
        return q - t[..., None, None] * v[..., None] * (v[..., None, :] @ q), None

    start = jnp.broadcast_to(jnp.eye(m, n, dtype=a.dtype), a.shape)
    q, _ = jax.lax.scan(turn, start, (jnp.moveaxis(vectors, -1, 0), jnp.moveaxis(tau, -1, 0)), reverse=True)
    return q


@operator("linalg_matrix_exp.default")
def _matrix_exp(a):
    return jax.scipy.linalg.expm(a)


@operator("linalg_lu_factor_ex.default")
def _lu_factor_ex(a, pivot=True, check_errors=False):
    factors, pivots, _ = jax.lax.linalg.lu(a)
    return factors, pivots + 1, _info(a)


@operator("linalg_lu_solve.default")
def _lu_solve(factors, pivots, b, left=True, adjoint=False):
    permutation = jax.lax.linalg.lu_pivots_to_permutation(pivots - 1, factors.shape[-1])
    if not left:
        return _turned(_lu_solved(factors, permutation, _turned(b), not adjoint))
    return _lu_solved(factors, permutation, b, adjoint)


def _lu_solved(factors, permutation, b, transposed):
    """Of `A` with its rows permuted `A[permutation] = L U`."""
    place = permutation[..., None]
    if transposed:
        y = _triangular(factors, _triangular(factors, b, True, True, False, True), False, True, True, True)
        return jnp.take_along_axis(y, jnp.argsort(place, axis=-2), axis=-2)
    y = _triangular(factors, jnp.take_along_axis(b, place, axis=-2), False, True, True)
    return _triangular(factors, y, True, True, False)


@operator("linalg_pinv.atol_rtol_tensor", "linalg_pinv.default")
def _pinv(a, atol=None, rtol=None, hermitian=False):
    if atol is not None:
        raise InputError("a pseudo-inverse with an absolute tolerance is not translated; give it rtol=.")
    return jnp.linalg.pinv(a, rtol=max(a.shape[-2:]) * jnp.finfo(a.dtype).eps if rtol is None else rtol)


@operator("linalg_cross.default")
def _cross(a, b, dim=-1):
    return jnp.cross(a, b, axis=dim)


@operator("trace.default")
def _trace(a):
    return jnp.trace(a)
