"""One step size, or one per layer, as a pytree like the weights; and the step the tangent kernel allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from zeroloss.descent.objective import Objective
from zeroloss.networks import FeedForward, trainable_mask
from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import real_number
from zeroloss.tangent.operator import KernelOperator, top_eigenvalue


def kernel_step(objective: Objective) -> float:
    """Half the largest stable step of the linearised model: `n/(smoothness lambda_max)`, the full kernel at the start.

    `lambda_max` comes from Lanczos, a hair below the true one; the factor two to instability covers that and some
    growth.
    """
    smoothness = objective.loss.smoothness or 1.0
    top = top_eigenvalue(KernelOperator(objective.network, objective.x, objective.mask))
    if not top > 0:
        raise InputError(
            "the tangent kernel at the start is zero, so no step helps: the gradients vanish (dead units, or bias_std=0)."
        )
    return len(objective.x) / (smoothness * top)


def step_tree(step_size: Any, objective: Objective, moved: Any) -> Any:
    """A pytree of numbers like `moved`.

    Args:
        step_size: a number; a mapping from part names ("readout", "hidden", "layer1", ...) to numbers; or one number per
            layer.

    Raises:
        InputError: a step that is not a positive number, unknown parts, or parts left out.
    """
    dtype = objective.x.dtype
    if isinstance(step_size, int | float | np.floating):
        step_size = real_number("step_size", step_size)
        return jax.tree.map(lambda leaf: np.asarray(step_size, dtype), moved)
    if isinstance(step_size, Sequence) and not isinstance(step_size, str):
        step_size = {f"layer{i + 1}": s for i, s in enumerate(step_size)}
    if not isinstance(step_size, Mapping) or not isinstance(objective.network, FeedForward):
        raise InputError(
            "step_size must be a positive number, or for an MLP one number per layer, or {'readout': ..., 'hidden': ...}."
        )
    total = jax.tree.map(lambda leaf: np.asarray(np.nan, dtype), moved)
    for name, size in step_size.items():
        size = real_number("step_size", size)
        mask = trainable_mask(objective.network, name)
        moving = jax.tree.map(lambda m, keep: bool(m and keep), mask, objective.mask)
        flags = [
            flag for flag, keep in zip(jax.tree.leaves(moving), jax.tree.leaves(objective.mask), strict=True) if keep
        ]
        leaves, structure = jax.tree.flatten(total)
        leaves = [np.asarray(size, dtype) if flag else leaf for leaf, flag in zip(leaves, flags, strict=True)]
        total = jax.tree.unflatten(structure, leaves)
    if any(np.isnan(leaf) for leaf in jax.tree.leaves(total)):
        raise InputError(
            f"step sizes for {', '.join(step_size)} leave some trained layers without one; name every layer."
        )
    return total
