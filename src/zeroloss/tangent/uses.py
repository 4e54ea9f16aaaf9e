"""Where parameters meet data: reading the layers of a function off its jaxpr.

The function `f(leaves, x) -> (c,)` of one example is evaluated equation by equation. A parameter is followed as a
*view* (the leaf, transposed, reshaped or multiplied by a number) until it meets something that depends on the data:

- a matrix product with a vector `h` (one position): a *dense use*, recorded with its input `h`;
- an addition: a *bias use*.

At each use a zero `delta` is added to the result, so that the derivative by `delta` is the cotangent `g = df/dz` there
and the gradient by the leaf is `scale * g h^T` (dense) or `scale * g` (bias). A leaf that is met in any other way, or
more than once, is *plain*: it is computed with as usual, and its gradient is taken explicitly, per example.

The design leaves room for more rules: a rule is a function that looks at one equation and either records a use or not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex


@dataclasses.dataclass(frozen=True)
class Use:
    """One meeting of a parameter with data: `z = scale * W h + ...` (dense) or `z = scale * b + ...` (bias).

    `shape` is that of the result, `positions` the result's size.
    """

    leaf: int
    kind: str
    shape: tuple[int, ...]
    dtype: Any


@dataclasses.dataclass
class _View:
    """A parameter on its way to the data: the leaf's value after transformations that only move or scale entries."""

    leaf: int
    value: Any
    scale: Any
    transposed: bool = False
    shaped: bool = False


@dataclasses.dataclass
class _Data:
    """A value that depends on the example (or on a plain parameter)."""

    value: Any


_MOVES = {"reshape", "squeeze", "expand_dims", "copy", "copy_p", "broadcast_in_dim"}
_INLINE = {"jit", "pjit", "closed_call", "core_call"}


class Reader:
    """The layers of `f(leaves, x)`: which leaves are used by rule, where, and how to record inputs and cotangents.

    Attributes:
        uses: the uses found, in the order of evaluation.
        plain: indices of the trained leaves that no rule serves.
    """

    def __init__(self, function: Callable, leaves: Sequence[Any], x: Any, trained: Sequence[int]):
        shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
        self._jaxpr = jax.make_jaxpr(function)(shapes, x)
        self.trained = tuple(trained)
        self._plain: set[int] = set()
        while True:  # a leaf found plain on the way is followed no more: start again without it
            found = len(self._plain)
            self.uses: list[Use] = []
            jax.eval_shape(lambda ls, v: self._evaluate(ls, v, None)[0], shapes, x)
            served = [use.leaf for use in self.uses]
            self._plain |= {leaf for leaf in served if served.count(leaf) > 1}
            self._plain |= {leaf for leaf in self.trained if leaf not in served}
            if len(self._plain) == found:
                break
        self.plain = tuple(sorted(self._plain))

    def run(self, leaves: Sequence[Any], x: Any, deltas: Sequence[Any]) -> tuple[Any, list[Any]]:
        """`f` with `deltas` added at the uses: `(f(x), inputs)`, an input `scale * h` a use (for a bias the scale)."""
        return self._evaluate(leaves, x, list(deltas))

    def _evaluate(self, leaves, x, deltas):
        recording = deltas is None
        inputs: list[Any] = []

        def use(view: _View, kind: str, h, z):
            scaled = view.scale if h is None else view.scale * jnp.ravel(h)
            inputs.append(jnp.asarray(scaled, z.dtype))
            if recording:
                self.uses.append(Use(view.leaf, kind, tuple(z.shape), z.dtype))
                return _Data(z)
            return _Data(z + deltas[len(inputs) - 1])

        follow = {leaf for leaf in self.trained if leaf not in self._plain}
        args = [_View(i, v, 1.0) if i in follow else v for i, v in enumerate(leaves)]
        args += [_Data(leaf) for leaf in jax.tree.leaves(x)]
        args = [_Data(a) if i in self._plain else a for i, a in enumerate(args)]
        (out,) = _walk(self._jaxpr.jaxpr, self._jaxpr.consts, args, use, self._plain)
        return _value(out), inputs


def _value(entry):
    return entry.value if isinstance(entry, _View | _Data) else entry


def _walk(jaxpr, consts, args, use, plain):
    """Evaluate `jaxpr` on entries: views, data, or plain constants."""
    env: dict[Any, Any] = {}

    def read(var):
        return var.val if isinstance(var, jex.Literal) else env[var]

    for var, value in zip(jaxpr.constvars, consts, strict=True):
        env[var] = value
    for var, value in zip(jaxpr.invars, args, strict=True):
        env[var] = value
    for eqn in jaxpr.eqns:
        entries = [read(var) for var in eqn.invars]
        results = _equation(eqn, entries, use, plain)
        for var, result in zip(eqn.outvars, results, strict=True):
            env[var] = result
    return [read(var) for var in jaxpr.outvars]


