"""The verdict of the composite theorem on a network: does gradient descent reach a global minimum, and if that is not
shown, which constant is short, by how much, and what would change the verdict."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from zeroloss.networks import MLP, FeedForward
from zeroloss.tangent.sampled import SampledLipschitz
from zeroloss.verdict import Status, Verdict, at_least, at_most
from zeroloss.verified.composite import Composite
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.lipschitz import KINKS

THEOREM = "composite theorem (ours, after Terjek & Gonzalez-Sanchez, arXiv 2205.13507)"
DESCENT = "full-batch gradient descent in exact arithmetic, squared loss"
LEVEL = 1.1
"""The theorem's ratio at a quarter of the width must be larger by this factor to count as falling with width."""


@dataclasses.dataclass(frozen=True)
class ReachFacts:
    """What the verdict needs in addition to the theorem's numbers.

    Attributes:
        examples: rows of the training data; method: how the eigenvalues were bounded.
        step_size: the step to be judged, or None.
        sampled: `beta` by sampling, if wanted; narrower: the theorem at a quarter of the width, if it was tried.
    """

    network: FeedForward
    examples: int
    method: str
    step_size: float | None
    trained: Trained
    sampled: SampledLipschitz | None
    narrower: Composite | None
    assumptions: Mapping[str, str]


def reach_claim(step_size: float | None, rate: float | None) -> str:
    """The sentence judged."""
    step = "a small enough step" if step_size is None else f"step {step_size!r}"
    bound = (
        "" if rate is None else f", and after t steps loss - infimum is at most {at_most(rate, 12)}^t of what it was"
    )
    return f"gradient descent with {step}, in exact arithmetic, reaches a global minimum of the empirical squared risk{bound}"


def reaches(theorem: Composite, facts: ReachFacts) -> Verdict:
    """The verdict on `reaches`."""
    evidence = _evidence(theorem, facts)
    if theorem.holds:
        reason = (
            f"2 beta |r0|/kappa is at most {at_most(theorem.ratio)} of what lambda_min >= {at_least(theorem.lam0)} "
            f"allows (beta <= {at_most(theorem.beta)}, |r0| <= {at_most(theorem.residual)}); the path is no longer than "
            f"{at_most(theorem.radius or 0.0)}."
        )
        return Verdict(reach_claim(theorem.step_size, theorem.rate), Status.PROVED, reason, evidence)
    claim = reach_claim(facts.step_size, None)
    if not math.isfinite(theorem.ratio):
        return Verdict(claim, Status.UNKNOWN, _missing(theorem, facts), evidence)
    parts = [_short(theorem), _width(theorem, facts, evidence), _sampled(theorem, facts)]
    return Verdict(claim, Status.UNKNOWN, " ".join(part for part in parts if part), evidence)


def _evidence(theorem: Composite, facts: ReachFacts) -> dict[str, Any]:
    evidence = {
        "theorem": THEOREM,
        "lambda_min_lower": theorem.lam0,
        "lambda_max_upper": theorem.Lam0,
        "eigenvalues_from": facts.method,
        "beta_upper": theorem.beta,
        "residual_upper": theorem.residual,
        "ratio": theorem.ratio,
        "step_size": theorem.step_size,
        "smoothness": theorem.smoothness,
        "trial_radius": theorem.trial_radius,
        "radius": theorem.radius,
        "rate": theorem.rate,
        "examples": facts.examples,
        "assumptions": dict(facts.assumptions) | {DESCENT: "part of the claim"},
    }
    if facts.sampled is not None:
        evidence["beta_sampled"] = facts.sampled
    return evidence


def _missing(theorem: Composite, facts: ReachFacts) -> str:
    """The hypothesis that fails, where no other width and no other targets would restore it."""
    if facts.method == KINKS:
        names = sorted({name for layer in facts.network.activations for name, _ in layer})
        return (
            f"The theorem requires that DF be Lipschitz near the start, and the kinks of {' and '.join(names)} do not allow that; "
            "smooth activations (tanh, softplus, gelu, ...) do."
        )
    if not theorem.lam0 > 0:
        count, equations = facts.trained.count(facts.network), facts.examples * facts.network.out_size
        why = (
            f"{count:,} trained parameters for {equations:,} equations make it 0"
            if count < equations
            else f"what could be proved is no more than 0 ({facts.method})"
        )
        return f"The theorem requires lambda_min of the tangent kernel above 0, and {why}."
    return f"The theorem requires more than is known: {theorem.obstacle}."


def _short(theorem: Composite) -> str:
    times = f"{theorem.ratio:.3g}"
    return (
        f"beta |r0| is {times} times what lambda_min allows (lambda_min >= {at_least(theorem.lam0)}, "
        f"beta <= {at_most(theorem.beta)} within {theorem.trial_radius:.3g} of the start, "
        f"|r0| <= {at_most(theorem.residual)})."
    )


def _width(theorem: Composite, facts: ReachFacts, evidence: dict[str, Any]) -> str:
    """From which width on the theorem would hold: an extrapolation, and the sentence calls it one."""
    width = max(facts.network.widths, default=1)
    if not math.isfinite(theorem.shrink):
        evidence["width_asked_for"] = None
        return (
            f"No width mends that: the step {theorem.step_size:.3g} is above n/lambda_max = "
            f"{facts.examples / theorem.Lam0:.3g}, and the theorem needs it below."
        )
    kind = facts.network.parametrization if isinstance(facts.network, MLP) else "ntk"
    power, how = 0.5, "if beta falls like width^-1/2 at every radius, as in NTK parametrization"
    if kind != "ntk":
        narrow = facts.narrower
        fell = narrow.ratio / theorem.ratio if narrow is not None and math.isfinite(narrow.ratio) else math.nan
        if not fell > LEVEL:
            evidence["width_asked_for"] = None
            found = (
                "" if math.isnan(fell) else f": at a quarter of the width it is {narrow.ratio:.3g}" if narrow else ""
            )
            return (
                f"In {kind} parametrization this ratio is not seen to fall with width{found}, so none is extrapolated."
            )
        power = math.log(fell, 4)
        how = f"if the ratio keeps falling like width^-{power:.2g}, as from a quarter of this width to this one"
    short = theorem.shrink if kind == "ntk" else theorem.ratio
    needed = width * 10.0 ** min(math.log10(max(short, 1.0)) / power, 300.0)  # 10^300: no overflow
    evidence["width_asked_for"] = needed
    return (
        f"{how[0].upper()}{how[1:]}, the theorem would hold from a width of about {needed:.2g} on (an extrapolation, not a "
        f"proof) where yours is {width}; or here with targets about {theorem.ratio:.2g} times nearer to the answers at the start."
    )


def _sampled(theorem: Composite, facts: ReachFacts) -> str:
    """How far a sharper bound on `beta` could help."""
    if facts.sampled is None or not facts.sampled.value > 0:
        return ""
    least = 2 * facts.sampled.at_start * theorem.residual / theorem.lam0
    could = (
        f"2 beta |r0| is at least {least:.2g} lambda_min whatever the bound, so a sharper one would not do"
        if least > 1
        else f"2 beta |r0| might be as low as {least:.2g} lambda_min, so a sharper bound might do"
    )
    return (
        f"By power iteration beta is at least {facts.sampled.at_start:.3g} (an estimate, no part of a proof): {could}."
    )
