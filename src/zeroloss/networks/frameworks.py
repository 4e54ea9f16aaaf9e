"""Models of other JAX frameworks as networks: their apply function and parameters found, in evaluation mode.

| given | parameters | function |
|---|---|---|
| Flax NNX module | its `nnx.Param`s; all other state is constant | the module, `eval()` |
| Flax linen `TrainState` | `.params`; `.batch_stats` is constant | `.apply_fn` |
| Flax linen module, bound or with its variables | the collection "params"; the others are constant | `.apply` |
| Haiku `Transformed` with its parameters (and state) | the parameters; the state is constant | `.apply(params, None, x)` |
| Keras 3 model on the JAX backend | `trainable_variables`; the others are constant | `stateless_call(training=False)` |

None of these packages is imported here unless a model of it is given.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import numpy as np

from zeroloss.networks.trainable import constant
from zeroloss.plumbing import InputError

ANSWER = "zeroloss.wrap(lambda params, x: ..., params)"


class Carried(eqx.Module):
    """Parameters, and the state that goes with them and is never trained."""

    params: Any
    state: Any = constant()


@dataclasses.dataclass(frozen=True)
class _Nnx:
    graph: Any

    def __call__(self, carried: Carried, batch: Any) -> Any:
        from flax import nnx

        model = nnx.merge(self.graph, carried.params, carried.state)
        model.eval()
        return model(batch)


@dataclasses.dataclass(frozen=True)
class _Linen:
    owner: Any  # a module, equal to its copies, or a `TrainState`'s function

    def __call__(self, carried: Carried, batch: Any) -> Any:
        apply = getattr(self.owner, "apply", self.owner)
        return apply({"params": carried.params, **carried.state}, batch)


@dataclasses.dataclass(frozen=True)
class _Haiku:
    apply: Any
    stateful: bool

    def __call__(self, carried: Carried, batch: Any) -> Any:
        if self.stateful:
            return self.apply(carried.params, carried.state, None, batch)[0]
        return self.apply(carried.params, None, batch)


@dataclasses.dataclass(frozen=True, eq=False)
class _Keras:
    model: Any

    def __call__(self, carried: Carried, batch: Any) -> Any:
        return self.model.stateless_call(carried.params, carried.state, batch, training=False)[0]


def framework_of(model: Any) -> str:
    """ "nnx", "linen", "train state", "haiku" or "keras"; "" for anything else. By the names of its classes alone."""
    bases = {f"{base.__module__}.{base.__name__}" for base in type(model).__mro__}
    if any(name.startswith("flax.nnx.") and name.endswith(".Module") for name in bases):
        return "nnx"
    if "flax.linen.module.Module" in bases:
        return "linen"
    if any(name.startswith("haiku.") and "Transformed" in name for name in bases):
        return "haiku"
    if any(name.startswith("keras.") and name.endswith(".Model") for name in bases):
        return "keras"
    return "train state" if hasattr(model, "apply_fn") and hasattr(model, "params") else ""


def parts_of(model: Any, params: Any = None) -> tuple[Any, Any]:
    """`(function, parameters)` with `function(parameters, batch) -> (n, c)` of a model of one of the frameworks.

    Args:
        params: of a linen module its variables (`{"params": ...}`, or the parameters alone), of a Haiku transform its
            parameters (with state: the pair `(params, state)`); of the others None.

    Raises:
        InputError: a model that was given without its parameters, with the line to write.
    """
    kind = framework_of(model)
    if kind == "nnx":
        from flax import nnx

        parts: tuple[Any, ...] = nnx.split(model, nnx.Param, ...)
        return _Nnx(parts[0]), Carried(*parts[1:])
    if kind == "train state":
        extra = getattr(model, "batch_stats", None)
        return _Linen(model.apply_fn), Carried(model.params, {} if extra is None else {"batch_stats": extra})
    if kind == "linen":
        return _linen(model, params)
    if kind == "haiku":
        return _haiku(model, params)
    if kind == "keras":
        return _keras(model)
    raise InputError(f"a {type(model).__name__} is of no framework that is known here; write {ANSWER}.")


def _linen(module: Any, variables: Any) -> tuple[Any, Any]:
    if variables is None and module.scope is None:
        raise InputError(
            f"the Flax module {type(module).__name__} does not hold its parameters; give zeroloss.wrap(module, variables), "
            "with variables = module.init(...) or those that were trained."
        )
    if variables is None:
        module, variables = module.unbind()
    variables = dict(variables)
    if "params" not in variables:
        variables = {"params": variables}
    own = variables.pop("params")
    return _Linen(module), Carried(own, variables)


def _haiku(transformed: Any, params: Any) -> tuple[Any, Any]:
    stateful = "WithState" in type(transformed).__name__
    if params is None:
        pair = "(params, state)" if stateful else "params"
        raise InputError(
            f"a Haiku transform does not hold its parameters; give zeroloss.wrap(transformed, {pair}), with those of init(...) "
            "or those that were trained."
        )
    if not stateful:
        return _Haiku(transformed.apply, False), Carried(params, {})
    if isinstance(params, Mapping) or len(params) != 2:
        raise InputError("this Haiku transform has state; give zeroloss.wrap(transformed, (params, state)).")
    return _Haiku(transformed.apply, True), Carried(*params)


def _keras(model: Any) -> tuple[Any, Any]:
    backend = sys.modules["keras"].backend.backend()
    if backend != "jax":
        raise InputError(
            f"Keras runs on {backend} here, whose derivatives JAX cannot take; set KERAS_BACKEND=jax before keras is imported."
        )
    if not model.built:
        raise InputError("the Keras model is not built yet; call it once on a batch, then give it again.")
    own, rest = (
        [v.value for v in variables] for variables in (model.trainable_variables, model.non_trainable_variables)
    )
    return _Keras(model), Carried(own, rest)


def as_arrays(leaf: Any) -> Any:
    """NumPy arrays as JAX arrays of the same precision; half-precision numbers at their exact float32 values."""
    import jax.numpy as jnp

    if isinstance(leaf, np.ndarray):
        leaf = jnp.asarray(leaf)
    if eqx.is_inexact_array(leaf) and jnp.finfo(leaf.dtype).bits < 32:
        return jnp.asarray(np.asarray(leaf).astype(np.float32))  # in NumPy: XLA would flush subnormals to 0
    return leaf


def all_as_arrays(tree: Any) -> Any:
    """`as_arrays` of every leaf; what was one array stays one."""
    import jax

    made: dict[int, tuple[Any, Any]] = {}

    def once(leaf: Any) -> Any:
        if id(leaf) not in made:
            made[id(leaf)] = leaf, as_arrays(leaf)  # the leaf is held, so that no other gets its number
        return made[id(leaf)][1]

    return jax.tree.map(once, tree)
