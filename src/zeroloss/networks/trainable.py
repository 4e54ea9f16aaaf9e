"""Which parameters descent may move."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax

from zeroloss.networks.feedforward import FeedForward
from zeroloss.plumbing import InputError


def trainable_mask(network: Any, trainable: Any = None) -> Any:
    """A pytree of booleans, True where a leaf of `network` is trained.

    Args:
        network: any network (a pytree whose floating arrays are its parameters).
        trainable: None (all parameters); for a `FeedForward` also `"readout"` (last layer), `"hidden"` (all others),
            `"weights"`, `"biases"`, `"layer1"`, `"layer2"`, ... or a list of such names (their union); a predicate on
            leaves; or a pytree of booleans shaped like the network, as in Equinox.

    Raises:
        InputError: an unknown name, a mask that does not fit, or nothing left to train.
    """
    arrays = jax.tree.map(eqx.is_inexact_array, network)
    if trainable is None:
        mask = arrays
    elif isinstance(trainable, str) or (
        isinstance(trainable, Sequence) and trainable and all(isinstance(t, str) for t in trainable)
    ):
        names = [trainable] if isinstance(trainable, str) else list(trainable)
        mask = _named(network, names)
    elif callable(trainable) and not isinstance(trainable, eqx.Module):
        mask = jax.tree.map(lambda leaf: eqx.is_inexact_array(leaf) and bool(trainable(leaf)), network)
    else:
        mask = _given(network, arrays, trainable)
    if not any(jax.tree.leaves(mask)):
        raise InputError("trainable leaves no parameter to train; name at least one that the network has.")
    return mask


def _named(network: Any, names: list[str]) -> Any:
    if not isinstance(network, FeedForward):
        raise InputError(
            f"trainable={names[0]!r} names a layer, and only a FeedForward or MLP has named layers; give a mask."
        )
    last = network.depth
    known = {"readout": [last], "hidden": list(range(last))} | {f"layer{i + 1}": [i] for i in range(last + 1)}
    chosen: set[tuple[str, int]] = set()
    for name in names:
        if name in ("weights", "biases"):
            chosen |= {(name, i) for i in range(last + 1)}
        elif name in known:
            chosen |= {(kind, i) for kind in ("weights", "biases") for i in known[name]}
        else:
            raise InputError(
                f"trainable={name!r} is not a part of this network; choose among {', '.join(known)}, weights, biases."
            )
    mask = jax.tree.map(lambda _: False, network)
    for kind in ("weights", "biases"):
        leaves = tuple(None if leaf is None else (kind, i) in chosen for i, leaf in enumerate(getattr(network, kind)))
        mask = eqx.tree_at(operator.attrgetter(kind), mask, leaves, is_leaf=lambda v: v is None)
    return mask


def _given(network: Any, arrays: Any, mask: Any) -> Any:
    try:
        return jax.tree.map(lambda is_array, wanted: bool(is_array and wanted), arrays, mask)
    except (ValueError, TypeError) as error:
        raise InputError(
            "trainable is neither a name, a predicate, nor a pytree of booleans shaped like the network."
        ) from error
