"""Any network made deeper, its function kept.

A hidden layer more changes nothing that zero training loss can see. With `k` layers added, `R` the relu, `P` the
parametric relu of slope `a` (0 for the relu itself), `s` the sigmoid:

    identity   h -> R(h) = P(h) = h                          where the last hidden layer is >= 0: exact
    pairs      f = (P^k(f) - P^k(-f))/(1 + a^k)              on every input; `P^k` is `k` layers of weight 1
    shift      f = P(f + B) - B                              where f >= -B
    chain      f ~ (4/e) (s(e f) - 1/2), f ~ tanh(e f)/e     |f| <= M: off by at most e^2 M^3/12, e^2 M^3/3 per layer

Standing: that depth can be added so, paper (Guan 2407.16872, Theorem 2.1); these formulas, ours.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.minima.chain import Chain, refitted
from zeroloss.minima.constructions.combine import inserted
from zeroloss.networks import FeedForward, predict
from zeroloss.networks.activations import negative_slope
from zeroloss.plumbing import InputError
from zeroloss.verdict import Record
from zeroloss.verdict.record import LIVE

NONNEGATIVE = ("relu", "abs", "sigmoid", "softplus")
BOUNDED = ("tanh", "sigmoid", "erf")


@dataclasses.dataclass(frozen=True)
class Extension(Record):
    """A network made deeper, and what is known of it.

    Attributes:
        layers, width, activation: of the hidden layers added.
        way: "identity", "pairs", "shift" or "chain"; see the formulas above.
        holds: a sentence: on which inputs the function is kept.
        bound: `B` of each output (shift), `M` of each (chain); None for the others.
        tolerance: what rounding and, for a chain, its curvature may change, over the largest `|f|` (chain: over `M`).
        max_error: largest `|extended - wanted|` on the rows given, over the largest `|wanted|` there; None without
            rows. Wanted are the answers of the network given, or `y`.
        network: the deeper network (not written to JSON).
    """

    layers: int
    width: int
    activation: str
    way: str
    holds: str
    bound: tuple[float, ...] | None
    tolerance: float
    max_error: float | None
    network: Any = dataclasses.field(default=None, metadata=LIVE, compare=False, repr=False)


def extend(
    network: FeedForward,
    layers: int,
    width: int | None = None,
    activation: str | None = None,
    *,
    x: Any = None,
    y: Any = None,
    bound: Any = None,
    sharpness: float | None = None,
) -> Extension:
    """`network` with `layers` more hidden layers of `width` units before its output, and the same function.

    The way is the first that the width allows: identity (as many units as the last hidden layer, and that one >= 0),
    pairs (two units per output), shift (one per output); sigmoid and tanh are chains (one per output). Units beyond
    those needed get weights 0. Fewer than one unit per output cannot carry the outputs.

    Args:
        network: an `MLP` or `FeedForward` of `c` outputs, trained or not; it is not changed.
        layers: how many, 1 or more.
        width: units of each; by default as the first way allows.
        activation: "relu", "leaky_relu", "prelu(a)" with 0 < a < 1, "sigmoid" or "tanh"; by default that of the last
            hidden layer if it is one of these, and relu otherwise.
        x: rows `(n, d)` on which the result is measured, and from which `B` (half the range of each output is left as
            margin) and `M` are taken.
        y: values `(n, c)` that a chain must give on `x` exactly; by default those of `network`. The read-out before
            the chain is solved again for `chain^-1(y)`, which needs about as many last hidden units as rows. That moves
            the function elsewhere, by at most what `.holds` states beyond the tolerance.
        bound: `B` or `M`, one number or one per output, if known: then the function is kept wherever it holds.
        sharpness: `e M` of a chain; by default about the one of least error in the precision of the network.

    Raises:
        InputError: no such network, count, width or activation; a bound is needed and neither `x`, `bound` nor a
            bounded last hidden layer gives one; or rows do not fit.
    """
    _check(network, layers)
    name = _activation(network, activation)
    rows, wanted = _rows(network, x, y)
    given = predict(network, rows) if rows is not None else None
    target = wanted if wanted is not None else given
    chain = name in ("sigmoid", "tanh")
    way, needed = _way(network, name, width, chain)
    units = needed if width is None else int(width)
    limits, origin = (None, "") if way in ("identity", "pairs") else _bound(network, given, bound, way)
    made: Chain | None = None
    if way == "identity":
        deeper, holds = _identity(network, layers, units, name), "on every input, exactly"
    elif way == "pairs":
        deeper, holds = _pairs(network, layers, units, name), "on every input, to rounding"
    elif way == "shift":
        assert limits is not None
        deeper, holds = _shift(network, layers, units, name, limits), f"where every output is at least -B; {origin}"
    else:
        assert limits is not None
        made = Chain.fitting(name, layers, limits, network.dtype, sharpness)
        deeper, holds = made.network(network, units), f"to the tolerance where every |output| is at most M; {origin}"
        if rows is not None and target is not None:
            deeper, solved = refitted(deeper, network, made, rows, target)
            holds += f"; on the {len(rows)} rows given {solved}"
    return Extension(
        layers=int(layers),
        width=units,
        activation=name,
        way=way,
        holds=f"The function is kept {holds}.",
        bound=None if limits is None else tuple(limits.tolist()),
        tolerance=made.tolerance if made else _rounding(network, way),
        max_error=None if rows is None or target is None else _error(deeper, rows, target),
        network=deeper,
    )


def _check(network: Any, layers: int) -> None:
    if not isinstance(network, FeedForward):
        raise InputError(
            f"a {type(network).__name__} cannot be extended; give an MLP or a FeedForward (extend_convolutional takes "
            "eqx.nn.Sequential)."
        )
    if int(layers) != layers or layers < 1:
        raise InputError(f"layers={layers}: add a whole number of hidden layers, 1 or more.")


def _activation(network: FeedForward, name: str | None) -> str:
    if name is None:
        last = network.activations[-1] if network.depth else ()
        name = last[0][0] if len(last) == 1 else "relu"
        slope = negative_slope(name)
        known = name in ("sigmoid", "tanh") or (slope is not None and 0 < slope < 1)
        return name if known else "relu"
    slope = negative_slope(name)
    if name not in ("relu", "sigmoid", "tanh") and (slope is None or not 0 < slope < 1):
        raise InputError(
            f"layers of {name!r} do not keep a function; add relu, leaky_relu, prelu(a) with 0 < a < 1, sigmoid or tanh."
        )
    return name


def _rows(network: FeedForward, x: Any, y: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    if x is None:
        if y is not None:
            raise InputError("y= is given without x=; give the inputs that belong to these values.")
        return None, None
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or x.shape[1] != network.in_size or not len(x):
        raise InputError(f"x of shape {x.shape} does not fit; the network takes rows (n, {network.in_size}).")
    if y is None:
        return x, None
    y = np.asarray(y, np.float64)
    if y.shape != (len(x), network.out_size):
        raise InputError(f"y of shape {y.shape} does not fit; {len(x)} rows need ({len(x)}, {network.out_size}).")
    return x, y


def _way(network: FeedForward, name: str, width: int | None, chain: bool) -> tuple[str, int]:
    c = network.out_size
    if width is not None and (int(width) != width or width < 1):
        raise InputError(f"width={width}: a hidden layer has a whole number of units, 1 or more.")
    if not chain:
        nonnegative = network.depth and all(a in NONNEGATIVE for a, _ in network.activations[-1])
        if nonnegative and (width is None or width >= network.widths[-1]):
            return "identity", network.widths[-1]
        if width is None or width >= 2 * c:
            return "pairs", 2 * c
    if width is not None and width < c:
        raise InputError(f"width {width} cannot carry {c} outputs; give width={c} or more.")
    return ("chain" if chain else "shift"), c


def _bound(network: FeedForward, given: np.ndarray | None, bound: Any, way: str) -> tuple[np.ndarray, str]:
    """`B` or `M` of each output, and a clause on the inputs for which it holds."""
    c = network.out_size
    if bound is not None:
        limits = np.broadcast_to(np.asarray(bound, np.float64), (c,)).copy() if np.size(bound) in (1, c) else None
        if limits is None or not np.isfinite(limits).all() or (way == "chain" and (limits <= 0).any()):
            raise InputError(f"bound={bound!r}: give one number, or one for each of the {c} outputs (above 0 for M).")
        return limits, "B or M is the bound given"
    if given is not None:
        low, high = given.min(axis=0).astype(np.float64), given.max(axis=0).astype(np.float64)
        if way == "shift":
            return np.maximum(0.0, (high - low) / 2 - low), "so it is on all rows given, with half the range as margin"
        size = np.maximum(np.abs(low), np.abs(high))
        return np.where(size > 0, size, 1.0), "so it is on all rows given"
    if network.depth and all(a in BOUNDED for a, _ in network.activations[-1]):
        w = np.abs(np.asarray(network.weights[-1], np.float64)) * abs(network.weight_scales[-1])
        limits = w.sum(axis=1) + np.abs(_offset(network))
        return np.where(limits > 0, limits, 1.0), "which is everywhere, as the last hidden layer is bounded by 1"
    raise InputError("where are the outputs bounded? Give x= (rows), or bound=; or, for relu and prelu, more width.")


def _offset(network: FeedForward) -> np.ndarray:
    b = network.biases[-1]
    return np.zeros(network.out_size) if b is None else network.bias_scales[-1] * np.asarray(b, np.float64)


def _identity(network: FeedForward, layers: int, units: int, name: str) -> FeedForward:
    m = network.widths[-1]
    w = np.asarray(network.weights[-1])
    first = [np.eye(units, m), *[np.eye(units, units)] * (layers - 1)]
    readout = np.hstack([w, np.zeros((len(w), units - m), w.dtype)])
    return inserted(
        network,
        [*first, readout],
        [1.0] * layers + [network.weight_scales[-1]],
        [np.zeros(units)] * layers + [network.biases[-1]],
        [1.0] * layers + [network.bias_scales[-1]],
        name,
    )


def _pairs(network: FeedForward, layers: int, units: int, name: str) -> FeedForward:
    w, b, c = np.asarray(network.weights[-1]), network.biases[-1], network.out_size
    a = np.asarray(negative_slope(name) or 0.0, w.dtype)  # as the layers compute with it
    last = np.zeros((c, units))
    last[:, :c], last[:, c : 2 * c] = np.eye(c), -np.eye(c)
    first = np.zeros((units, w.shape[1]), w.dtype)
    first[:c], first[c : 2 * c] = w, -w
    bias = None
    if b is not None:
        bias = np.zeros(units, w.dtype)
        bias[:c], bias[c : 2 * c] = b, -np.asarray(b)
    return inserted(
        network,
        [first, *[np.eye(units, units)] * (layers - 1), last / (1 + float(a) ** layers)],
        [network.weight_scales[-1]] + [1.0] * layers,
        [bias, *[np.zeros(units)] * (layers - 1), np.zeros(c)],
        [network.bias_scales[-1]] + [1.0] * layers,
        name,
    )


def _shift(network: FeedForward, layers: int, units: int, name: str, limits: np.ndarray) -> FeedForward:
    w, c = np.asarray(network.weights[-1]), network.out_size
    lifted = _offset(network) + limits
    first = np.vstack([w, np.zeros((units - c, w.shape[1]), w.dtype)])
    return inserted(
        network,
        [first, *[np.eye(units, units)] * (layers - 1), np.eye(c, units)],
        [network.weight_scales[-1]] + [1.0] * layers,
        [np.concatenate([lifted, np.zeros(units - c)]), *[np.zeros(units)] * (layers - 1), -limits],
        [1.0] * (layers + 1),
        name,
    )


def _rounding(network: FeedForward, way: str) -> float:
    return {"identity": 0.0, "pairs": 8.0, "shift": 8.0}[way] * float(np.finfo(network.dtype).eps)


def _error(network: FeedForward, x: np.ndarray, wanted: np.ndarray) -> float:
    wanted = np.asarray(wanted, np.float64)
    return float(np.abs(predict(network, x) - wanted).max() / (np.abs(wanted).max() or 1.0))
