"""Forward derivatives of functions whose own derivative rule is for the reverse direction only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.operations import equations


def pushforward(function: Callable[[Any], Any], at: Any, direction: Any) -> tuple[Any, Any]:
    """`(f(at), J u)` with `J` the derivative of `function` at `at`, `u` the `direction` (call inside a JAX transformation or not).

    By one forward pass. A function with a derivative rule of its own (`jax.custom_vjp`) has none: there `J u` is the derivative of
    the pullback `c -> J^T c`, which is linear in `c`, in the direction `u`: two reverse passes, and the rule is kept as its
    author wrote it.

    Args:
        at, direction: pytrees of one structure; leaves that are not floating arrays are held fixed.
    """
    if not _has_reverse_rule(function, at):
        return eqx.filter_jvp(function, (at,), (direction,))
    value, pullback = eqx.filter_vjp(function, at)
    zero = jnp.zeros(value.shape, value.dtype)
    _, push = jax.vjp(lambda c: eqx.filter(pullback(c)[0], eqx.is_inexact_array), zero)
    (change,) = push(eqx.filter(direction, eqx.is_inexact_array))
    return value, change


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """A context in which JAX's error about a loop without a derivative becomes one line that names the mend.

    Raises:
        InputError: a `while` loop on the way from the weights to the answers.
    """
    try:
        yield
    except ValueError as error:
        if "Reverse-mode differentiation does not work" not in str(error):
            raise
        raise InputError(
            "the network holds a while loop (or a fori_loop with bounds that are not numbers), through which there is no derivative by "
            "the weights; use lax.scan, or fori_loop with fixed bounds."
        ) from None


def _has_reverse_rule(function: Callable[[Any], Any], at: Any) -> bool:
    """Whether a `custom_vjp` stands anywhere in the function's program (JAX refuses it only when the program is compiled)."""
    arrays, static = eqx.partition(at, eqx.is_array)
    return any(
        eqn.primitive.name.startswith("custom_vjp")
        for eqn in equations(jax.make_jaxpr(lambda a: function(eqx.combine(a, static)))(arrays).jaxpr)
    )