def _equation(eqn, entries, use, plain):
    views = [e for e in entries if isinstance(e, _View)]
    name = eqn.primitive.name
    if views and name in _INLINE:
        inner = eqn.params["jaxpr"]
        return _walk(inner.jaxpr, inner.consts, entries, use, plain)
    if views:
        for rule in (_move, _scale, _dense, _bias):
            result = rule(eqn, name, entries, use)
            if result is not None:
                return [result]
        plain.update(view.leaf for view in views)
    depends = views or any(isinstance(e, _Data) for e in entries)
    out = _bind(eqn, *map(_value, entries))
    results = out if eqn.primitive.multiple_results else [out]
    return [_Data(r) for r in results] if depends else list(results)


def _bind(eqn, *values):
    """The equation on values; JAX before 0.10 hands sub-functions apart from the other parameters."""
    bound = eqn.primitive.get_bind_params(eqn.params)
    subfuns, params = bound if isinstance(bound, tuple) else ((), bound)
    return eqn.primitive.bind(*subfuns, *values, **params)


def _move(eqn, name, entries, use):
    """Transposition of a matrix; reshapes and broadcasts that neither copy nor drop an entry, in the same order."""
    view = entries[0]
    if len(entries) != 1 or not isinstance(view, _View):
        return None
    if name == "convert_element_type" and eqn.outvars[0].aval.dtype == view.value.dtype:
        return view
    if name == "transpose" and view.value.ndim == 2 and not view.shaped:
        if tuple(eqn.params["permutation"]) == (1, 0):
            return dataclasses.replace(view, value=_bind(eqn, view.value), transposed=not view.transposed)
        return dataclasses.replace(view, value=_bind(eqn, view.value))
    if name in _MOVES:
        value = _bind(eqn, view.value)
        if value.size != view.value.size or not _keeps_order(eqn, name, view.value):
            return None
        same = value.shape == view.value.shape
        return dataclasses.replace(view, value=value, shaped=view.shaped or not same)
    if name == "neg":
        return dataclasses.replace(view, value=_bind(eqn, view.value), scale=-view.scale)
    return None


def _keeps_order(eqn, name, value):
    if name != "broadcast_in_dim":
        return name != "reshape" or eqn.params.get("dimensions") is None
    axes = [axis for axis, size in zip(eqn.params["broadcast_dimensions"], value.shape, strict=True) if size > 1]
    return axes == sorted(axes)


def _scale(eqn, name, entries, use):
    """A number times a parameter, or a parameter divided by a number."""
    if name not in ("mul", "div") or len(entries) != 2:
        return None
    view, other = (entries[0], entries[1]) if isinstance(entries[0], _View) else (entries[1], entries[0])
    if isinstance(other, _View | _Data) or (name == "div" and not isinstance(entries[0], _View)):
        return None
    if np.shape(other) != () or np.shape(view.value) != eqn.outvars[0].aval.shape:
        return None
    value = _bind(eqn, *map(_value, entries))
    return dataclasses.replace(view, value=value, scale=view.scale * other if name == "mul" else view.scale / other)


def _dense(eqn, name, entries, use):
    """`W h` or `h W` with one vector `h` (its other dimensions, if any, of size 1)."""
    if name != "dot_general":
        return None
    first = isinstance(entries[0], _View)
    view, data = (entries[0], entries[1]) if first else (entries[1], entries[0])
    if not isinstance(data, _Data) or view.value.ndim != 2 or view.shaped:
        return None
    (left, right), (batch_left, batch_right) = eqn.params["dimension_numbers"]
    axes = left if first else right
    if batch_left or batch_right or len(axes) != 1 or data.value.size != view.value.shape[axes[0]]:
        return None
    return use(view, "dense", data.value, _bind(eqn, *map(_value, entries)))


def _bias(eqn, name, entries, use):
    """`z + b`, `z - b` or `b - z`."""
    if name not in ("add", "sub", "add_any") or len(entries) != 2:
        return None
    first = isinstance(entries[0], _View)
    view, data = (entries[0], entries[1]) if first else (entries[1], entries[0])
    if not isinstance(data, _Data) or view.transposed or data.value.shape != view.value.shape:
        return None
    if name == "sub" and not first:
        view = dataclasses.replace(view, scale=-view.scale)
    return use(view, "bias", None, _bind(eqn, *map(_value, entries)))
