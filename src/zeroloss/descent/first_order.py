"""Gradient descent, SGD and Adam: one compiled loop between two checks of the loss.

Full-batch gradient descent carries the gradient along, so that a step is one evaluation of loss and gradient, and stops
inside the loop as soon as the loss is at its goal or no longer finite. Data, weights and step sizes are arguments of
the compiled function, not constants in it.
"""

from __future__ import annotations

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

SIDE_BY_SIDE = (
    2**15
)  # numbers in a layer's activations over all networks that are stepped together: half a core's L2 cache


def start_state(moved, fixed, x, y, loss):
    """Loss and gradient at the start."""
    return _value_and_grad(moved, fixed, x, y, loss)


def objective(moved, fixed, x, y, loss):
    """The training loss as a function of the weights that move."""
    return loss(jax.vmap(eqx.combine(moved, fixed))(x), y)


@eqx.filter_jit
def _value_and_grad(moved, fixed, x, y, loss):
    return eqx.filter_value_and_grad(objective)(moved, fixed, x, y, loss)


@eqx.filter_jit
def advance(moved, gradient, value, fixed, x, y, steps, count, goal, loss):
    """Up to `count` steps `w <- w - step * grad`; returns weights, gradient, loss, how many steps were done.

    `steps` is a pytree of numbers like the weights.
    """

    def go_on(state):
        done, _, _, value = state
        return (done < count) & (value > goal) & jnp.isfinite(value)

    def step(state):
        done, moved, gradient, _ = state
        moved = jax.tree.map(lambda w, g, s: w - s * g, moved, gradient, steps)
        value, gradient = eqx.filter_value_and_grad(objective)(moved, fixed, x, y, loss)
        return done + 1, moved, gradient, value

    done, moved, gradient, value = jax.lax.while_loop(go_on, step, (jnp.zeros((), int), moved, gradient, value))
    return moved, gradient, value, done


@eqx.filter_jit
def advance_stacked(moved, gradient, value, fixed, x, y, steps, count, loss):
    """`count` steps of many networks (leading axis of every weight); no stop inside.

    Small networks go side by side, which saves the cost of each operation; larger ones one after another, each `count` steps,
    so that activations stay in the cache.
    """
    arrays, static = eqx.partition(fixed, eqx.is_array)

    def one(restart):
        *state, others, sizes = restart

        def step(_, state):
            moved, gradient, _ = state
            moved = jax.tree.map(lambda w, g, s: w - s * g, moved, gradient, sizes)
            value, gradient = eqx.filter_value_and_grad(objective)(moved, eqx.combine(others, static), x, y, loss)
            return moved, gradient, value

        return jax.lax.fori_loop(0, count, step, tuple(state))

    widest = max(leaf.shape[1] for leaf in jax.tree.leaves((moved, arrays)) if leaf.ndim > 1)
    together = max(1, SIDE_BY_SIDE // (len(x) * widest))
    return jax.lax.map(one, (moved, gradient, value, arrays, steps), batch_size=together)


@eqx.filter_jit
def start_stacked(moved, fixed, x, y, loss):
    """Loss and gradient of many networks at the start (leading axis of every weight, moved or fixed)."""
    return _each(moved, fixed, x, y, loss)


def _each(moved, fixed, x, y, loss):
    def one(weights, others):
        return eqx.filter_value_and_grad(objective)(weights, others, x, y, loss)

    return eqx.filter_vmap(one)(moved, fixed)


@functools.lru_cache
def optimizer(method: str) -> Any:
    """The Optax optimiser of that name, its step size injected (so that another one does not compile again)."""
    return optax.inject_hyperparams({"sgd": optax.sgd, "adam": optax.adam}[method])(learning_rate=1.0)


@eqx.filter_jit
def advance_optax(moved, state, key, fixed, x, y, batch, count, loss, method):
    """`count` steps on batches drawn without replacement within each; `batch` examples (None: all)."""
    rule = optimizer(method)

    def step(_, carried):
        moved, state, key = carried
        key, draw = jax.random.split(key)
        chosen = slice(None) if batch is None else jax.random.choice(draw, len(x), (batch,), replace=False)
        gradient = eqx.filter_grad(objective)(moved, fixed, x[chosen], y[chosen], loss)
        updates, state = rule.update(gradient, state, moved)
        return optax.apply_updates(moved, updates), state, key

    return jax.lax.fori_loop(0, count, step, (moved, state, key))


@eqx.filter_jit
def evaluate(moved, fixed, x, y, loss):
    """The training loss; with `stacked` weights use `start_stacked`."""
    return objective(moved, fixed, x, y, loss)
