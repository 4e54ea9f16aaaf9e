r"""Why do larger models generalize better? A theoretical perspective via the XOR problem (A. Brutzkus, A. Globerson, arXiv
1810.03037).

All constants are recalled; `zeroloss.theorems.xor_formulas` has them, and a derivation (ours) of 33/48. Probabilities are
over the random start, so nothing is promised of one network: these cards are never PROVED.
"""

from __future__ import annotations

import math

import numpy as np

from zeroloss.data.xord import ALL_FOUR, BOTH_NEGATIVE, is_positive, sets_of
from zeroloss.networks.xor import XorNetwork
from zeroloss.theorems import xor_formulas as formulas
from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.verdict import at_least

CITATION = (
    "A. Brutzkus, A. Globerson, Why do larger models generalize better? A theoretical perspective via the XOR problem, "
    "arXiv 1810.03037 (ICML 2019)"
)
LARGEST_C = 1 / 410
OPTIONS = {
    "gamma": "the margin of the loss for positives (8)",
    "c_eta": "the constant of start and step, at most 1/410 (1/410)",
    "step_size": "of gradient descent (c_eta/k)",
}


def _filters(facts: Facts) -> int | None:
    return len(facts.network.w) if isinstance(facts.network, XorNetwork) else None


def _network(facts: Facts) -> Found:
    if isinstance(facts.network, XorNetwork):
        return Found(True, f"it is one, with {_filters(facts)} filters of each kind")
    return Found(None if facts.network is None else False, facts.kind)


def _codes(facts: Facts) -> np.ndarray | None:
    """The set of patterns of each input; None where the inputs are no rows of signs in pairs."""
    if facts.d % 2 or not np.isin(facts.x, (-1.0, 1.0)).all():
        return None
    return sets_of(facts.x)


def _labels(facts: Facts) -> Found:
    codes = _codes(facts)
    if codes is None:
        return Found(False, "inputs that are no pairs of -1 and 1")
    wrong = int((facts.y[:, 0] != np.where(is_positive(codes), 1.0, -1.0)).sum()) if facts.outputs == 1 else facts.n
    return Found(wrong == 0, f"{wrong} of {facts.n} labels are others")


def _diverse(facts: Facts) -> Found:
    codes = _codes(facts)
    if codes is None:
        return Found(False, "inputs that are no pairs of -1 and 1")
    positive, negative = int((codes == ALL_FOUR).sum()), int((codes == BOTH_NEGATIVE).sum())
    return Found(positive > 0 and negative > 0, f"{positive} diverse positives and {negative} diverse negatives")


def _all_diverse(facts: Facts) -> Found:
    codes = _codes(facts)
    if codes is None:
        return Found(False, "inputs that are no pairs of -1 and 1")
    others = int((~np.isin(codes, (ALL_FOUR, BOTH_NEGATIVE))).sum())
    both = bool((codes == ALL_FOUR).any() and (codes == BOTH_NEGATIVE).any())
    return Found(
        others == 0 and both, f"{others} of {facts.n} points are not diverse" if both else "points of one label alone"
    )


def _many(facts: Facts) -> Found:
    k = _filters(facts)
    return Found(None, facts.kind) if k is None else Found(k >= 120, f"k = {k}", 120 / k)


def _two(facts: Facts) -> Found:
    k = _filters(facts)
    return Found(None, facts.kind) if k is None else Found(k == 2, f"k = {k}")


def _gamma(facts: Facts) -> Found:
    gamma = facts.assumed("gamma", 8)
    return Found(gamma >= 8, f"gamma = {gamma:g}", 8 / gamma if gamma > 0 else None)


def _constant(facts: Facts) -> Found:
    c = facts.assumed("c_eta", LARGEST_C)
    return Found(0 < c <= LARGEST_C, f"c_eta = {c:.4g}", c / LARGEST_C)


def _start(facts: Facts) -> Found:
    k = _filters(facts)
    if k is None:
        return Found(None, facts.kind)
    allowed = formulas.weight_std(k, facts.assumed("c_eta", LARGEST_C))
    std = facts.network.weight_std
    return Found(std <= allowed, f"{std:.3g} where {allowed:.3g} is allowed", std / allowed)


