r"""Over-parametrized deep neural networks do not generalize well (M. Kohler, A. Krzyzak, arXiv 1912.03925), and what
holds for every interpolator on designs with atoms.

With `N` the visits of one of n equally likely atoms, Binomial(n, 1/n), an interpolator answers a visited atom by a mean of N
noisy targets, whose variance is `s^2/N`: the visited atoms contribute `s^2 E[1{N > 0}/N]` to its expected error, which
falls with n towards `e^-1 (Ei(1) - gamma_E) = .48483`.
"""

from __future__ import annotations

import math
from fractions import Fraction

from zeroloss.data.designs import minimax_exponent, visited_exponent
from zeroloss.data.repeats import round_down
from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.theorems.hypotheses import activations
from zeroloss.verdict import at_least

CITATION = (
    "M. Kohler, A. Krzyzak, Over-parametrized deep neural networks minimizing the empirical risk do not generalize well, "
    "arXiv 1912.03925, Bernoulli 27 (2021) 2564-2597"
)
FLOOR = 0.4848
"""A number below `e^-1 (Ei(1) - gamma_E)`, the limit of `visited_error`."""
SMOOTHNESS = {"smoothness": "p of the regression function, (p, C)-smooth"}


def visited_error(n: int) -> float:
    """`E[1{N > 0}/N]`, `N ~ Binomial(n, 1/n)`, rounded down: in units of the noise variance."""
    if n == 1:
        return 1.0
    share = math.exp(n * math.log1p(-1 / n))  # P(N = 0)
    total = 0.0
    for k in range(1, min(n, 200) + 1):
        share *= (n - k + 1) / k / (n - 1)
        total += share / k
    return total * (1 - 1e-12)


def _sigmoid(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None if facts.network is None else False, facts.kind)
    names = activations(facts)
    return Found(names == ["sigmoid"], ", ".join(names) or "it is linear")


def _regression(facts: Facts) -> Found:
    task = getattr(facts.data, "task", None)
    if task is None:
        return Found(None, "arrays, from which it can't be seen")
    return Found(task == "regression", f"{task}")


def _design(facts: Facts) -> Found:
    design = facts.assumed("design")
    if design is None:
        return Found(None, "nothing is assumed of how inputs are drawn")
    return Found(design == "random", f"{design!r}, as assumed")


def _smooth_function(facts: Facts) -> Found:
    p = facts.assumed("smoothness")
    if p is None:
        return Found(None, "its smoothness is not given")
    return Found(bool(p > 0), f"p = {p:g}, as assumed")


def _minimiser(facts: Facts) -> Found:
    assumed = facts.assumed("minimises")
    return Found(
        None if assumed is None else bool(assumed),
        "nothing is assumed" if assumed is None else f"{bool(assumed)}, as assumed",
    )


def _misses(facts: Facts) -> tuple[Promise, ...]:
    rate = -minimax_exponent(float(facts.assumed("smoothness")), facts.d)
    return (Promise(f"Its error does not fall like n^-{rate:.3g}, the minimax rate.", {"minimax_exponent": rate}),)


def _atoms(facts: Facts) -> Found:
    atoms = facts.assumed("atoms")
    if atoms is None:
        return Found(None, "nothing is assumed of how inputs are drawn")
    if len(facts.distinct.x) > atoms:
        return Found(False, f"{len(facts.distinct.x)} distinct inputs of {atoms} atoms: that cannot be")
    return Found(atoms == facts.n, f"{atoms} atoms, as assumed, and {facts.n} examples")


def _noise(facts: Facts) -> Found:
    variance = facts.assumed("noise_variance")
    if variance is None:
        return Found(None, "the noise is not given")
    return Found(bool(0 < variance < math.inf), f"variance {variance:g}, as assumed")


def _floor(facts: Facts) -> tuple[Promise, ...]:
    share = visited_error(facts.n)
    error = round_down(Fraction(share) * Fraction(float(facts.assumed("noise_variance"))))
    return (
        Promise(
            f"The visited atoms contribute at least {at_least(error)} to the expected error, {at_least(share, 5)} of "
            f"the noise variance.",
            {"expected_error": error, "share_of_variance": share, "at_every_n": FLOOR},
        ),
    )


def _tail(facts: Facts) -> Found:
    t = facts.assumed("tail")
    if t is None:
        return Found(None, "the tail is not given")
    return Found(bool(0 < t < math.inf), f"t = {t:g}, as assumed")


def _heavy(facts: Facts) -> Found:
    t, p = facts.assumed("tail"), facts.assumed("smoothness")
    if t is None or p is None:
        return Found(None, "tail or smoothness are not given")
    if not p > 0:
        return Found(False, f"p = {p:g}")
    return Found(t < 2 * p / facts.d, f"t = {t:g}, 2p/d = {2 * p / facts.d:.3g}", t / (2 * p / facts.d))


