"""Gradient descent on `|F(w)|^2/(2n)` with what the five claims speak of, all seeds of a cell in one compiled program."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.studies.terjek_gonzalez_sanchez_width import problems

FLOOR = 1e-9
"""Descent stops when the loss is this share of the first: what float32 still resolves."""


def _length(tree: Any) -> Any:
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def _minus(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.subtract, a, b)


def follow(
    residual: Callable[..., Any], w: Any, eta: Any, n: int, most: int, floor: float = FLOOR
) -> tuple[Any, Any, Any]:
    """Weights at the end, `|F|^2` after each step `(most + 1,)` (NaN beyond the end), and the path's length."""
    first = residual(w)
    squares = jnp.full(most + 1, jnp.nan, first.dtype).at[0].set(first @ first)

    def go_on(state: Any) -> Any:
        t, _, _, squares, _ = state
        value = squares[t]
        return (t < most) & (value > floor * squares[0]) & (value < 1e6 * (squares[0] + 1))

    def step(state: Any) -> Any:
        t, w, r, squares, path = state
        (gradient,) = jax.vjp(residual, w)[1](r)
        move = jax.tree.map(lambda g: eta / n * g, gradient)
        w = _minus(w, move)
        r = residual(w)
        return t + 1, w, r, squares.at[t + 1].set(r @ r), path + _length(move)

    _, w, _, squares, path = jax.lax.while_loop(go_on, step, (0, w, first, squares, jnp.zeros((), first.dtype)))
    return w, squares, path


def measured(
    residual: Callable[..., Any],
    gram: Callable[..., Any],
    w0: Any,
    n: int,
    most: int,
    share: float,
    floor: float = FLOOR,
) -> dict[str, Any]:
    """One descent from `w0` with step `share n/lambda_max`, and what became of it (see `columns`)."""
    k0 = gram(w0)
    eigenvalues = jnp.linalg.eigvalsh(k0)
    eta = share * n / eigenvalues[-1]
    w, squares, path = follow(residual, w0, eta, n, most, floor)
    r0, push = jax.linearize(residual, w0)
    _, pull = jax.vjp(residual, w0)
    (shortest,) = pull(jnp.linalg.solve(k0, -r0))  # w_lin - w0
    moved = _minus(w, w0)
    change = residual(w) - r0
    return {
        "squares": squares,
        "path": path,
        "moved": _length(moved),
        "shortest": _length(shortest),
        "distance": _length(_minus(moved, shortest)),
        "linearisation": jnp.linalg.norm(change - push(moved)) / jnp.linalg.norm(change),
        "linearisation_absolute": jnp.linalg.norm(change - push(moved)),
        "drift": jnp.linalg.norm(gram(w) - k0) / jnp.linalg.norm(k0),
        "low": eigenvalues[0],
        "high": eigenvalues[-1],
        "eta": eta,
        "residual": jnp.linalg.norm(r0),
    }


def columns(found: dict[str, Any], n: int) -> dict[str, np.ndarray]:
    """Metrics of a block of runs.

    `rate`: the largest `r` with `loss_t <= e^{-r t} loss_0` at every step until the end; `predicted`: `-2 log(1 - eta
    lambda_min/n)`, that of the kernel at the start (from a float32 eigenvalue: a measurement, no bound); `gap`: last loss
    over first; `steps` taken.
    """
    wanted = {name: np.asarray(value, np.float64) for name, value in found.items()}
    squares = wanted.pop("squares")
    t = np.arange(1, squares.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        falls = -np.log(squares[:, 1:] / squares[:, :1]) / t
    taken = np.isfinite(squares[:, 1:]).sum(axis=1)
    last = np.array([row[k] for row, k in zip(squares, taken, strict=True)])
    predicted = -2 * np.log1p(-wanted["eta"] * np.maximum(wanted["low"], 0) / n)
    rate = np.nanmin(np.where(np.isfinite(falls), falls, np.nan), axis=1)
    return wanted | {"rate": rate, "predicted": predicted, "gap": last / squares[:, 0], "steps": taken}


def block(
    kind: str, networks: list[Any], data: list[tuple[Any, ...]], most: int, share: float, trainable: Any = None
) -> dict[str, Any]:
    """All of these networks on their data, in one program; `kind` is "regression", "physics" or "moments"."""
    moved, fixed = problems.split(
        jax.tree.map(lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *networks), trainable
    )
    _, static = eqx.partition(networks[0], eqx.is_array)
    mask = tuple(w is not None for w in moved.weights)
    dtype = jax.tree.leaves(moved)[0].dtype
    stacked = tuple(jnp.asarray(np.stack(parts), dtype) for parts in zip(*data, strict=True))
    return {k: np.asarray(v) for k, v in _block(moved, fixed, stacked, static, kind, mask, most, share).items()}


@eqx.filter_jit
def _block(moved: Any, fixed: Any, data: Any, static: Any, kind: Any, mask: Any, most: Any, share: Any) -> Any:
    arrays, _ = eqx.partition(fixed, eqx.is_array)

    def one(given: Any) -> Any:
        w0, others, own = given
        rest = eqx.combine(others, eqx.filter(static, lambda leaf: not eqx.is_array(leaf)))
        base = {"regression": problems.regression, "physics": problems.physics, "moments": problems.moments}[kind]

        def residual(w: Any) -> Any:
            return base(eqx.combine(w, rest), own)

        if kind == "regression":
            gram = functools.partial(_layerwise, rest=rest, own=own, mask=mask)
        else:
            gram = functools.partial(problems.dense_gram, base, fixed=rest, data=own)
        n = len(own[0]) if kind == "regression" else 1
        return measured(residual, gram, w0, n, most, share)

    return jax.lax.map(one, (moved, arrays, data))


def _layerwise(w: Any, rest: Any, own: Any, mask: Any) -> Any:
    return problems.regression_gram(eqx.combine(w, rest), own, mask)
