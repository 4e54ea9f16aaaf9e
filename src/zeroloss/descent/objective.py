"""`Objective`: the function a descent minimises, a loss on a problem, with arrays in the network's precision."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from zeroloss.data import infimum
from zeroloss.descent.losses import Loss, as_loss
from zeroloss.networks import Wrapped
from zeroloss.networks.ending import ends_in_sigmoid
from zeroloss.plumbing import InputError
from zeroloss.problem import Problem
from zeroloss.tangent.jaxpr.independence import check_independent


@dataclasses.dataclass(frozen=True)
class Objective:
    """`minimise loss(network(x), y)` over the leaves of the network where `mask` is True.

    `x` is `(n, ...)`, `y` `(n, c)`, in the network's precision (`wide`: float64); `problem`: what they are of.
    """

    network: Any
    x: np.ndarray
    y: np.ndarray
    loss: Loss
    mask: Any
    wide: bool
    infimum: float
    problem: Problem


def make_objective(problem: Problem, loss: str | Loss) -> Objective:
    """The loss of a problem, with arrays in the network's precision.

    Raises:
        InputError: a loss that does not fit the targets; numbers beyond the network's precision.
    """
    loss, network = as_loss(loss), problem.network
    dtype = np.float64 if problem.wide else np.float32
    loss.check(problem.y)
    with np.errstate(over="ignore"):  # refused below
        x, y = np.ascontiguousarray(problem.inputs, dtype), np.ascontiguousarray(problem.y, dtype)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError(f"the data hold numbers beyond {np.dtype(dtype)}; rescale them, or give a float64 network.")
    if getattr(network, "takes_tokens", False) and not (x == problem.inputs).all():
        raise InputError("the inputs hold tokens beyond 2^24, which float32 does not keep; call module.double() first.")
    refuse_sigmoid(network, x, loss.name, y.shape[1])
    if isinstance(network, Wrapped):
        check_independent(network, x)
    return Objective(network, x, y, loss, problem.mask, problem.wide, lower_bound(problem, loss), problem)


def refuse_sigmoid(network: Any, x: np.ndarray, loss: str, columns: int) -> None:
    """InputError where a loss of logits is to be taken of a network that ends in a sigmoid: it would be applied twice."""
    logits = loss == "binary-cross-entropy" or (loss == "cross-entropy" and columns == 1)
    if logits and ends_in_sigmoid(network, x):
        raise InputError(
            f"the {loss} loss is of logits, and this network ends in a sigmoid, which would be taken twice; give the network "
            "without it."
        )


def lower_bound(problem: Problem, loss: Loss) -> float:
    """A lower bound on the training loss of any network: equal inputs with different targets count (0 for the
    hinge)."""
    if loss.name == "squared":
        return problem.infimum
    if loss.name not in ("cross-entropy", "binary-cross-entropy"):
        return 0.0
    rows: Any = SimpleNamespace(x_train=problem.x, y_train=problem.y, n=problem.n)
    return float(infimum(rows, loss.name, check=False).value)


def describe(trainable: Any) -> str:
    """What descent moved, in words."""
    if trainable is None:
        return "all parameters"
    if isinstance(trainable, str):
        return trainable
    return ", ".join(trainable) if isinstance(trainable, list | tuple) else "a mask"
