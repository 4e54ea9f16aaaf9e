"""Rows of numbers in the shape a network takes: images and sequences that a data set holds flat.

A `Dataset` keeps its inputs as rows `(n, d)` and, for images and sequences, the shape `image_shape` that one row had. A network of
the user's own may take `(h, w)`, `(h, w, channels)`, `(channels, h, w)` or the flat row; only a trial shows which. A
row is reshaped to its own shape, and where that has its channels on the other side than the network takes them they are
*moved* (a transposition, not a reshape). Where an example has as many channels as rows or columns both orders may be
accepted; then the data's own is taken.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.precision import is_double, precision
from zeroloss.networks.pytorch import TorchNetwork
from zeroloss.networks.wrapped import Wrapped
from zeroloss.plumbing import InputError


@dataclasses.dataclass(frozen=True)
class RowShape:
    """How a row becomes an example: `row.reshape(shape)`, then its axes in the order `order`, then reshaped to `final`."""

    shape: tuple[int, ...]
    order: tuple[int, ...]
    final: tuple[int, ...]

    def __call__(self, x: Any) -> Any:
        """One row `(d,)`."""
        return jnp.reshape(jnp.transpose(jnp.reshape(x, self.shape), self.order), self.final)

    def batch(self, x: Any) -> Any:
        """Rows `(n, d)`."""
        turned = jnp.transpose(jnp.reshape(x, (-1, *self.shape)), (0, *(1 + a for a in self.order)))
        return jnp.reshape(turned, (-1, *self.final))


class Shaped(eqx.Module):
    """A network on flat rows: `network(row_shape(row))`."""

    network: Any
    row_shape: RowShape = eqx.field(static=True)

    def __call__(self, x):
        return self.network(self.row_shape(x))


@dataclasses.dataclass(frozen=True)
class _ShapedFunction:
    function: Any
    row_shape: RowShape

    def __call__(self, params, batch):
        return self.function(params, self.row_shape.batch(batch))


def on_rows(network: Any, data: Any) -> Any:
    """`network` as one of the flat rows of `data`: itself where it takes them, else with the layout that it takes.

    Args:
        network: any network; only one that does not take flat rows is changed.
        data: a `Dataset` (its `image_shape` is the shape of a row), or anything else: then `network` is returned as it is.

    Raises:
        InputError: the network takes the rows in none of the shapes tried, which are named.
    """
    shape = getattr(data, "image_shape", None)
    if shape is None or isinstance(network, TorchNetwork) or not callable(network):
        return network
    if not any(map(eqx.is_inexact_array, jax.tree.leaves(network))):
        return network  # a function of a batch: nothing can be seen of what it takes
    size = data.x_train.shape[1]
    if math.prod(shape) != size or accepts(network, (size,)):
        return network
    for layout in layouts(tuple(shape)):
        if accepts(network, layout.final):
            return shaped(network, layout)
    tried = ", ".join(str(layout.final) for layout in layouts(tuple(shape)))
    raise InputError(
        f"the network takes one example of {getattr(data, 'name', 'the data')} neither flat ({size},) nor as {tried}; "
        "give it the shape the data have, or the data the shape it takes."
    )


def layouts(shape: tuple[int, ...]) -> Iterator[RowShape]:
    """The layouts of a row that was an array of `shape`, the most literal first."""
    plain = tuple(range(len(shape)))
    yield RowShape(shape, plain, shape)
    if len(shape) == 3:
        first, last = (2, 0, 1), (1, 2, 0)
        for order in (first, last):
            yield RowShape(shape, order, tuple(shape[a] for a in order))
        for end in (0, 2):
            if shape[end] == 1:  # grey: no axis for the channel
                yield RowShape(shape, plain, tuple(s for a, s in enumerate(shape) if a != end))
    if len(shape) == 2:
        yield RowShape(shape, plain, (*shape, 1))
        yield RowShape(shape, plain, (1, *shape))


def accepts(network: Any, shape: tuple[int, ...]) -> bool:
    """Whether the network answers one example of that shape with `(c,)`."""
    dtype = np.float64 if is_double(network) else np.float32
    with precision(network):
        try:
            answer = eqx.filter_eval_shape(network, jax.ShapeDtypeStruct(shape, np.dtype(dtype)))
        except Exception:  # a network of the user's own may fail in any way on what it does not take
            return False
    return len(getattr(answer, "shape", ())) == 1


def shaped(network: Any, layout: RowShape) -> Any:
    """`network` behind `layout`; a wrapped function stays one, so that its batch can still be inspected."""
    if isinstance(network, Wrapped):
        return Wrapped(network.params, _ShapedFunction(network.function, layout))
    return Shaped(network, layout)


def as_given(network: Any) -> Any:
    """The network itself, without the layout that `on_rows` put before it."""
    if isinstance(network, Shaped):
        return network.network
    if isinstance(network, Wrapped) and isinstance(network.function, _ShapedFunction):
        return Wrapped(network.params, network.function.function)
    return network
