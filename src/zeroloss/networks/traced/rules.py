"""Functions with a derivative rule of their own (`custom_jvp`, `custom_vjp`): which operator has the same derivative?

A program keeps values and no rules. So the rule is compared, at points that hold zeros and ties, with that of the function's
own body and with those of operators that have one; what agrees with neither cannot be written.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

_KNOWN = {"relu": 1, "logaddexp": 2}
"""Operators that are functions of JAX with a rule which their body has not, and how many arrays they take."""
_BODY = {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr"}
TRIES = 3


def derivative_of(eqn: Any) -> str | None:
    """The operator with the same rule, "" where the body has it, None where neither."""
    from zeroloss.networks.pytorch.operators.table import OPERATORS

    body = eqn.params[_BODY[eqn.primitive.name]]
    tries: list[tuple[str, Any]] = [("", lambda *v: jex.jaxpr_as_fun(body)(*v)[0])]
    tries += [(name, OPERATORS[f"lax.{name}"]) for name, count in _KNOWN.items() if count == len(eqn.invars)]
    if len(eqn.outvars) != 1:
        return None
    for name, function in tries:
        try:
            if all(_alike(eqn, function, seed) for seed in range(TRIES)):
                return name
        except (TypeError, ValueError, NotImplementedError):  # other arguments than this operator takes
            continue
    return None


def _alike(eqn: Any, function: Any, seed: int) -> bool:
    """Whether values and one vector-Jacobian product agree."""
    given = [_point(v.aval, seed, i) for i, v in enumerate(eqn.invars)]
    floating = [i for i, v in enumerate(given) if np.issubdtype(v.dtype, np.floating)]
    if not floating:
        return False

    def bound(*values: Any) -> Any:
        out = _bind(eqn, *values)
        return out[0] if isinstance(out, list | tuple) else out

    def pulled(f: Any) -> list[np.ndarray]:
        def of(*values: Any) -> Any:
            full = list(given)
            for i, v in zip(floating, values, strict=True):
                full[i] = v
            return f(*full)

        value, pull = jax.vjp(of, *(given[i] for i in floating))
        weights = np.random.default_rng(seed).standard_normal(value.shape)
        return [np.asarray(a) for a in (value, *pull(jnp.asarray(weights, value.dtype)))]

    tolerance = 1e3 * float(jnp.finfo(given[floating[0]].dtype).eps)
    pairs = zip(pulled(bound), pulled(function), strict=True)
    return all(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True) for a, b in pairs)


def _point(aval: Any, seed: int, place: int) -> Any:
    """Numbers of both signs, with zeros and ties among them."""
    if not np.issubdtype(aval.dtype, np.floating):
        return jnp.zeros(aval.shape, aval.dtype)
    rng = np.random.default_rng((seed, place))
    numbers = rng.standard_normal(aval.shape) * 10.0 ** rng.integers(-3, 2, aval.shape)
    return jnp.asarray(np.where(rng.random(aval.shape) < (1.0 if seed == 0 else 0.3), 0.0, numbers), aval.dtype)


def _bind(eqn: Any, *values: Any) -> Any:
    bound = eqn.primitive.get_bind_params(eqn.params)
    subfuns, params = bound if isinstance(bound, tuple) else ((), bound)
    return eqn.primitive.bind(*subfuns, *values, **params)
