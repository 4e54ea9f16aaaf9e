"""The spectrum of a tangent kernel: enclosures of its ends, effective ranks, and where the targets lie in it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.linalg

from zeroloss.plumbing import InputError
from zeroloss.plumbing.exact import as_float64
from zeroloss.tangent.eigenvalues import EigenvalueEstimate, largest_eigenvalue, smallest_eigenvalue
from zeroloss.verdict import Record
from zeroloss.verified import eigenvalues as proved
from zeroloss.verified.eigenvalues import Enclosure
from zeroloss.verified.symmetric import as_matrix


@dataclasses.dataclass(frozen=True)
class ConditionNumber(Record):
    """`lower <= lambda_max/lambda_min <= upper` of a positive definite matrix, from two enclosures.

    Attributes:
        lower, upper: the bounds, infinite where none is known.
        reason: what they rest on, in words.
    """

    lower: float
    upper: float
    reason: str

    def __repr__(self) -> str:
        return f"<condition number in [{self.lower:.6g}, {self.upper:.6g}]: {self.reason}>"


@dataclasses.dataclass(frozen=True)
class Spectrum(Record):
    """What `spectrum` found.

    Attributes:
        eigenvalues: `(N,)`, ascending, as LAPACK computed them: off by about `N u lambda_max`, so the small ones may have no
            correct digit. For what is proved see `smallest` and `largest`.
        smallest, largest: enclosures.
        condition: the condition number, as an enclosure.
        trace: sum of the eigenvalues.
        entropy_rank: `exp(-sum p log p)`, `p` the eigenvalues over their sum (Roy & Vetterli, EUSIPCO 2007).
        participation_rank: `trace^2/|K|_F^2 = (sum lambda)^2/sum lambda^2`. Both ranks lie between 1 and `N`, the second
            never above the first; negative eigenvalues (rounding) count as 0.
        target_energy: `(N,)`, the share `|v_k^T y|^2/|y|^2` of the targets along each eigenvector, in the order of the
            eigenvalues; None without targets. Within an eigenspace of several dimensions only the sum has a meaning.
        alignment: kernel-target alignment, see `alignment`; None without targets.
    """

    eigenvalues: np.ndarray
    smallest: Enclosure
    largest: Enclosure
    condition: ConditionNumber
    trace: float
    entropy_rank: float
    participation_rank: float
    target_energy: np.ndarray | None = None
    alignment: float | None = None

    def __repr__(self) -> str:
        return (
            f"<spectrum of {len(self.eigenvalues)} eigenvalues in [{self.smallest.lower:.3g}, {self.largest.upper:.3g}], "
            f"effective rank {self.entropy_rank:.3g} (entropy), {self.participation_rank:.3g} (participation)>"
        )


def spectrum(k: Any, y: Any = None, *, entry_error: float = 0.0) -> Spectrum:
    """Eigenvalues, their enclosures, effective ranks, condition number, and the targets' place in them.

    Args:
        k: `(n, n)` or a full kernel `(n, n, c, c)`, symmetric, positive semi-definite.
        y: targets `(n, c)` or `(n,)`, if wanted.
        entry_error: a bound on the 2-norm of (stored - meant), counted in the enclosures.

    Raises:
        InputError: not square, not finite, zero, or targets that do not fit.
    """
    smallest = proved.smallest_eigenvalue(k, entry_error=entry_error)
    largest = proved.largest_eigenvalue(k, entry_error=entry_error)
    matrix = symmetric(k)
    energy = None
    if y is None:
        values = scipy.linalg.eigh(matrix, eigvals_only=True)
    else:
        target = _target(matrix, y)
        values, vectors = scipy.linalg.eigh(matrix)
        energy = np.sum((vectors.T @ target) ** 2, axis=1) / np.sum(target**2)
    positive = np.maximum(values, 0.0)
    total = float(positive.sum())
    if not total > 0:
        raise InputError("the kernel has no positive eigenvalue, so it has no effective rank; it must not be zero.")
    share = positive[positive > 0] / total
    return Spectrum(
        values,
        smallest,
        largest,
        _condition(smallest, largest),
        float(np.trace(matrix)),
        math.exp(-float(np.sum(share * np.log(share)))),
        1 / float(np.sum(share**2)),
        energy,
        None if y is None else alignment(k, y),
    )


def condition_number(k: Any, *, entry_error: float = 0.0) -> ConditionNumber:
    """`lambda_max/lambda_min` as an enclosure; `upper` is infinite where no positive bound on `lambda_min` is known.

    Args:
        k: a matrix `(n, n)`, a full kernel `(n, n, c, c)`, or a `KernelOperator` (whose bounds count no rounding).
    """
    return _condition(smallest_eigenvalue(k, entry_error=entry_error), largest_eigenvalue(k, entry_error=entry_error))


def _condition(smallest: Enclosure | EigenvalueEstimate, largest: Enclosure | EigenvalueEstimate) -> ConditionNumber:
    if smallest.upper <= 0:
        why = "the matrix is not positive definite: its smallest eigenvalue is at most 0"
        return ConditionNumber(math.inf, math.inf, why)
    lower = math.nextafter(max(largest.lower, 0.0) / smallest.upper, 0.0)
    about = smallest.about
    if not smallest.lower > 0:
        why = f"unknown from above: no positive lower bound on the smallest eigenvalue of {about}"
        return ConditionNumber(max(1.0, lower), math.inf, why)
    upper = math.nextafter(largest.upper / smallest.lower, math.inf)
    if math.isinf(upper):
        return ConditionNumber(
            max(1.0, lower), upper, f"unknown from above: no bound on the largest eigenvalue of {about}"
        )
    return ConditionNumber(max(1.0, lower), upper, f"from the enclosures of both eigenvalues of {about}")


def alignment(k: Any, y: Any, *, centered: bool = False) -> float:
    """Kernel-target alignment: the cosine between the kernel and the targets' own kernel,

        A = <K, y y^T>_F/(|K|_F |y y^T|_F),

    between 0 and 1 for a positive semi-definite kernel; 1 if the kernel is a multiple of `y y^T`. For an `(n, n)` kernel and
    `c` columns `y y^T` is the `(n, n)` matrix of rank `c` or less, for a full kernel `y` is one vector `(n c,)`.

    Args:
        k: `(n, n)` or `(n, n, c, c)`.
        y: `(n, c)` or `(n,)`.
        centered: `H K H` and `H y` for `K` and `y`, `H = I - 1 1^T/n` over examples, for each output by itself.

    Raises:
        InputError: shapes that do not fit; a kernel or targets that are zero (after centring).

    Standing: paper (Cristianini et al., NIPS 2001; centred: Cortes, Mohri & Rostamizadeh, JMLR 13 (2012) 795-828).
    """
    matrix = symmetric(k)
    target = _target(matrix, y)
    if centered:
        n = len(np.asarray(y))
        matrix, target = _centre(_centre(matrix, n).T, n).T, _centre(target, n)
    gram = target.T @ target
    size = float(np.linalg.norm(matrix)) * float(np.linalg.norm(gram))
    if not size > 1e-300:
        raise InputError("the kernel or the targets are zero (after centring: constant), so they have no alignment.")
    return float(np.sum(target * (matrix @ target))) / size


def _centre(rows: np.ndarray, n: int) -> np.ndarray:
    """`(n c, ...)`, example-major, less its mean over the examples."""
    apart = rows.reshape(n, -1, rows.shape[1])
    return (apart - apart.mean(axis=0)).reshape(rows.shape)


def symmetric(k: Any) -> np.ndarray:
    """The symmetric part of a kernel as a matrix, in float64; `InputError` if there is none."""
    matrix = as_matrix(as_float64(k, "entries of the kernel"))
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size or not np.isfinite(matrix).all():
        raise InputError(f"a kernel of shape {matrix.shape}: give a square one of finite numbers.")
    return 0.5 * (matrix + matrix.T)


def _target(matrix: np.ndarray, y: Any) -> np.ndarray:
    """`(N, 1)` for a full kernel of several outputs, `(n, c)` for one kernel for all of them."""
    y = as_float64(y, "targets")
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2 or not np.isfinite(y).all() or not np.any(y):
        raise InputError(f"targets of shape {y.shape}: give finite numbers (n, c), not all zero.")
    if len(y) == len(matrix):
        return y
    if y.size == len(matrix):
        return y.reshape(-1, 1)
    raise InputError(f"targets {y.shape} do not fit a kernel with {len(matrix)} rows; give one row per example.")
