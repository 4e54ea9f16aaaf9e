"""Norms of a network's weights, and its margins relative to them.

For layers `h -> phi(A h + c b)`, `A = a W`, the norms are those of the effective matrices `A`, so that they do not depend on how
a parametrization splits `a` from `W`. Spectral norms come from LAPACK up to 600 columns or rows, and from Lanczos on `A^T A`
beyond, with its interval.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from zeroloss.audit.curvature import moved_leaves
from zeroloss.audit.krylov import krylov
from zeroloss.audit.margins import margin_bounds
from zeroloss.audit.measure import Measure, known_measure, unknown_measure
from zeroloss.audit.subject import Subject
from zeroloss.networks import FeedForward
from zeroloss.networks.activations import activation

DENSE = (
    "spectral_product",
    "frobenius_product",
    "path_norm",
    "spectral_complexity",
    "normalised_margin",
    "margin_radius",
)
SMALL = 600
STEPS = 60
ROUNDING = 1e-9
"""Relative rounding of an SVD and of products of a few norms: far above what LAPACK's bounds allow."""
EXACT = "a function of the weights: nothing is sampled; rounding to nine digits"
SPECTRAL = "95 %, over the random start of the spectral norms' Lanczos"


@dataclasses.dataclass(frozen=True)
class Layers:
    """The effective matrices of a dense network.

    Attributes:
        matrices: `A_l` `(out, in)`; biases: `c_l b_l` or None; slopes: the largest slope of the activation behind it.
    """

    matrices: list[np.ndarray]
    biases: list[np.ndarray | None]
    slopes: list[float]


def layers(network: FeedForward) -> Layers:
    """The effective matrices of a network, in float64."""
    matrices = [a * np.asarray(w, np.float64) for a, w in zip(network.weight_scales, network.weights, strict=True)]
    biases = [
        None if b is None else c * np.asarray(b, np.float64)
        for c, b in zip(network.bias_scales, network.biases, strict=True)
    ]
    slopes = [max(activation(name).slope for name, _ in segments) for segments in network.activations]
    return Layers(matrices, biases, [*slopes, 1.0])


def norms(subject: Subject, names: set[str]) -> list[Measure]:
    """The requested measures of this group."""
    found: list[Measure] = []
    leaves = _leaves(subject.network)
    if "parameter_norm" in names:
        found.append(
            unknown_measure("parameter_norm", BLACK_BOX)
            if subject.black_box
            else _exact("parameter_norm", _norm(leaves), parameters=subject.size)
        )
    if "distance" in names:
        found.append(_distance(subject, leaves))
    wanted = [name for name in DENSE if name in names]
    if wanted:
        found += _dense(subject, wanted)
    return found


BLACK_BOX = "the network is a black box: its answers are known, its weights are not"


def _leaves(network: Any) -> list[np.ndarray]:
    return [np.asarray(leaf, np.float64) for leaf in moved_leaves(network)]


def _norm(leaves: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(leaf**2)) for leaf in leaves))


def _exact(name: str, value: float, **details: Any) -> Measure:
    if not math.isfinite(value):
        return unknown_measure(name, "the weights hold NaN, infinity or too large numbers")
    return known_measure(name, value, (value * (1 - ROUNDING), value * (1 + ROUNDING)), EXACT, **details)


def _distance(subject: Subject, leaves: list[np.ndarray]) -> Measure:
    if subject.black_box:
        return unknown_measure("distance", BLACK_BOX)
    if subject.initial is None:
        return unknown_measure("distance", "the network at its start was not given (initial=)")
    start = _leaves(subject.initial)
    return _exact("distance", _norm([a - b for a, b in zip(leaves, start, strict=True)]))


def _dense(subject: Subject, wanted: list[str]) -> list[Measure]:
    if not isinstance(subject.network, FeedForward):
        why = BLACK_BOX if subject.black_box else "not known for this network: it is not made of dense layers alone"
        return [unknown_measure(name, why) for name in wanted]
    own = layers(subject.network)
    if not all(np.isfinite(a).all() for a in own.matrices):
        return [unknown_measure(name, "the weights hold NaN or infinity") for name in wanted]
    spectral = [spectral_norm(a, subject.key) for a in own.matrices]
    slope = math.prod(own.slopes)
    product = [slope * math.prod(s[i] for s in spectral) for i in range(3)]
    per_layer = {"spectral_norms": [s[0] for s in spectral], "slopes": own.slopes}
    found = []
    for name in wanted:
        if name == "spectral_product":
            found.append(_bounded(name, product, **per_layer))
        elif name == "frobenius_product":
            each = [float(np.linalg.norm(a)) for a in own.matrices]
            found.append(_exact(name, slope * math.prod(each), frobenius_norms=each))
        elif name == "path_norm":
            found.append(_exact(name, path_norm(own)))
        elif name == "spectral_complexity":
            found.append(_bounded(name, _complexity(subject, own, spectral), reference=_reference(subject)))
        else:
            found.append(_against(name, subject, own, spectral, product))
    return found


