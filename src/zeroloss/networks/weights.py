"""`check_weights`: are a network's numbers real and finite?"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zeroloss.networks.trainable import is_constant
from zeroloss.plumbing import InputError


def check_weights(network: Any, what: str = "the network") -> None:
    """InputError for complex weights, and for NaN or infinite ones: every answer about them would be a number that means nothing.

    What a network declares `zeroloss.networks.constant` may be infinite (a mask) and never NaN. Abstract arrays are left alone.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(network):
        if not hasattr(leaf, "dtype") or isinstance(leaf, jax.core.Tracer | jax.ShapeDtypeStruct):
            continue
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        name = jax.tree_util.keystr(path).lstrip(".") or "its weights"
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise InputError(
                f"{name} of {what} is complex ({leaf.dtype}); answers here are about real parameters: give real and imaginary "
                "parts as two arrays."
            )
        values = np.asarray(leaf)
        values = values if values.dtype.kind == "f" else values.astype(np.float32)  # bfloat16 and its like, exactly
        bad = np.isnan(values) if is_constant(network, path) else ~np.isfinite(values)
        if bad.any():
            raise InputError(
                f"{name} of {what} holds NaN or infinity ({int(bad.sum()):,} of {bad.size:,} numbers), as a training that diverged "
                "leaves them; give a network of finite weights."
            )
