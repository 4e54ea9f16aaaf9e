"""Cards of the lemmas that the proofs rest on: a certified smallest eigenvalue, a zero beside a small residual, equal inputs."""

from __future__ import annotations

import math

from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.theorems.hypotheses import FULLY_CONNECTED, POSITIVE, SMOOTH
from zeroloss.verdict import at_least, at_most
from zeroloss.verified.lipschitz import MOST_EQUATIONS
from zeroloss.verified.newton_kantorovich import Kantorovich, kantorovich, singular_value_of

TRAINABLE = {"trainable": "what may move: readout, hidden, ... (all)"}


def _formed(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    return Found(facts.equations <= MOST_EQUATIONS, f"{facts.equations:,} equations", facts.equations / MOST_EQUATIONS)


def _eigenvalue(facts: Facts) -> tuple[Promise, ...]:
    lower, upper = facts.known.lam0, facts.known.Lam0
    return (
        Promise(
            f"Its eigenvalues, rows weighted by the root of how often an input occurs, lie in [{at_least(lower)}, "
            f"{at_most(upper)}].",
            {"lambda_min_lower": lower, "lambda_max_upper": upper},
        ),
    )


def _numbers(facts: Facts) -> Kantorovich:
    k = facts.known
    return kantorovich(k.residual, singular_value_of(k.lam0), k.beta)


def _small(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    found = _numbers(facts)
    if found.radius is not None:
        return Found(True, f"h is at most {at_most(found.h)}")
    if not math.isfinite(found.h):
        return Found(None, "h is not bounded")
    return Found(None, f"h is at most {at_most(found.h)}", 2 * found.h)


def _zero(facts: Facts) -> tuple[Promise, ...]:
    found = _numbers(facts)
    assert found.radius is not None
    return (
        Promise(
            f"A global minimum of the squared training loss lies within {at_most(found.radius)} of these weights.",
            {"radius": found.radius, "h": found.h, "beta": found.beta},
        ),
    )


def _clash(facts: Facts) -> Found:
    return Found(facts.clashes > 0, f"{facts.clashes} groups of equal inputs with different targets")


def _least(facts: Facts) -> tuple[Promise, ...]:
    return (
        Promise(
            f"No function of the input has a squared training loss below {at_least(facts.infimum)}: zero loss does not exist.",
            {"infimum": facts.infimum},
        ),
    )


RUMP = Card(
    "rump",
    "A certified smallest eigenvalue",
    "If the floating-point Cholesky factorisation of K - (tau + c) I ends with a finite factor and a positive "
    "diagonal, c an allowance for its "
    "rounding, then every eigenvalue of K is above tau; less the entries' own error, so is every one of the kernel that was meant.",
    r"\operatorname{chol}(K - (\tau + c) I) \text{ completes},\ c = 1.001\, g\, (\operatorname{fl}(\operatorname{tr} K) "
    r"+ n \max(0, -\tau)) \implies "
    r"\lambda_{\min}(K) > \tau",
    "paper",
    "The criterion is Rump's; its conditions are sharpened (ours), and the entries' error is ours.",
    "S. M. Rump, Verification of positive definiteness, BIT 46 (2006) 433-452",
    (
        FULLY_CONNECTED,
        SMOOTH,
        Hypothesis(
            "kernel formed",
            f"at most {MOST_EQUATIONS:,} equations, whose full kernel is formed with a bound on its rounding",
            _formed,
        ),
        POSITIVE,
    ),
    ("a proved lower end of the smallest eigenvalue of the tangent kernel",),
    lambda facts: "the tangent kernel of these weights on the distinct training inputs is positive definite",
    _eigenvalue,
    "the docstring of zeroloss.verified.eigenvalues",
    TRAINABLE,
)

NEWTON_KANTOROVICH = Card(
    "newton-kantorovich",
    "A zero beside a small residual",
    "If the residual is at most eps, the smallest singular value of its derivative at least sigma, the derivative "
    "beta-Lipschitz near by, and "
    "h = beta eps/sigma^2 <= 1/2, then an exact zero of the residual lies within (sigma/beta)(1 - sqrt(1 - 2h)).",
    r"h = \beta \epsilon/\sigma^2 \le 1/2 \implies \exists w^*:\ F(w^*) = 0,\ \|w^* - w\| \le (\sigma/\beta)(1 - \sqrt{1 - 2h})",
    "ours",
    "The theorem for systems with more unknowns than equations is ours, after Kantorovich.",
    "ours, after L. V. Kantorovich, On Newton's method for functional equations, Dokl. Akad. Nauk SSSR 59 (1948) 1237-1240",
    (
        FULLY_CONNECTED,
        SMOOTH,
        POSITIVE,
        Hypothesis("residual", "h = beta eps/sigma^2 at most 1/2 on a ball that holds its own radius", _small),
    ),
    ("an exact global minimum lies within that distance, any layer moving",),
    lambda facts: "a global minimum of the squared training loss lies near these weights",
    _zero,
    "the docstring of zeroloss.verified.newton_kantorovich (kinks: zeroloss prove)",
    TRAINABLE,
)

REPEATS = Card(
    "repeated-inputs",
    "What equal inputs with different targets cost",
    "Equal inputs get equal answers: the squared loss of every function of the input is at least 1/(2n) times the "
    "squared distances of the "
    "targets from the means of their groups, and a network that takes the means attains it.",
    r"\inf_f L(f) = \frac1{2n} \sum_{\text{groups } g} \sum_{i \in g} \|y_i - \bar y_g\|^2",
    "ours",
    "Ours, elementary; exact, in rational arithmetic.",
    "ours",
    (Hypothesis("contradictions", "some equal inputs with different targets", _clash),),
    ("zero loss does not exist for these targets", "the loss of every network is at least that"),
    lambda facts: "no network has zero loss on these data",
    _least,
    "the mean minimises a sum of squares",
)

CARDS = (RUMP, NEWTON_KANTOROVICH, REPEATS)
