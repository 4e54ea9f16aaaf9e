"""A network on many examples."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.precision import is_double, precision
from zeroloss.plumbing import InputError
from zeroloss.plumbing.batches import batches, is_source
from zeroloss.plumbing.containers import read_array
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.layout import Layout, is_whole, joined, pieces, several
from zeroloss.plumbing.operations import held

MOST, FEW = 4096, 16
ROOM = 2**28


def as_input(network: Any, x: Any) -> np.ndarray:
    """Rows of examples in the precision of the network; whole numbers as int32 where it takes them and no others
    (tokens).

    Raises:
        InputError: tokens that a converted module does not know, or fractions of tokens.
    """
    from zeroloss.networks.pytorch.inputs import check_inputs

    x = rows_of(network, x)
    if x.dtype.kind == "c":
        raise InputError(f"the inputs are complex ({x.dtype}); give real ones, such as array.real.")
    check_inputs(network, x)
    if getattr(getattr(network, "program", None), "whole", False) and x.dtype.kind in "fiub":
        return np.ascontiguousarray(x, np.int32)
    dtype = np.float64 if is_double(network) else np.float32
    # Whole numbers are tokens only where the network takes them and no others; elsewhere they are numbers like others.
    whole = x.dtype.kind in "iu" and not _takes(network, x, dtype) and _takes(network, x, np.int32)
    found = np.ascontiguousarray(x, np.int32 if whole else dtype)
    if whole and not (found == x).all():
        raise InputError("the inputs hold whole numbers beyond 2^31, which no table of tokens has; check the tokens.")
    if not whole and dtype is np.float32:
        _check_exact(layout_of_network(network), x, found)
    return found


suited = as_input
"""Old name of `as_input`."""


def layout_of_network(network: Any) -> Layout | None:
    """How a row splits into the inputs of a network that takes several (converted or wrapped); None of others."""
    parts = (
        network,
        getattr(network, "function", None),
        getattr(network, "rest", None),
    )  # rest: of a linearised network
    return next((layout for layout in (getattr(part, "layout", None) for part in parts) if layout), None)


def rows_of(network: Any, x: Any) -> np.ndarray:
    """The examples as an array `(n, ...)`; several inputs, as a tuple or mapping, side by side for a network that takes them.

    Raises:
        InputError: inputs that are not those of the network.
    """
    layout = layout_of_network(network)
    if isinstance(x, Mapping) or (layout is not None and several(x)):
        if layout is None:
            raise InputError("this network takes one array; give the examples as the rows of an array.")
        return joined(x, layout)
    found = read_array(x, "inputs").array
    plain = found.dtype.kind in "biuf" and found.dtype != np.longdouble
    return found if plain else as_float64(found, "inputs")


def _check_exact(layout: Layout | None, x: np.ndarray, found: np.ndarray) -> None:
    """InputError where a whole number of several inputs is lost in float32."""
    if layout is None or x.ndim != 2:
        return
    for (name, _, dtype), given, kept in zip(layout, pieces(layout, x), pieces(layout, found), strict=True):
        if is_whole(dtype) and not (given == kept).all():
            raise InputError(
                f"the input {name} holds whole numbers beyond 2^24, which float32 does not keep; call module.double() first."
            )


def _takes(network: Any, x: np.ndarray, dtype: Any) -> bool:
    with precision(network):
        try:
            eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(x.shape[1:], np.dtype(dtype)))
        except Exception:  # a model of the user's own may fail in any way on what it does not take
            return False
    return True


def predict(network: Any, x: np.ndarray, *, block: int | None = None) -> np.ndarray:
    """`network` on each row of `x`: `(n, ...) -> (n, c)`, in the network's own precision, `block` rows at a time.

    Several inputs: a tuple or mapping of arrays, as the network takes them; a loader batch by batch. By default at most
    4,096 rows, and so many that what is held at once is about 256 MB. A plain Python function of a batch of arrays (a black
    box) is called as it is; a model of another framework is converted by `zeroloss.networks.differentiable`.
    """
    from zeroloss.networks.differentiable import differentiable, is_foreign

    network = differentiable(network, x) if is_foreign(network) else network
    if is_source(x):
        return np.concatenate([predict(network, inputs, block=block) for inputs, _ in batches(x)])
    if not jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)):
        if not callable(network):
            from zeroloss.networks.black_box import black_box

            network = black_box(network)
        return np.asarray(network(rows_of(network, x)))
    x = as_input(network, x)
    with precision(network):
        return _blocks(network, x, block or rows_at_once(network, x))


def rows_at_once(network: Any, x: np.ndarray) -> int:
    """Number of the rows `x` that `predict` takes at a time; up to 16 rows are taken at once, without counting bytes."""
    if len(x) <= FEW:
        return MOST
    return max(1, min(MOST, int(ROOM // max(1.0, held_of_one(network, x)))))


def held_of_one(network: Any, x: np.ndarray) -> float:
    """Bytes that `network` holds at once of one example, at the peak of `predict`; see `zeroloss.plumbing.operations.held`."""
    arrays, static = eqx.partition(network, eqx.is_array)
    leaves, tree = jax.tree.flatten(arrays)
    shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
    fixed, rest = jax.tree.flatten(static)
    with precision(network):
        return _held(tree, shapes, tuple(fixed), rest, x.shape[1:], x.dtype.name)


@functools.lru_cache(maxsize=256)
def _held(tree, shapes, fixed, rest, shape: tuple[int, ...], dtype: str) -> float:
    arrays = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(*leaf) for leaf in shapes])
    static = jax.tree.unflatten(rest, fixed)
    jaxpr = jax.make_jaxpr(lambda a, v: eqx.combine(a, static)(v))(arrays, jax.ShapeDtypeStruct(shape, dtype)).jaxpr
    return held(jaxpr, [False] * (len(jaxpr.invars) - 1) + [True])


def _blocks(network: Any, x: np.ndarray, block: int) -> np.ndarray:
    # One shape where there are several blocks: the last one is padded, so that it does not compile again.
    if len(x) <= block:
        return np.asarray(_apply(network, jnp.asarray(x)))
    parts = []
    for start in range(0, len(x), block):
        part = x[start : start + block]
        short = block - len(part)
        padded = np.concatenate([part, np.repeat(part[-1:], short, axis=0)]) if short else part
        parts.append(np.asarray(_apply(network, jnp.asarray(padded)))[: len(part)])
    return np.concatenate(parts)


@eqx.filter_jit
def _apply(network: Any, x):
    return jax.vmap(network)(x)
