"""Gram-Gauss-Newton: steps in the space of the equations, to a residual near rounding.

With `r = y - f(X; w)` on the distinct inputs (rows weighted by the root of their multiplicity) and `J = DF(w)`, a step
is `w <- w + J^T a`, `(J J^T + mu I) a = r`.

Far from a solution the system is solved by conjugate gradients (`J J^T v` by one vjp and one jvp, preconditioned by the
Cholesky factor of the trace kernel plus `mu`), and a step is kept only if it lowers the loss; `mu` follows the
agreement with the model (Levenberg-Marquardt). That slows down near a solution, so at 1e-5 of the first loss the
full kernel is formed and factored *once*, and its factor preconditions the conjugate gradients of the Newton steps that
follow: near the solution one iteration suffices, which is a chord step `w <- w + J^T (K^-1 r)`, and they go on to
rounding.
Kernel and factor are kept: a proof needs them.

Small systems (up to `DENSE` equations) form the kernel at every step instead. Everything runs in float64.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg.lapack as lapack

from zeroloss.descent.history import Watch
from zeroloss.descent.objective import describe
from zeroloss.descent.result import Descent
from zeroloss.networks import Wrapped, as_given
from zeroloss.plumbing import Progress, double
from zeroloss.plumbing.derivatives import pushforward
from zeroloss.plumbing.format import format_bytes, format_seconds
from zeroloss.problem import Problem
from zeroloss.tangent.jaxpr.independence import check_independent
from zeroloss.tangent.kernel import kernel_matrix, trace_kernel

CLOSE = 1e-5
"""Share of the first loss below which the kernel hardly changes any more, so that one factor serves to the end."""
DENSE = 2000
KERNELS = 3
"""How often the full kernel may be formed."""
LARGEST = 40_000
"""Equations beyond which the full kernel is not formed (12.8 GB); only conjugate gradients are used."""


@eqx.filter_jit
def _residual(moved, fixed, x, y, weight):
    return weight * (y - jax.vmap(eqx.combine(moved, fixed))(x))


@eqx.filter_jit
def _product(moved, fixed, x, weight, v):
    """`J J^T v` with weighted rows."""

    def function(w):
        return weight * jax.vmap(eqx.combine(w, fixed))(x)

    _, pullback = eqx.filter_vjp(function, moved)
    (direction,) = pullback(v)
    return pushforward(function, moved, direction)[1]


@eqx.filter_jit
def _step(moved, fixed, x, weight, a):
    """`w + J^T a`."""

    def function(w):
        return weight * jax.vmap(eqx.combine(w, fixed))(x)

    _, pullback = eqx.filter_vjp(function, moved)
    (direction,) = pullback(a)
    return jax.tree.map(lambda w, d: w + d, moved, direction)


@dataclasses.dataclass
class _Run:
    """The state of a run."""

    moved: Any
    fixed: Any
    x: Any
    y: Any
    weight: Any
    mask: Any
    residual: np.ndarray
    may_form_kernel: bool
    mu: float = 0.0
    kernel: Any = None
    factor: Any = None
    kernel_network: Any = None

    @property
    def network(self):
        return eqx.combine(self.moved, self.fixed)

    def excess(self, residual: np.ndarray, n: int) -> float:
        value = float(residual.ravel() @ residual.ravel()) / (2 * n)
        return value if np.isfinite(value) else np.inf

    def try_step(self, a: np.ndarray) -> tuple[Any, np.ndarray]:
        moved = _step(self.moved, self.fixed, self.x, self.weight, jnp.asarray(a.reshape(self.residual.shape)))
        return moved, np.asarray(_residual(moved, self.fixed, self.x, self.y, self.weight))

    def form_kernel(self) -> np.ndarray:
        network = self.network
        matrix = kernel_matrix(network, np.asarray(self.x), trainable=self.mask, check=False)
        root = np.repeat(np.asarray(self.weight)[:, 0], self.residual.shape[1])
        if not (root == 1).all():
            matrix *= root[:, None]
            matrix *= root[None, :]
            matrix = 0.5 * (matrix + matrix.T)  # the two products round differently in the two triangles
        self.kernel_network = network
        return matrix


def gauss_newton(
    problem: Problem,
    *,
    steps: int,
    tolerance: float,
    seconds: float | None,
    progress: Progress,
    form_kernel: bool = True,
) -> Descent:
    """`descend(..., method="gauss-newton")`; the network is cast to float64 first, its weights are exact there.

    Without `form_kernel` only conjugate gradients with the trace kernel are used: less memory, and a slower end.
    """
    with double():
        initial, distinct = problem.double, problem.distinct
        if isinstance(initial, Wrapped):
            check_independent(initial, problem.inputs)
        weight = np.sqrt(np.asarray(distinct.sizes, np.float64))[:, None]
        moved, fixed = eqx.partition(initial, problem.mask)
        inputs, targets = jnp.asarray(distinct.x.reshape(-1, *problem.inputs.shape[1:])), jnp.asarray(distinct.y)
        roots = jnp.asarray(weight)
        residual = np.asarray(_residual(moved, fixed, inputs, targets, roots))
        run = _Run(moved, fixed, inputs, targets, roots, problem.mask, residual, form_kernel)
        return _run(run, problem, initial, steps, tolerance, seconds, progress)


def _run(run: _Run, problem: Problem, initial, steps, tolerance, seconds, progress) -> Descent:
    n, watch = len(problem.x), Watch(seconds)
    start = run.excess(run.residual, n)
    history: dict[str, list] = {"step": [0], "loss": [problem.infimum + start], "seconds": [0.0]}
    progress.stage("descent (Gauss-Newton)", f"{run.residual.size:,} equations, {_memory(run.residual.size)}")
    reason, interrupted, done = "", False, 0
    try:
        for done, excess in _steps(run, n, steps, start):
            history["step"].append(done)
            history["loss"].append(problem.infimum + excess)
            history["seconds"].append(watch.seconds)
            progress.update(
                min(1.0, _progress(start, excess, tolerance)), f"step {done}, loss {problem.infimum + excess:.3g}"
            )
            if excess <= tolerance:
                break
            if watch.over:
                reason = f"Stopped after {format_seconds(watch.seconds)}, the time given."
                break
    except KeyboardInterrupt:
        reason, interrupted = f"Interrupted after {done} steps; what was reached is kept.", True
    excess = run.excess(run.residual, n)
    converged = excess <= tolerance
    if converged:
        reason = f"Reached the tolerance: loss - infimum <= {tolerance:.3g} after {done} Gauss-Newton steps."
    elif not reason and done >= steps:
        reason = f"Stopped after {done} Gauss-Newton steps, the most allowed: loss - infimum {excess:.3g}."
    elif not reason:
        reason = f"No further progress after {done} Gauss-Newton steps: loss - infimum {excess:.3g}."
    return Descent(
        method="gauss-newton",
        loss_name="squared",
        loss=problem.infimum + excess,
        infimum=problem.infimum,
        converged=converged,
        reason=reason,
        steps=done,
        step_size=None,
        seconds=watch.seconds,
        history=history,
        trainable=describe(problem.trainable),
        interrupted=interrupted,
        network=as_given(run.network),
        initial=as_given(initial),
        kernel=run.kernel,
        factor=run.factor,
        kernel_network=as_given(run.kernel_network) if run.kernel is not None else None,
    )


def _memory(equations: int) -> str:
    return f"{format_bytes(2 * 8 * equations**2)} for kernel and factor"


def _progress(start, excess, tolerance) -> float:
    if not 0 < excess < start:
        return 0.0
    goal = max(tolerance, 1e-26)
    return float(np.log(start / excess) / max(np.log(start / goal), 1e-9)) if start > goal else 1.0


def _steps(run: _Run, n: int, steps: int, excess: float):
    """Yields `(step, loss - infimum)` after every accepted step; ends when nothing helps any more."""
    start = excess
    done, rejected, idle, slow = 0, 0, 0, 0
    dense = run.residual.size <= DENSE
    trace = _trace_kernel(run)
    run.mu = float(np.mean(np.diag(trace))) * 1e-2
    while done < steps and rejected < 12 and idle < 5:
        a, model = _solve(run, trace, dense)
        moved, residual = run.try_step(a)
        new = run.excess(residual, n)
        if not new < excess:
            run.mu *= 8
            rejected += 1
            continue
        # Levenberg-Marquardt: less damping where the linear model predicted the gain well, more where it did not.
        gain = (excess - new) / max(excess - model / (2 * n), 1e-300)
        run.mu *= 0.2 if gain > 0.75 else (1.0 if gain > 0.3 else 3.0)
        ratio, excess, rejected, done = new / excess, new, 0, done + 1
        slow = slow + 1 if ratio > 0.5 else 0
        idle = idle + 1 if ratio > 1 - 1e-6 else 0  # a stationary point with a positive residual
        run.moved, run.residual = moved, residual
        yield done, excess
        # One kernel and chord steps from here, when the model is good and conjugate gradients would only crawl.
        if not dense and run.may_form_kernel and run.residual.size <= LARGEST and (excess < CLOSE * start or slow >= 4):
            break
        trace = _trace_kernel(run)
    yield from _chords(run, n, steps, done, excess, start)


def _chords(run: _Run, n: int, steps: int, done: int, excess: float, start: float):
    """Newton steps by conjugate gradients preconditioned with one full factor; a new one only where the old fails."""
    if run.residual.size > LARGEST or not run.may_form_kernel:
        return
    for formed in range(1, KERNELS + 1):
        run.kernel = run.form_kernel()
        factor, info = lapack.dpotrf(np.array(run.kernel.T, order="F"), lower=1, clean=0, overwrite_a=1)
        if info != 0 or not np.isfinite(np.diag(factor)).all():
            run.factor = None
            return
        run.factor = factor

        def precondition(v, factor=factor):
            return lapack.dpotrs(factor, v.reshape(-1, 1), lower=1)[0].reshape(v.shape)

        def multiply(v):
            return np.asarray(_product(run.moved, run.fixed, run.x, run.weight, jnp.asarray(v)))

        at_start = True
        while done < steps:
            forcing = max(1e-4, min(0.05, (excess / start) ** 0.5))  # looser far away, tight near the solution
            a, _, iterations = _conjugate_gradients(multiply, precondition, run.residual, tolerance=forcing, most=12)
            found = _line_search(run, a, n, excess)
            if found is None:
                break
            length, excess = found
            done += 1
            yield done, excess
            stale = iterations > 8 and excess < 1e-6 * start  # a fresh factor costs less than many iterations per step
            if (length < 0.25 or (stale and formed < KERNELS)) and not at_start:
                break
            at_start = False
        if at_start or done >= steps or excess < 1e-20:
            return


def _line_search(run: _Run, a: np.ndarray, n: int, excess: float) -> tuple[float, float] | None:
    """The first of the lengths 1, 1/2, ... 1/64 that lowers the loss (by a tenth of what the model promises, if below
    1)."""
    length = 1.0
    while length > 1 / 100:
        moved, residual = run.try_step(length * a)
        new = run.excess(residual, n)
        # The linear model promises the factor (1 - length)^2, about 1 - 2 length; a tenth of that gain is required.
        if new < excess * (1 - 0.2 * length * (length < 1)):
            run.moved, run.residual = moved, residual
            return length, new
        length /= 2
    return None


def _trace_kernel(run: _Run) -> np.ndarray:
    matrix = trace_kernel(run.network, np.asarray(run.x), run.mask)
    root = np.asarray(run.weight)
    return matrix * (root * root.T)


def _solve(run: _Run, trace: np.ndarray, dense: bool) -> tuple[np.ndarray, float]:
    """`a` with `(K + mu) a ~ r`, and the squared residual the linear model promises, `|r - K a|^2`."""
    r = run.residual
    if dense:
        matrix = run.form_kernel()
        image = matrix @ _cholesky_solve(matrix, run.mu, r.reshape(-1, 1))
        a = _cholesky_solve(matrix, run.mu, r.reshape(-1, 1))[:, 0]
        return a, float(np.sum((r.reshape(-1, 1) - image) ** 2))
    factor = lapack.dpotrf(_shifted(trace, run.mu), lower=1, clean=0, overwrite_a=1)[0]

    def precondition(v):
        return lapack.dpotrs(factor, v, lower=1)[0]

    def multiply(v):
        return np.asarray(_product(run.moved, run.fixed, run.x, run.weight, jnp.asarray(v))) + run.mu * v

    a, left, _ = _conjugate_gradients(multiply, precondition, r, tolerance=0.1, most=30)
    return a.ravel(), float(np.sum((left + run.mu * a) ** 2))  # left = r - (K + mu) a


def _shifted(matrix: np.ndarray, mu: float) -> np.ndarray:
    copy = np.array(matrix.T, order="F")
    copy[np.diag_indices(len(copy))] += mu
    return copy


def _cholesky_solve(matrix: np.ndarray, mu: float, right: np.ndarray) -> np.ndarray:
    for _ in range(40):
        factor, info = lapack.dpotrf(_shifted(matrix, mu), lower=1, clean=0, overwrite_a=1)
        if info == 0 and np.isfinite(np.diag(factor)).all():
            return lapack.dpotrs(factor, right, lower=1)[0]
        # Not positive definite in floating point: more damping, until it is.
        mu = max(8 * mu, 1e-14 * float(np.mean(np.diag(matrix))) + 1e-300)
    return np.zeros_like(right)


def _conjugate_gradients(multiply, precondition, right, *, tolerance: float, most: int):
    """Preconditioned conjugate gradients; returns the solution, its residual, and the iterations it took."""
    solution, left = np.zeros_like(right), right.copy()
    z = precondition(left)
    direction, rho = z, float(np.sum(left * z))
    goal = tolerance * float(np.linalg.norm(right))
    iterations = 0
    for iterations in range(1, most + 1):  # noqa: B007
        image = multiply(direction)
        curvature = float(np.sum(direction * image))
        if not curvature > 0:
            break
        step = rho / curvature
        solution, left = solution + step * direction, left - step * image
        if np.linalg.norm(left) <= goal:
            break
        z = precondition(left)
        rho, before = float(np.sum(left * z)), rho
        direction = z + (rho / before) * direction
    return solution, left, iterations
