"""A user's model as a network with derivatives by its weights; or one line on why it has none."""

from __future__ import annotations

import os
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.frameworks import all_as_arrays, framework_of
from zeroloss.networks.wrapped import wrap
from zeroloss.plumbing import InputError, double
from zeroloss.verdict import Record

AUDIT = "its answers can be audited: zeroloss.audit(model, data)"


def differentiable(model: Any, example: Any = None) -> Any:
    """`model` as a network of this library: itself, a wrapped model of another framework, a torch module converted.

    Floating leaves in half precision are taken at their exact float32 values.

    Args:
        model: an Equinox module (every network here is one); a model of Flax, Keras or a `TrainState`
            (`zeroloss.networks.frameworks`); a torch module.
        example: a batch, or a `Dataset`, at which a torch module is converted.

    Raises:
        InputError: a model without weights (an estimator, an ONNX file, a function), and what can be done with it; a model
            that does not hold its parameters; complex parameters.
    """
    from zeroloss.networks.pytorch import from_torch, is_torch_module

    model = bare(model)
    if is_torch_module(model):
        return from_torch(model, example)
    if framework_of(model):
        return wrap(model)
    if not any(map(eqx.is_inexact_array, jax.tree.leaves(model))):
        raise InputError(_no_weights(model))
    if any(eqx.is_inexact_array(leaf) and jnp.finfo(leaf.dtype).bits < 32 for leaf in jax.tree.leaves(model)):
        with double():
            return all_as_arrays(model)
    return model


def bare(model: Any) -> Any:
    """The network of a result that carries one (a `Descent`, a `Proof`, a `Twin`); anything else as it is."""
    carried = getattr(model, "network", None) if isinstance(model, Record) else None
    return model if carried is None else carried


def is_foreign(model: Any) -> bool:
    """Whether this is a model of another framework, or a result with a network, which `differentiable` makes a network of."""
    from zeroloss.networks.pytorch import is_torch_module

    return bare(model) is not model or is_torch_module(model) or bool(framework_of(model))


def _no_weights(model: Any) -> str:
    name = type(model).__name__
    if isinstance(model, str | os.PathLike):
        text = os.fspath(model)
        if text.endswith(".onnx"):
            return f"{text} is an ONNX file, whose weights are not read: it has no kernel and cannot be trained or proved; {AUDIT}."
        return f"{text!r} is the name of a file; give zeroloss.networks.load_network({text!r})."
    if hasattr(model, "predict") or type(model).__name__ == "BlackBox":
        return f"a {name} has no weights that can be differentiated: it has no kernel and cannot be trained or proved; {AUDIT}."
    if isinstance(model, eqx.Module):
        return f"this {name} has no floating parameter; there is nothing to train, and its tangent kernel is 0."
    if callable(model):
        return f"a function alone has no parameters; give zeroloss.wrap(function, params) with function(params, batch); {AUDIT}."
    return f"a {name} is no network; give an Equinox module, or zeroloss.wrap(function, params)."
