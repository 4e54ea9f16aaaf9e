"""The problem a descent works on: arrays of one precision, the loss, what may move."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from zeroloss.data.arrays import training_arrays
from zeroloss.data.load import as_data
from zeroloss.descent.losses import Loss, as_loss
from zeroloss.descent.matching import matched
from zeroloss.networks import Wrapped, differentiable, is_double, on_rows, trainable_mask
from zeroloss.networks.ending import ends_in_sigmoid
from zeroloss.networks.pytorch.inputs import check_images, check_inputs
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError
from zeroloss.tangent.independence import check_independent
from zeroloss.tangent.kernel import output_size


@dataclasses.dataclass(frozen=True)
class Problem:
    """`minimise loss(network(x), y)` over the leaves of the network where `mask` is True.

    `x` is `(n, ...)`, `y` `(n, c)`, in the network's precision (`wide`: float64).
    """

    network: Any
    x: np.ndarray
    y: np.ndarray
    loss: Loss
    mask: Any
    wide: bool
    infimum: float
    data: Any


def make_problem(network: Any, data: Any, loss: str | Loss, trainable: Any) -> Problem:
    """Checked arrays in the network's precision.

    Raises:
        InputError: a network that does not fit the data, a loss that does not fit the targets.
    """
    loss = as_loss(loss)
    data = as_data(data)
    network = on_rows(differentiable(network, data if hasattr(data, "x_train") else np.asarray(data[0])), data)
    data = matched(network, data)
    x, y = training_arrays(data)
    check_weights(network)
    wide = is_double(network)
    dtype = np.float64 if wide else np.float32
    loss.check(y)
    check_inputs(network, x)
    check_images(network, data)
    with np.errstate(over="ignore"):  # refused below
        x_cast, y_cast = np.ascontiguousarray(x, dtype), np.ascontiguousarray(y, dtype)
    if not (np.isfinite(x_cast).all() and np.isfinite(y_cast).all()):
        raise InputError(f"the data hold numbers beyond {np.dtype(dtype)}; rescale them, or give a float64 network.")
    if getattr(network, "takes_tokens", False) and not (x_cast == x).all():
        raise InputError("the inputs hold tokens beyond 2^24, which float32 does not keep; call module.double() first.")
    c = fitting_size(network, x_cast)
    if c != y.shape[1]:
        raise InputError(
            f"the network has {c} outputs and the targets {y.shape[1]} columns; give the network out_size={y.shape[1]}."
        )
    refuse_sigmoid(network, x_cast, loss.name, y.shape[1])
    if isinstance(network, Wrapped):
        check_independent(network, x_cast)
    return Problem(
        network, x_cast, y_cast, loss, trainable_mask(network, trainable), wide, lower_bound(x, y, loss), data
    )


def refuse_sigmoid(network: Any, x: np.ndarray, loss: str, columns: int) -> None:
    """InputError where a loss of logits is to be taken of a network that ends in a sigmoid: it would be applied twice."""
    logits = loss == "binary-cross-entropy" or (loss == "cross-entropy" and columns == 1)
    if logits and ends_in_sigmoid(network, x):
        raise InputError(
            f"the {loss} loss is of logits, and this network ends in a sigmoid, which would be taken twice; give the network "
            "without it."
        )


def lower_bound(x: np.ndarray, y: np.ndarray, loss: Loss) -> float:
    """A lower bound on the training loss of any network: equal inputs with different targets count (0 for the
    hinge)."""
    from zeroloss.data import infimum

    if loss.name not in ("squared", "cross-entropy", "binary-cross-entropy"):
        return 0.0
    rows: Any = SimpleNamespace(x_train=x.reshape(len(x), -1), y_train=y, n=len(x))
    return float(infimum(rows, loss.name, check=False).value)


def fitting_size(network: Any, x: np.ndarray) -> int:
    """The network's number of outputs on rows like those of `x`, in its own precision."""
    import contextlib

    from zeroloss.plumbing import double

    with double() if is_double(network) else contextlib.nullcontext():
        return output_size(network, x)


def describe(trainable: Any) -> str:
    """What descent moved, in words."""
    if trainable is None:
        return "all parameters"
    if isinstance(trainable, str):
        return trainable
    return ", ".join(trainable) if isinstance(trainable, list | tuple) else "a mask"
