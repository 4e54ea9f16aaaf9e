"""`trainable`: which parameters may move."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from zeroloss.networks.feedforward import FeedForward
from zeroloss.plumbing import InputError


def constant(**options: Any) -> Any:
    """A field of an Equinox module whose arrays are data and never trained, whatever `trainable` says.

    For modules that carry weights to be kept, as a linearised model does its origin:
    `origin: Any = constant()`.
    """
    return eqx.field(metadata={"trained": False}, **options)


def trainable_mask(network: Any, trainable: Any = None) -> Any:
    """A pytree of booleans, True where a leaf of `network` is trained.

    Fields declared with `constant` never are.

    Args:
        network: any network (a pytree whose floating arrays are its parameters).
        trainable: None (all parameters); for a `FeedForward` also `"readout"` (last layer), `"hidden"` (all others),
            `"weights"`, `"biases"`, `"layer1"`, `"layer2"`, ...; for a `SquasherNetwork` `"readout"` or `"hidden"`; for a
            converted torch module the names of its parameters or parts; or a list of such names (their union); a predicate
            on leaves; or a pytree of booleans shaped like the network, as in Equinox.

    Raises:
        InputError: an unknown name, a mask that does not fit, or nothing left to train.
    """
    arrays = jax.tree_util.tree_map_with_path(
        lambda path, leaf: eqx.is_inexact_array(leaf) and not is_constant(network, path), network
    )
    if trainable is None:
        mask = arrays
    elif isinstance(trainable, str) or (
        isinstance(trainable, Sequence) and trainable and all(isinstance(t, str) for t in trainable)
    ):
        names = [trainable] if isinstance(trainable, str) else list(trainable)
        mask = _named(network, names)
    elif callable(trainable) and not isinstance(trainable, eqx.Module):
        mask = jax.tree.map(lambda leaf, may: may and bool(trainable(leaf)), network, arrays)
    else:
        mask = _given(network, arrays, trainable)
    _refuse_complex(network, mask)
    if not any(jax.tree.leaves(mask)):
        raise InputError("trainable leaves no parameter to train; name at least one that the network has.")
    return mask


def _refuse_complex(network: Any, mask: Any) -> None:
    for (path, leaf), wanted in zip(jax.tree_util.tree_leaves_with_path(network), jax.tree.leaves(mask), strict=True):
        if wanted and jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise InputError(
                f"the parameter {jax.tree_util.keystr(path).lstrip('.')} is complex ({leaf.dtype}); kernel, descent and proofs are of real "
                "parameters: give its real and imaginary part as two arrays, and join them inside the function by a + 1j * b."
            )


def is_constant(node: Any, path: Sequence[Any]) -> bool:
    """Whether a field on the way to this leaf is declared `constant`."""
    for key in path:
        if isinstance(key, jax.tree_util.GetAttrKey):
            fields = getattr(type(node), "__dataclass_fields__", {})
            if key.name not in fields:  # a foreign container: no module of ours is looked for inside
                return False
            if not fields[key.name].metadata.get("trained", True):
                return True
            node = getattr(node, key.name)
        elif isinstance(key, jax.tree_util.SequenceKey):
            node = node[key.idx]
        elif isinstance(key, jax.tree_util.DictKey):
            node = node[key.key]
        else:  # a foreign container too
            return False
    return False


def _named(network: Any, names: list[str]) -> Any:
    if hasattr(network, "named_mask"):  # a network that names its own parts
        return network.named_mask(names)
    if hasattr(network, "parameter_names"):
        return _by_parameter_name(network, names)
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


def _by_parameter_name(network: Any, names: list[str]) -> Any:
    """Parameters by their own names or by the part of the module they belong to ("fc", "layer4.0")."""
    known = network.parameter_names
    for name in names:
        if not any(k == name or k.startswith(f"{name}.") for k in known):
            raise InputError(
                f"trainable={name!r} is not a parameter or part of this network; its parameters are {', '.join(known[:12])}"
                f"{', ...' if len(known) > 12 else ''}."
            )
    chosen = {k: any(k == name or k.startswith(f"{name}.") for name in names) for k in known}
    mask = jax.tree.map(lambda _: False, network)
    return eqx.tree_at(lambda n: n.parameters, mask, chosen)


def _given(network: Any, arrays: Any, mask: Any) -> Any:
    try:
        return jax.tree.map(lambda is_array, wanted: bool(is_array and wanted), arrays, mask)
    except (ValueError, TypeError) as error:
        raise InputError(
            "trainable is neither a name, a predicate, nor a pytree of booleans shaped like the network."
        ) from error
