"""The tangent kernel of a network: `K[i, j, a, b] = <df_a(x_i)/dw, df_b(x_j)/dw>`, no 1/n inside."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np

from zeroloss.networks import Wrapped, is_double, trainable_mask
from zeroloss.plumbing import InputError, double
from zeroloss.tangent.independence import check_independent
from zeroloss.tangent.layerwise import factors, gram
from zeroloss.tangent.operator import probe

OUTPUTS = ("full", "trace", "diagonal")


def kernel(
    network: Any,
    x1: Any,
    x2: Any = None,
    outputs: str = "full",
    *,
    trainable: Any = None,
    check: bool = True,
) -> np.ndarray:
    """The tangent kernel between the rows of `x1` and of `x2` (by default `x1` itself).

    `K[i, j, a, b] = sum_w df_a(x1_i)/dw df_b(x2_j)/dw`, in the precision of the network.

    Args:
        network: called on one example; or `zeroloss.wrap(f, params)`.
        x1, x2: `(n1, ...)`, `(n2, ...)`.
        outputs: "full" `(n1, n2, c, c)`; "diagonal" `(n1, n2, c)`, `K[i, j, a, a]`; "trace" `(n1, n2)`, their mean. The
            trace form errs on the unsafe side at both ends of the spectrum: a picture and a preconditioner, no proof.
        trainable: which parameters count; see `zeroloss.networks.trainable_mask`.
        check: compare with one random probe `v^T K u` by the original function's own vjp and jvp.

    Raises:
        InputError: a network that does not fit the inputs, or a wrapped function that mixes examples.
        ArithmeticError: the probe disagrees (which would be a defect of this library: no wrong kernel is returned).
    """
    if outputs not in OUTPUTS:
        raise InputError(f"outputs={outputs!r}; choose one of {', '.join(OUTPUTS)}.")
    matrix, (n1, n2, c) = _compute(network, x1, x2, outputs, trainable, check)
    return matrix.reshape(n1, c, n2, c).transpose(0, 2, 1, 3) if outputs == "full" else matrix


def kernel_matrix(network: Any, x: Any, *, trainable: Any = None, check: bool = True) -> np.ndarray:
    """The full kernel on one set of points as a matrix `(n c, n c)`, example-major, bitwise symmetric."""
    return _compute(network, x, None, "full", trainable, check)[0]


def as_matrix(k: np.ndarray) -> np.ndarray:
    """A full kernel `(n, n, c, c)` as the matrix `(n c, n c)`, example-major (without a copy where there need be
    none)."""
    k = np.asarray(k)
    if k.ndim == 2:
        return k
    if k.ndim != 4:
        raise InputError(f"a kernel of shape {k.shape}: give a matrix (n, n), or a full kernel (n1, n2, c, c).")
    n1, n2, c, d = k.shape
    return k.transpose(0, 2, 1, 3).reshape(n1 * c, n2 * d)


def _compute(network, x1, x2, outputs, trainable, check):
    wide = is_double(network)
    dtype = np.float64 if wide else np.float32
    x1 = _points(x1, dtype)
    x2 = None if x2 is None else _points(x2, dtype)
    mask = trainable_mask(network, trainable)
    if wide:
        with double():
            return _inside(network, x1, x2, outputs, mask, check)
    return _inside(network, x1, x2, outputs, mask, check)


def _inside(network, x1, x2, outputs, mask, check):
    c = output_size(network, x1)
    for x in (x1,) if x2 is None else (x1, x2):
        if isinstance(network, Wrapped):
            check_independent(network, x)
    first = factors(network, x1, mask)
    second = None if x2 is None else factors(network, x2, mask)
    shape = (len(x1), len(x1) if x2 is None else len(x2), c)
    result = gram(first, second, shape, outputs)
    if not np.isfinite(result).all():
        raise InputError(
            "the tangent kernel is not finite: the weights or the inputs hold NaN, infinity or too large numbers."
        )
    if check:
        probe(network, x1, x2, mask, result, outputs, c)
    return result, shape


def _points(x: Any, dtype) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim < 1 or len(x) == 0:
        raise InputError(f"inputs of shape {x.shape}: give at least one example, as the rows of an array.")
    if not np.isfinite(np.asarray(x, np.float64)).all():
        raise InputError("the inputs hold NaN or infinity; remove or fill those rows.")
    return np.ascontiguousarray(x, dtype)


def output_size(network: Any, x: np.ndarray) -> int:
    """`c` of a network that maps one row of `x` to `(c,)`; `InputError` where it does not."""
    try:
        shape = eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(x.shape[1:], x.dtype)).shape
    except (TypeError, ValueError) as error:
        first = str(error).strip().split("\n")[0]
        raise InputError(f"the network does not take inputs of shape {x.shape[1:]}: {first}") from error
    if len(shape) != 1:
        raise InputError(
            f"the network answers one example with shape {shape}; it must be (c,), (1,) for a single number."
        )
    return int(shape[0])