def _slow(facts: Facts) -> tuple[Promise, ...]:
    slow, best = (
        -visited_exponent(float(facts.assumed("tail"))),
        -minimax_exponent(float(facts.assumed("smoothness")), facts.d),
    )
    return (
        Promise(
            f"The error falls no faster than n^-{slow:.3g}, slower than the minimax n^-{best:.3g}.",
            {"exponent": slow, "minimax_exponent": best},
        ),
    )


PAPER = Card(
    "kohler-krzyzak",
    "Interpolating networks miss the minimax rate",
    "Logistic networks, many side by side, trained by gradient descent reach the global minimum of the empirical squared risk; "
    "networks that minimise it "
    "do not reach the minimax rate for (p, C)-smooth regression functions.",
    r"\sup_{m \in (p,C)} E \int |m_n - m|^2 dP_X \gg n^{-2p/(2p+d)}",
    "paper",
    "The claim is the paper's abstract; it is about a worst case over designs and functions, not about this data set.",
    CITATION,
    (
        Hypothesis("logistic units", "a fully connected network of sigmoid units", _sigmoid),
        Hypothesis("regression", "a regression problem", _regression),
        Hypothesis("random design", "inputs drawn independently from a distribution (assume design='random')", _design),
        Hypothesis("smooth function", "a (p, C)-smooth regression function (assume smoothness)", _smooth_function),
        Hypothesis(
            "global minimum", "weights that minimise the empirical squared risk (assume minimises=True)", _minimiser
        ),
    ),
    ("the expected error is above the minimax rate n^(-2p/(2p+d)), for some design and function",),
    lambda facts: "networks that minimise the empirical squared risk on such data miss the minimax rate",
    _misses,
    "",
    SMOOTHNESS
    | {
        "design": "'random' if inputs are drawn independently",
        "minimises": "True if the weights minimise the empirical squared risk",
    },
)

ATOMS = Card(
    "atoms",
    "What interpolation costs on n equally likely atoms",
    "On n equally likely atoms with noise of variance s^2 the visited atoms alone contribute at least .4848 s^2 to the "
    "expected error of every "
    "interpolator, however many examples there are.",
    r"N \sim \operatorname{Bin}(n, 1/n):\quad E \sum_{k\ \text{visited}} p_k |m_n - m|^2 = s^2 E[1\{N > 0\}/N] \ge .4848\, s^2",
    "ours",
    "Ours; the paper proves a rate, this is a constant.",
    f"ours, after {CITATION}",
    (
        Hypothesis("design", "inputs drawn uniformly from as many atoms as there are examples (assume atoms)", _atoms),
        Hypothesis("noise", "targets with independent noise of a positive variance (assume noise_variance)", _noise),
    ),
    ("the visited atoms contribute at least .4848 s^2, at every n; those not visited come on top",),
    lambda facts: "every interpolator of data drawn like this keeps a positive expected error, whatever n",
    _floor,
    "an interpolator answers a visited atom by the mean of its N targets; the docstring of zeroloss.theorems.kohler_krzyzak",
    {"atoms": "how many equally likely atoms the inputs are drawn from", "noise_variance": "s^2"},
)

HEAVY_TAIL = Card(
    "heavy-tail",
    "Interpolation on a design with a heavy tail",
    "On the fixed design p_k ~ k^-(1+t) the expected error of every interpolator falls no faster than n^(-t/(1+t)), "
    "which is slower than the "
    "minimax rate exactly if t < 2p/d.",
    r"p_k \sim k^{-(1+t)} \implies E\, \text{error} \ge c\, n^{-t/(1+t)};\qquad t < 2p/d \iff t/(1+t) < 2p/(2p+d)",
    "ours",
    "Ours.",
    f"ours, after {CITATION}",
    (
        Hypothesis("tail", "atoms with probabilities in proportion to k^-(1+t), t > 0 (assume tail)", _tail),
        Hypothesis("noise", "targets with independent noise of a positive variance (assume noise_variance)", _noise),
        Hypothesis("smooth function", "a (p, C)-smooth regression function (assume smoothness)", _smooth_function),
        Hypothesis("heavy enough", "t below 2p/d", _heavy),
    ),
    ("the expected error falls no faster than n^(-t/(1+t)), slower than minimax",),
    lambda facts: "every interpolator of data drawn like this is slower than the minimax rate",
    _slow,
    "the mass of atoms seen exactly once is of the order n^(-t/(1+t)), and each of them keeps the whole noise",
    SMOOTHNESS | {"tail": "t of the design p_k ~ k^-(1+t)", "noise_variance": "s^2"},
)

CARDS = (PAPER, ATOMS, HEAVY_TAIL)
