r"""A framework for overparameterized learning (D. Terjek, D. Gonzalez-Sanchez, arXiv 2205.13507), and our constants for it.

The paper's five claims are its own; the theorem with constants that `zeroloss certify` judges, and the generalisation
bound, are ours after it. `zeroloss.verified.composite` has the proof of the first in its docstring.
"""

from __future__ import annotations

import math

from zeroloss.networks import MLP
from zeroloss.theorems.card import Card, Found, Hypothesis, Promise
from zeroloss.theorems.facts import Facts
from zeroloss.theorems.hypotheses import FULLY_CONNECTED, POSITIVE, SMOOTH
from zeroloss.verdict import at_least, at_most
from zeroloss.verified.composite import composite_theorem
from zeroloss.verified.directed import ratio_upper

CITATION = "D. Terjek, D. Gonzalez-Sanchez, A framework for overparameterized learning, arXiv 2205.13507 (2022)"
TRAINABLE = {"trainable": "what descent moves: readout, hidden, layer1, ... (all)"}
UP = 1 + 1e-9


def _free(facts: Facts):
    """The theorem with the step that it picks itself."""
    k = facts.known
    return composite_theorem(k.lam0, k.Lam0, k.residual, facts.n, k.beta)


def _close(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    found = facts.theorem if facts.assumed("step_size") is None else _free(facts)
    if found.holds:
        return Found(True, f"2 beta |r0|/kappa is at most {at_most(found.ratio)} of what lambda_min allows")
    if not math.isfinite(found.ratio):
        return Found(None, f"{found.obstacle}")
    found_words = f"beta at most {at_most(found.beta)}, |r0| at most {at_most(found.residual)}, lambda_min at least {at_least(found.lam0)}"
    return Found(None, found_words, found.ratio)


def _step(facts: Facts) -> Found:
    step = facts.assumed("step_size")
    if step is None:
        return Found(True, "no step is given: the theorem picks one")
    if not step > 0:
        return Found(False, f"the step is {step!r}")
    if facts.forward is None:
        return Found(None, facts.kind)
    found = facts.theorem
    if found.holds:
        return Found(True, f"{step!r}, and 1/L_J is at least {at_least(1 / found.smoothness)}")
    return Found(
        None, f"{step!r}: {found.obstacle}", step * found.smoothness if math.isfinite(found.smoothness) else None
    )


def to_linearised(lam0: float, beta: float, radius: float) -> float:
    r"""A bound on `|w_inf - w_lin|`, `w_lin` the interpolant of the linearised model nearest to the start, rounded up.

    Within the row space of `DF(w0)` the two differ by at most `beta R^2/(2 s0)`. Out of it a step of length `ds` moves by at
    most `beta s/(s0 - beta s) ds`, `s` the path so far, which sums to `(s0/beta)(-x - log(1 - x))`, `x = beta R/s0 < 1`.
    Together at most `sqrt(1.25) beta R^2/s0` where `x <= 1/2`; beyond `x = .68` that would be too little. (Ours.)
    """
    s0 = math.sqrt(lam0) * (1 - 1e-12)
    x = ratio_upper((beta, radius, 1 + 1e-12), (s0,))
    if not x < 1:
        return math.inf
    # The logarithm's series where the difference would cancel: x^2/2 + x^3/3 + ... <= (x^2/2)(1 + x).
    factor = x * (1 + x) / 2 + 5e-324 if x < 1e-3 else (-x - math.log1p(-x)) / x
    within, out = ratio_upper((beta, radius, radius, UP), (2.0, s0)), ratio_upper((radius, factor, UP))
    return ratio_upper((math.hypot(within, out), UP))


def _composite_promise(facts: Facts) -> tuple[Promise, ...]:
    t = facts.theorem
    assert t.radius is not None and t.rate is not None and t.lam_end is not None
    near = to_linearised(t.lam0, t.beta, t.radius)
    linear = ratio_upper((t.beta, t.radius, t.radius, UP), (2.0,))
    return (
        Promise(
            f"After t steps of size {t.step_size!r} the excess loss is at most {at_most(t.rate, 12)}^t of the first.",
            {"step_size": t.step_size, "rate": t.rate, "lambda_end": t.lam_end, "smoothness": t.smoothness},
        ),
        Promise(f"The path is no longer than {at_most(t.radius)}, and stays in that ball.", {"radius": t.radius}),
        Promise(
            f"The limit is within {at_most(near)} of the interpolant of the linearised model nearest to the start.",
            {"to_linearised": near},
        ),
        Promise(
            f"On the training points the network differs from its linearisation at the same weights by at most {at_most(linear)}.",
            {"linearisation": linear},
        ),
    )


def _ntk(facts: Facts) -> Found:
    if not isinstance(facts.network, MLP):
        return Found(None if facts.network is None else False, facts.kind)
    return Found(facts.network.parametrization == "ntk", f"{facts.network.parametrization} parametrization")


def _wide(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    found = facts.theorem
    width = min(facts.forward.widths, default=0)
    if found.holds:
        return Found(True, f"width {width}, enough for ours (the card composite)")
    if not math.isfinite(found.ratio):
        return Found(None, f"width {width}; {found.obstacle}")
    return Found(
        None, f"width {width}; ours would need about {width * found.ratio**2:.2g}, an extrapolation", found.ratio**2
    )


def _paper_promise(facts: Facts) -> tuple[Promise, ...]:
    return (Promise("With our constants (i), (ii) and (iv) are promised by the card composite, (iii) by rademacher."),)


def _radius(facts: Facts) -> Found:
    radius = facts.assumed("radius")
    if radius is None:
        return Found(None, "none is given")
    return Found(bool(0 < radius < math.inf), f"{radius!r}, assumed to be fixed beforehand")


def _single(facts: Facts) -> Found:
    return Found(facts.outputs == 1, f"{facts.outputs} output(s)")


def _finite(facts: Facts) -> Found:
    radius = facts.assumed("radius", 1.0)
    if facts.forward is None:
        return Found(None, facts.kind)
    if not (radius > 0 and math.isfinite(facts.known.beta(radius)) and math.isfinite(facts.trace_upper)):
        return Found(None, "the kernel or the bound on the second derivative is not at hand")
    return Found(True, f"beta at most {at_most(facts.known.beta(radius))} on that ball")


def _complexity(facts: Facts) -> tuple[Promise, ...]:
    radius, n = float(facts.assumed("radius")), facts.n
    trace, beta = facts.trace_upper, facts.known.beta(radius)
    first = ratio_upper((radius, math.sqrt(trace), UP), (n,))
    bound = ratio_upper((first + ratio_upper((beta, radius, radius, UP), (2.0, math.sqrt(n))), UP))
    return (
        Promise(
            f"The empirical Rademacher complexity of the ball is at most {at_most(bound)} on these {n} inputs.",
            {"complexity": bound, "radius": radius, "beta": beta, "trace": trace},
        ),
    )


COMPOSITE = Card(
    "composite",
    "Descent on a composite risk, with constants",
    "If the derivative of the outputs is beta-Lipschitz near the start, their tangent kernel has smallest eigenvalue lambda0 and "
    "2 beta |r0|/kappa < lambda0, then gradient descent with a step of at most 1/L_J goes to a global minimum of the squared "
    "training loss at a linear rate, along a path of bounded length.",
    r"2 \beta q < \lambda_0,\ q = \|r_0\|/\kappa,\ \kappa = 1 - \eta L_J/2,\ \eta \le 1/L_J \implies "
    r"L_t - L^* \le (1 - 2 \kappa \eta \lambda_{end}/n)^t (L_0 - L^*),\ \lambda_{end} = \lambda_0 - 2 \beta q,\ "
    r"\sum_t \|w_{t+1} - w_t\| \le R = (\sqrt{\lambda_0} - \sqrt{\lambda_{end}})/\beta",
    "ours",
    "The theorem and its constants are ours; its form is after the paper.",
    f"ours, after {CITATION}",
    (
        FULLY_CONNECTED,
        SMOOTH,
        POSITIVE,
        Hypothesis("close enough", "2 beta |r0|/kappa below lambda_min, beta on the ball of the path", _close),
        Hypothesis("step", "a step of at most 1/L_J", _step),
    ),
    (
        "the loss falls to its global minimum by a known factor per step",
        "the path is no longer than R",
        "the limit is near the linearised model's interpolant closest to the start: within sqrt(1.25) beta "
        "R^2/sqrt(lambda0) where beta R is at "
        "most sqrt(lambda0)/2, and a little more beyond",
        "on the training points the network is within beta R^2/2 of its linearisation at the same weights",
    ),
    lambda facts: (
        "gradient descent from these weights, in exact arithmetic, reaches a global minimum of the squared training loss"
    ),
    _composite_promise,
    "the docstring of zeroloss.verified.composite",
    TRAINABLE | {"step_size": "of gradient descent (the theorem picks one)"},
)

PAPER = Card(
    "terjek-gonzalez-sanchez",
    "The five claims on wide networks",
    "A multilayer perceptron that is wide enough, its tangent kernel bounded away from singular at the start, (i) goes to a global "
    "optimum at a linear rate, (ii) near the interpolant of the linearised model closest to its start, (iii) generalises with a "
    "bound, (iv) hardly moves (lazy training), and (v) can be trained with one step size at every width.",
    r"m \ge m_0(\lambda_0, \text{even moments of the data}) \implies \text{(i) -- (v), with coefficients that improve with } m",
    "paper",
    "The claims are the paper's; its width m0 is not at hand; ours is put in its place, and the result names it.",
    CITATION,
    (
        Hypothesis("NTK parametrization", "an MLP whose layers are divided by the root of their fan-in", _ntk),
        SMOOTH,
        POSITIVE,
        Hypothesis("wide enough", "a width that the paper bounds; here, one that satisfies our constants", _wide),
    ),
    (
        "(i) linear convergence to a global optimum, faster with width",
        "(ii) implicit regularisation",
        "(iii) a bound on the generalisation error",
        "(iv) lazy training",
        "(v) the usable step does not depend on the width",
    ),
    lambda facts: "this network is wide enough for the five claims of the paper",
    _paper_promise,
    "",
    TRAINABLE,
)

RADEMACHER = Card(
    "rademacher",
    "How rich the ball around the start is",
    "The networks with weights within R of the start, R fixed before the targets are seen, have an empirical Rademacher complexity "
    "of at most R sqrt(mean K_ii/n) + beta R^2/(2 sqrt n).",
    r"\hat{\mathfrak R}(B(w_0, R)) \le R \sqrt{\tfrac1n \cdot \tfrac1n \textstyle\sum_i K_{ii}} + \frac{\beta R^2}{2 \sqrt n}",
    "ours",
    "The bound is ours, sharper than but after the paper's claim (iii).",
    f"ours, after {CITATION}",
    (
        FULLY_CONNECTED,
        SMOOTH,
        Hypothesis("one output", "one output", _single),
        Hypothesis("radius", "a radius fixed before the targets are seen", _radius),
        Hypothesis("constants", "a bounded second derivative on the ball, and the trace of the kernel", _finite),
    ),
    ("the complexity is at most that; the gap of a loss of slope 1 follows by the usual two-sided bound",),
    lambda facts: (
        "the networks within the radius of these weights have a bounded empirical Rademacher complexity on these inputs"
    ),
    _complexity,
    "first order: |sum_i e_i J_i| has mean at most sqrt(sum K_ii); the remainders sum to at most sqrt(n) beta R^2/2",
    TRAINABLE | {"radius": "R, fixed before the targets are seen"},
)

CARDS = (PAPER, COMPOSITE, RADEMACHER)
