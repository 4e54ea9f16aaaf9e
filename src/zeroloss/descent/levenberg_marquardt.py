"""Levenberg-Marquardt on many small problems at once: does a zero of the residual exist, or has descent not got there yet?

One problem: `F: R^p -> R^N`, loss `|F(w)|^2/2`. With `J = DF(w)`, `r = F(w)` and damping `mu > 0` the step is

    d = -J^T (J J^T + mu I)^-1 r   if N <= p,      d = -(J^T J + mu I)^-1 J^T r   if p < N,

the same vector, from a Cholesky factor in the smaller of the two dimensions. It is taken if the loss falls. The damping follows the
ratio `g` of what the loss loses to what the linear model promises, `(mu |d|^2 - d^T J^T r)/2`: a step taken multiplies `mu` by
`max(1/3, 1 - (2 g - 1)^3)`, a step refused by 2, 4, 8, ... (H. B. Nielsen 1999; K. Madsen, H. B. Nielsen, O. Tingleff, Methods for
non-linear least squares problems, 2004, algorithm 3.16).

All problems of a batch have one shape and go through one compiled loop; each has its own damping and stops by itself.
Problems of several sizes share a shape if the smaller ones are padded: a parameter that nothing depends on has a
column of zeros in `J` and stays where it is, an equation that is always 0 has a row of zeros.

Tried: the scaling of Marquardt (`mu diag(J^T J)`) needs the p x p form, and parameters without effect then have no damping at
all. Forming `J` by `jax.jacobian` costs N backward passes over all rows; for a network `jacobian` takes per-example
gradients, one backward pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from zeroloss.plumbing import InputError

SMALLEST_GAIN = 1e-9
"""A step that lowers the loss by a smaller part counts as idle."""
IDLE = 30
"""Idle or refused steps in a row after which a problem has stalled."""


class LeastSquares(NamedTuple):
    """The outcome of each problem.

    Attributes:
        w: `(b, p)` the best parameters found.
        loss: `(b,)` `|F(w)|^2/2` there.
        gradient: `(b,)` `|J^T F|` where it was last formed, at `w` or one step before it.
        steps: `(b,)` steps tried, taken or not.
        converged: `(b,)` whether the loss is at most the tolerance.
        stalled: `(b,)` whether it stopped since nothing lowered the loss any more, or began at one that is not finite.
            Neither converged nor stalled: the budget of steps was used up.
    """

    w: Any
    loss: Any
    gradient: Any
    steps: Any
    converged: Any
    stalled: Any


class _State(NamedTuple):
    w: Any
    loss: Any
    gradient: Any
    mu: Any
    factor: Any
    idle: Any
    steps: Any


def levenberg_marquardt(
    residual: Callable[..., Any],
    start: Any,
    arguments: tuple = (),
    *,
    jacobian: Callable[..., Any] | None = None,
    steps: int = 200,
    tolerance: float = 1e-24,
    damping: float = 1e-2,
) -> LeastSquares:
    """Minimise `|F(w)|^2/2` for each of `b` problems.

    Args:
        residual: `F(w, *rest)` of one problem, `(p,) -> (N,)`. Compiled once for each such function and shape, so give a
            function of a module and pass data as `arguments`.
        start: `(b, p)` where each begins, float64 (inside `zeroloss.double()`).
        arguments: arrays, or pytrees of arrays, with a leading axis `b`: the problem's own data.
        jacobian: `DF(w, *rest)`, `(p,) -> (N, p)`; by default from `residual`.
        steps: at most this many steps, taken or refused.
        tolerance: a loss of at most this is zero.
        damping: the first `mu`, as a part of the largest diagonal entry of `J^T J`.

    Raises:
        InputError: a start that is not `(b, p)` or not float64.

    Standing: recalled (textbook).
    """
    start = jnp.asarray(start)
    if start.ndim != 2 or start.dtype != jnp.float64:
        raise InputError(
            f"the start is {start.dtype} of shape {start.shape}; give float64 (b, p) inside `with zeroloss.double():`."
        )
    return _solve(
        residual, jacobian, start, arguments, jnp.asarray(steps), jnp.asarray(tolerance), jnp.asarray(damping)
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _solve(residual, jacobian, start, arguments, steps, tolerance, damping) -> LeastSquares:
    derivative = jacobian or (lambda w, *rest: jax.jacobian(lambda v: residual(v, *rest))(w))

    def loss_of(w, *rest):
        return 0.5 * jnp.sum(residual(w, *rest) ** 2)

    def first(w, *rest):
        squares = jnp.sum(derivative(w, *rest) ** 2, axis=0)
        whole = jnp.asarray(0)
        return _State(w, loss_of(w, *rest), jnp.inf, damping * jnp.max(squares), jnp.asarray(2.0), whole, whole)

    def active(state: _State):
        return (state.loss > tolerance) & (state.idle < IDLE) & (state.steps < steps)

    def one(state: _State, *rest):
        new = _step(state, residual(state.w, *rest), derivative(state.w, *rest), lambda w: loss_of(w, *rest))
        return jax.tree.map(lambda a, b: jnp.where(active(state), a, b), new, state)

    state = jax.vmap(first)(start, *arguments)
    state = jax.lax.while_loop(lambda s: jnp.any(jax.vmap(active)(s)), lambda s: jax.vmap(one)(s, *arguments), state)
    converged = state.loss <= tolerance
    stuck = (state.idle >= IDLE) | ~jnp.isfinite(state.loss)
    return LeastSquares(state.w, state.loss, state.gradient, state.steps, converged, ~converged & stuck)


def _step(state: _State, r, jac, loss_of) -> _State:
    """One step tried, and the damping after it."""
    gradient = jac.T @ r
    move = -_damped(jac, r, gradient, state.mu)
    loss = loss_of(state.w + move)
    promised = 0.5 * (state.mu * jnp.sum(move**2) - jnp.sum(move * gradient))
    ratio = (state.loss - loss) / promised
    taken = (loss < state.loss) & (promised > 0)
    gained = taken & (state.loss - loss > SMALLEST_GAIN * state.loss)
    shrink = jnp.maximum(1 / 3, 1 - (2 * jnp.minimum(ratio, 1e3) - 1) ** 3)
    return _State(
        jnp.where(taken, state.w + move, state.w),
        jnp.where(taken, loss, state.loss),
        jnp.linalg.norm(gradient),
        state.mu * jnp.where(taken, shrink, state.factor),
        jnp.where(taken, 2.0, 2 * state.factor),
        jnp.where(gained, 0, state.idle + 1),
        state.steps + 1,
    )


def _damped(jac, r, gradient, mu):
    """`(J^T J + mu)^-1 J^T r`, from the smaller of the two matrices; NaN where the factor fails, so that the step is refused."""
    equations, parameters = jac.shape
    if equations <= parameters:
        factor = jnp.linalg.cholesky(jac @ jac.T + mu * jnp.eye(equations), symmetrize_input=False)
        return jac.T @ jax.scipy.linalg.cho_solve((factor, True), r)
    factor = jnp.linalg.cholesky(jac.T @ jac + mu * jnp.eye(parameters), symmetrize_input=False)
    return jax.scipy.linalg.cho_solve((factor, True), gradient)
