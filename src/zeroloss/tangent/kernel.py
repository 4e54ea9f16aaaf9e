"""The tangent kernel of a network: `K[i, j, a, b] = <df_a(x_i)/dw, df_b(x_j)/dw>`, no 1/n inside."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from zeroloss.networks import Wrapped, differentiable, is_double, precision, trainable_mask
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError
from zeroloss.plumbing.derivatives import explained
from zeroloss.plumbing.memory import available_bytes
from zeroloss.plumbing.operations import lowest_precision
from zeroloss.tangent.contraction import FEATURE_BYTES, gram, mirror
from zeroloss.tangent.jaxpr.independence import check_independent
from zeroloss.tangent.jaxpr.layerwise import Reading, parts, read
from zeroloss.tangent.points import output_size, points
from zeroloss.tangent.price import Estimate, price, refuse
from zeroloss.tangent.probe import probe

OUTPUTS = ("full", "trace", "diagonal")


@dataclasses.dataclass(frozen=True)
class Explained:
    """A tangent kernel, and how it was computed.

    Attributes:
        kernel: as `kernel` returns it.
        estimate: the rule and the contraction of each parameter, operations and memory, the expected and the measured time
            (`took`), and the lowest precision that the network computes in.
    """

    kernel: np.ndarray
    estimate: Estimate

    def __repr__(self) -> str:
        return f"<Explained: {self.estimate}>"


def kernel(
    network: Any,
    x1: Any,
    x2: Any = None,
    outputs: str = "full",
    *,
    trainable: Any = None,
    check: bool = True,
    explain: bool = False,
) -> np.ndarray:
    """The tangent kernel between the rows of `x1` and of `x2` (by default `x1` itself).

    `K[i, j, a, b] = sum_w df_a(x1_i)/dw df_b(x2_j)/dw`, in the precision of the network. Exact up to rounding (of the lowest
    precision that the network computes in, which `estimate` names), for any network: parameters that meet
    data in a way the rules know (`zeroloss.tangent.jaxpr.rules`) are contracted layer by layer, the others by their gradients,
    example by example.

    Args:
        network: called on one example; or `zeroloss.wrap(f, params)`; or what `zeroloss.networks.differentiable` takes.
        x1, x2: `(n1, ...)`, `(n2, ...)`; whole numbers (tokens) stay whole.
        outputs: "full" `(n1, n2, c, c)`; "diagonal" `(n1, n2, c)`, `K[i, j, a, a]`; "trace" `(n1, n2)`, their mean. The
            trace form errs on the unsafe side at both ends of the spectrum: use it for pictures and preconditioners, not for proofs.
        trainable: which parameters count; see `zeroloss.networks.trainable_mask`.
        check: compare with one random probe `v^T K u` by the original function's own vjp and jvp.
        explain: must be False; `explained_kernel` returns the kernel with its `Estimate`.

    Raises:
        InputError: a network that does not fit the inputs, a wrapped function that mixes examples, or a kernel that does
            not fit into memory.
        ArithmeticError: the probe disagrees (which would be a defect of this library: no wrong kernel is returned).
    """
    if explain:
        raise InputError(
            "kernel(..., explain=True) is no more: zeroloss.tangent.explained_kernel(...) returns .kernel and .estimate."
        )
    return _shaped(outputs, *_compute(network, x1, x2, outputs, trainable, check, False)[:2])


def explained_kernel(
    network: Any, x1: Any, x2: Any = None, outputs: str = "full", *, trainable: Any = None, check: bool = True
) -> Explained:
    """The tangent kernel with an account of how it was computed; arguments and errors are those of `kernel`.

    Returns:
        an `Explained`: `.kernel` is the array of `kernel`, bit for bit; `.estimate` says by which rule each parameter was
        served, what that cost, and how long it took.
    """
    matrix, sizes, priced = _compute(network, x1, x2, outputs, trainable, check, True)
    return Explained(_shaped(outputs, matrix, sizes), priced)


def _shaped(outputs: str, matrix: np.ndarray, sizes: tuple[int, int, int]) -> np.ndarray:
    """The full kernel `(n1, n2, c, c)` from its matrix `(n1 c, n2 c)`; the other forms as they are."""
    n1, n2, c = sizes
    return matrix.reshape(n1, c, n2, c).transpose(0, 2, 1, 3) if outputs == "full" else matrix


def estimate(network: Any, x1: Any, x2: Any = None, outputs: str = "full", *, trainable: Any = None) -> Estimate:
    """What `kernel` with these arguments would cost, without computing it: operations, bytes, expected seconds.

    Returns:
        an `Estimate`: also the rule and the contraction for each parameter. The seconds come from a short calibration of
        this machine (a matrix product) and are right to a factor of 3 or so.
    """
    if outputs not in OUTPUTS:
        raise InputError(f"outputs={outputs!r}; choose one of {', '.join(OUTPUTS)}.")
    network = differentiable(network, x1)
    x1, x2, scope = _prepared(network, x1, x2)
    with scope:
        output_size(network, x1)
        reading = read(network, x1, trainable_mask(network, trainable), len(x1 if x2 is None else x2), outputs)
        return price(reading, network, len(x1), None if x2 is None else len(x2), outputs, _itemsize(network))


def kernel_matrix(network: Any, x: Any, *, trainable: Any = None, check: bool = True) -> np.ndarray:
    """The full kernel on one set of points as a matrix `(n c, n c)`, example-major, bitwise symmetric."""
    return _compute(network, x, None, "full", trainable, check, False)[0]


def _compute(network, x1, x2, outputs, trainable, check, explain):
    """The kernel as a matrix (or in its shorter form), `(n1, n2, c)`, and its `Estimate` if `explain`, else None."""
    if outputs not in OUTPUTS:
        raise InputError(f"outputs={outputs!r}; choose one of {', '.join(OUTPUTS)}.")
    network = differentiable(network, x1)
    x1, x2, scope = _prepared(network, x1, x2)
    mask = trainable_mask(network, trainable)
    with scope, explained():
        c = output_size(network, x1)
        for x in (x1,) if x2 is None else (x1, x2):
            if isinstance(network, Wrapped):
                check_independent(network, x)
        n2 = len(x1) if x2 is None else len(x2)
        reading = read(network, x1, mask, n2, outputs)
        refuse(reading, len(x1), None if x2 is None else n2, outputs, _itemsize(network))
        priced = (
            price(reading, network, len(x1), None if x2 is None else n2, outputs, _itemsize(network))
            if explain
            else None
        )
        start = time.perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
            result = form(reading, network, x1, x2, outputs)
        took = time.perf_counter() - start
        if not np.isfinite(result).all():
            raise InputError(
                "the tangent kernel is not finite: the weights or the inputs hold NaN, infinity or too large numbers."
            )
        if check:
            probe(network, x1, x2, mask, result, outputs, c, lowest_precision(reading.reader.jaxpr))
    return result, (len(x1), n2, c), priced and priced.measured(took)


def form(reading: Reading, network: Any, x1: np.ndarray, x2: np.ndarray | None, outputs: str) -> np.ndarray:
    """The kernel as `gram` gives it, in blocks of examples where the parts of all of them would take too much."""
    n1, n2, c = len(x1), len(x1 if x2 is None else x2), reading.c
    room = min(FEATURE_BYTES, (available_bytes() or 8 * FEATURE_BYTES) // 4)
    each = reading.features(x1.dtype.itemsize if x1.dtype.kind == "f" else 8)
    if each * (n1 + (n2 if x2 is not None else 0)) <= room:
        second = None if x2 is None else parts(reading, network, x2, max(n1, n2))
        return gram(parts(reading, network, x1, max(n1, n2)), second, (n1, n2, c), outputs)
    block = max(1, int(room / 2 // max(1, each)))
    rows = [slice(i, min(i + block, n1)) for i in range(0, n1, block)]
    columns = rows if x2 is None else [slice(j, min(j + block, n2)) for j in range(0, n2, block)]
    k = c if outputs == "full" else 1
    result: Any = None
    for i in rows:
        first = parts(reading, network, x1[i], block)
        for j in columns:
            if x2 is None and j.start < i.start:
                continue
            same = x2 is None and i == j
            second = None if same else parts(reading, network, (x1 if x2 is None else x2)[j], block)
            found = gram(first, second, (i.stop - i.start, j.stop - j.start, c), outputs)
            if result is None:
                result = np.zeros((n1 * k, n2 * k, *found.shape[2:]), found.dtype)
            result[i.start * k : i.stop * k, j.start * k : j.stop * k] = found
    if x2 is None:
        for plane in [result] if result.ndim == 2 else [result[..., a] for a in range(c)]:
            mirror(plane)
    return result


def trace_kernel(network: Any, x: np.ndarray, mask: Any) -> np.ndarray:
    """The trace form `(n, n)` without checks, in the precision of `x`; for preconditioners."""
    return form(read(network, x, mask, len(x), "trace"), network, x, None, "trace")


def _prepared(network, x1, x2):
    """The points in the network's precision, and the scope to work in."""
    check_weights(network)
    return points(network, x1), None if x2 is None else points(network, x2), precision(network)


def _itemsize(network) -> int:
    return 8 if is_double(network) else 4
