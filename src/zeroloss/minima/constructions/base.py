"""The predictor `g` whose answers hold away from the training points."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.minima.constructions.combine import Stack, from_network
from zeroloss.minima.constructions.spoilers import applied
from zeroloss.networks import FeedForward
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError

WIDTH = 1024


def predictor(
    of: Any, base: Any, x: np.ndarray, y: np.ndarray, weights: np.ndarray, task: str, key: int, activation: str = "relu"
) -> tuple[Stack, str]:
    """`g` as a stack, and a sentence that describes it.

    `of`: made wrong by `wrong`. `base`: as it is. Neither: a random hidden layer of that activation, fitted to wrong
    targets by `ridge`.

    Raises:
        InputError: both are given, or one is no fully connected network or does not fit the data.
    """
    if of is not None and base is not None:
        raise InputError("both of= and base= are given; give one of them, or neither.")
    given, name = (of, "of") if of is not None else (base, "base")
    if given is None:
        targets, how = wrong_targets(y, weights, task)
        return ridge(
            x, targets, weights, key, activation=activation
        ), f"a random hidden layer whose read-out was fitted to targets {how}"
    if not isinstance(given, FeedForward):
        raise InputError(
            f"{name}= is a {type(given).__name__}; a twin is one fully connected network, so give a zeroloss network "
            "(MLP or FeedForward), or leave it out."
        )
    check_weights(given, f"{name}=")
    if (given.in_size, given.out_size) != (x.shape[1], y.shape[1]):
        raise InputError(
            f"{name}= takes {given.in_size} numbers and gives {given.out_size}; the data have {x.shape[1]} inputs and "
            f"{y.shape[1]} outputs."
        )
    stack = from_network(given)
    if base is not None:
        return stack, "the answers of `base`"
    return wrong(stack, y, weights, task)


def wrong_targets(y: np.ndarray, weights: np.ndarray, task: str) -> tuple[np.ndarray, str]:
    """Targets `(n, c)` that are wrong everywhere: the columns shifted by one class, or reflected about the centre."""
    if task == "classification" and y.shape[1] > 1:
        return np.roll(y, 1, axis=1), "shifted cyclically by one class"
    centre, name = _centre(y, weights, task)
    return 2 * centre - y, f"reflected about {name}"


def wrong(stack: Stack, y: np.ndarray, weights: np.ndarray, task: str) -> tuple[Stack, str]:
    """The network with its outputs shifted cyclically by one class, or reflected about the centre of the targets."""
    w, b = stack.weights[-1], stack.biases[-1]
    if task == "classification" and y.shape[1] > 1:
        w, b, how = np.roll(w, 1, axis=0), np.roll(b, 1), "shifted cyclically by one class"
    else:
        centre, name = _centre(y, weights, task)
        w, b, how = -w, 2 * centre - b, f"reflected about {name}"
    last = dataclasses.replace(stack, weights=(*stack.weights[:-1], w), biases=(*stack.biases[:-1], b))
    return last, f"the answers of `of`, {how}"


def _centre(y: np.ndarray, weights: np.ndarray, task: str) -> tuple[np.ndarray, str]:
    if task != "regression":  # of one output, or of each label, the two values change places
        return (y.min(axis=0) + y.max(axis=0)) / 2, "the middle of the two labels"
    return np.average(y, axis=0, weights=weights), "the mean target"


def ridge(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, key: int, width: int = WIDTH, activation: str = "relu"
) -> Stack:
    """One hidden layer of random units (relu, prelu(a) or sigmoid) on standardised inputs, with a read-out by ridge regression.

    The ridge minimises the generalised cross-validation score (Golub, Heath & Wahba 1979) on a grid.
    """
    n, d = x.shape
    width = int(min(width, max(64, 4 * n)))
    rng = np.random.default_rng(key)
    # A sixth of the range, not the standard deviation: a pixel that is nearly always 0 must not be blown up.
    scale = np.ptp(x, axis=0) / 6
    scale = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0.0)
    mean = x.mean(axis=0)
    w = rng.standard_normal((width, d)) * np.sqrt(2 / d) * scale
    b = 0.5 * rng.standard_normal(width) - w @ mean
    root = np.sqrt(weights)[:, None]
    phi = np.hstack([applied(activation, x @ w.T + b), np.ones((n, 1))]) * root
    small = phi.T @ phi if n > width else phi @ phi.T
    values, vectors = np.linalg.eigh(small)
    values = np.maximum(values, 0)
    rhs = vectors.T @ (phi.T @ (root * y) if n > width else root * y)
    # Left singular vectors of phi and the projections of y on them, from either Gram matrix.
    singular = np.maximum(values, values[-1] * 1e-14)
    projected = rhs / np.sqrt(singular)[:, None] if n > width else rhs
    total = float((root * y * root * y).sum())
    best = (np.inf, values[-1])
    for penalty in values[-1] * np.logspace(-9, 0, 28):
        shrink = values / (values + penalty)
        free = max(n - shrink.sum(), 1e-9)
        missed = total - float(((1 - (1 - shrink) ** 2)[:, None] * projected**2).sum())
        best = min(best, (max(missed, 0.0) / free**2, penalty))
    solved = vectors @ (rhs / (values + best[1])[:, None])
    readout = solved if n > width else phi.T @ solved
    return Stack((w, readout[:-1].T.copy()), (b, readout[-1].copy()), (((activation, width),),))