def _step(facts: Facts) -> Found:
    k = _filters(facts)
    if k is None:
        return Found(None, facts.kind)
    allowed = formulas.step_size(k, facts.assumed("c_eta", LARGEST_C))
    step = facts.assumed("step_size", allowed)
    return Found(0 < step <= allowed, f"{step:.3g} where {allowed:.3g} is allowed", step / allowed)


def _large(facts: Facts) -> tuple[Promise, ...]:
    k, c = _filters(facts), facts.assumed("c_eta", LARGEST_C)
    assert k is not None
    scale = formulas.step_size(k, c) / facts.assumed("step_size", formulas.step_size(k, c))
    steps = math.ceil(formulas.step_bound(k, facts.assumed("gamma", 8), c) * scale)
    share = formulas.LARGE_NET - formulas.C_0
    return (
        Promise(
            f"With probability at least {at_least(share, 4)} over the start: zero training and test error within {steps:,} steps.",
            {"steps": steps, "probability": share},
        ),
    )


def _small(facts: Facts) -> tuple[Promise, ...]:
    share = formulas.SMALL_NET * (1 - formulas.C_0)
    return (
        Promise(
            f"With probability {formulas.SMALL_NET:.4g} over the start: a global minimum that errs on points that are not diverse.",
            {"probability": share, "derived": formulas.errs(2)},
        ),
    )


NETWORK = Hypothesis("XOR network", "an XorNetwork: max over pairs of relu filters, read-out fixed", _network)
LABELS = Hypothesis("XORD data", "pairs of -1 and 1, labelled +1 iff some pair is (1, 1) or (-1, -1)", _labels)
CONSTANT = Hypothesis("c_eta", "0 < c_eta <= 1/410", _constant)
START = Hypothesis("start", "weights N(0, sigma^2) with sigma <= c_eta/(16 k^1.5)", _start)
STEP = Hypothesis("step", "a step of at most c_eta/k, full batch", _step)
MARGIN = Hypothesis("gamma", "gamma >= 8", _gamma)

LARGE = Card(
    "xord-large",
    "Many filters find all patterns",
    "With k >= 120 filters of each kind, gamma >= 8 and a diverse point of each label in the training set, gradient "
    "descent reaches zero training "
    "and zero test error, with a probability near 1 over the start.",
    r"k \ge 120,\ \gamma \ge 8 \implies P\big(\text{zero training and test error within } "
    r"\tfrac{7(\gamma + 1 + 8 c_\eta)}{(k/2 - 2\sqrt k)\, \eta} \text{ steps}\big) \ge 1 - c_0 - 16 e^{-8}",
    "recalled",
    "Every constant is recalled and not confirmed.",
    CITATION,
    (
        NETWORK,
        LABELS,
        Hypothesis(
            "diverse points", "a positive with all four patterns and a negative with both negative ones", _diverse
        ),
        Hypothesis("filters", "k >= 120", _many),
        MARGIN,
        CONSTANT,
        START,
        STEP,
    ),
    ("zero training error and zero test error", "within 7 (gamma + 1 + 8 c_eta)/((k/2 - 2 sqrt k) step) steps"),
    lambda facts: (
        "gradient descent on the XOR network reaches zero training and zero test error, with a probability near 1 over the start"
    ),
    _large,
    "",
    OPTIONS,
)

SMALL = Card(
    "xord-small",
    "Two filters reach a global minimum that errs",
    "With k = 2 filters of each kind and diverse training points only, gradient descent reaches with probability about "
    "33/48 a global minimum that "
    "is wrong on points that are not diverse.",
    r"k = 2 \implies P(\text{zero training loss, and an error on some set of patterns}) \approx 33/48",
    "recalled",
    "33/48 is recalled; that it is 3/4 - (1/8)(1/2) is ours, and measured by the study brutzkus_globerson_xor.",
    CITATION,
    (
        NETWORK,
        LABELS,
        Hypothesis("diverse points only", "training points that are all diverse, of both labels", _all_diverse),
        Hypothesis("filters", "k = 2", _two),
        MARGIN,
        CONSTANT,
        START,
        STEP,
    ),
    ("a global minimum that errs, with probability about 33/48",),
    lambda facts: (
        "gradient descent on the XOR network with two filters reaches a global minimum that errs, with probability about 33/48"
    ),
    _small,
    "",
    OPTIONS,
)

CARDS = (LARGE, SMALL)