def _bounded(name: str, ends: list[float], **details: Any) -> Measure:
    value, low, high = ends
    if not math.isfinite(value):
        return unknown_measure(name, "it overflows float64", **details)
    return known_measure(
        name, value, (low * (1 - ROUNDING), high * (1 + ROUNDING)), SPECTRAL if high > low else EXACT, **details
    )


def spectral_norm(a: np.ndarray, key: int) -> tuple[float, float, float]:
    """`|a|_2` with an interval, `(value, lower, upper)`."""
    if min(a.shape) <= SMALL:
        side = a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a
        value = math.sqrt(max(0.0, float(np.linalg.eigvalsh(side)[-1])))
        return value, value, value
    space = krylov(lambda v: a.T @ (a @ v), a.shape[1], STEPS, key=key)
    low, high = (math.sqrt(max(0.0, end)) for end in space.highest(positive=True))
    return low, low, high


def path_norm(own: Layers) -> float:
    """`sqrt(sum over paths of the squared product of the weights)`, the inputs' paths only."""
    paths = np.ones(own.matrices[0].shape[1])
    for matrix in own.matrices:
        paths = matrix**2 @ paths
    return math.sqrt(float(paths.sum()))


def _reference(subject: Subject) -> str:
    return "start" if isinstance(subject.initial, FeedForward) else "zero"


def _complexity(subject: Subject, own: Layers, spectral) -> list[float]:
    """Bartlett's `R`: value, lower and upper end."""
    start = layers(subject.initial).matrices if isinstance(subject.initial, FeedForward) else None
    moved = [
        float(np.sum(np.linalg.norm(a if start is None else a - start[k], axis=1))) for k, a in enumerate(own.matrices)
    ]
    # R = (sum_l (m_l prod_{k != l} s_k ...)^{2/3})^{3/2}, without dividing by a norm that may be 0.
    ends = []
    for i in range(3):
        each = [s[i] * slope for s, slope in zip(spectral, own.slopes, strict=True)]
        terms = [(m * own.slopes[k] * math.prod(each[:k] + each[k + 1 :])) ** (2 / 3) for k, m in enumerate(moved)]
        ends.append(sum(terms) ** 1.5)
    return ends


def _against(name: str, subject: Subject, own: Layers, spectral, product) -> Measure:
    """A margin over a norm."""
    if subject.data.task == "regression":
        return unknown_measure(name, "the data are a regression; only classes have margins")
    low, middle, high, certified = margin_bounds(subject)
    if not np.isfinite(middle).all():
        return unknown_measure(name, "an answer at a training example is NaN or infinite")
    if name == "margin_radius":
        # A difference of two outputs changes by at most sqrt(2) times their vector's change; a single output by that itself.
        scale = [
            1 / (math.sqrt(2 if middle.size and subject.data.y_train.shape[1] > 1 else 1) * p) if p else math.inf
            for p in product
        ]
        q = 0.0
    else:
        size = float(np.linalg.norm(subject.data.x_train))
        complexity = _complexity(subject, own, spectral)
        scale = [len(middle) / (r * size) if r and size else math.inf for r in complexity]
        q = 0.1
    at = [float(np.quantile(b, q, method="inverted_cdf")) for b in (middle, low, high)]
    if not all(map(math.isfinite, scale)):
        return unknown_measure(name, "the norm is 0 or overflows float64")
    # The scale's value and lower end belong to the norm's; a larger norm makes a smaller share.
    ends = sorted(m * s for m in at[1:] for s in scale[1:])
    return known_measure(
        name, at[0] * scale[0], (_outward(ends[0], -1), _outward(ends[-1], 1)), SPECTRAL if spectral_random(spectral) else EXACT,
        certified=certified, examples=len(middle),
    )  # fmt: skip


def spectral_random(spectral) -> bool:
    """Whether a spectral norm came from a random start."""
    return any(high > low for _, low, high in spectral)


def _outward(value: float, side: int) -> float:
    return value + side * ROUNDING * abs(value)
