"""Hypotheses that several cards share."""

from __future__ import annotations

import math

from zeroloss.networks.activations import activation
from zeroloss.theorems.card import Found, Hypothesis
from zeroloss.theorems.facts import Facts
from zeroloss.verdict import at_least
from zeroloss.verified.lipschitz import MOST_EQUATIONS


def activations(facts: Facts) -> list[str]:
    """The names of the activations, each once."""
    assert facts.forward is not None
    return sorted({name for segments in facts.forward.activations for name, _ in segments})


def _fully_connected(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None if facts.network is None else False, facts.kind)
    return Found(True, f"it is one, {facts.forward.depth} hidden layer(s)")


def _smooth(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    kinked = [name for name in activations(facts) if not math.isfinite(activation(name).curvature)]
    if kinked:
        return Found(False, f"{', '.join(kinked)} has a kink")
    return Found(True, ", ".join(activations(facts)) or "no activation: it is linear")


def _positive(facts: Facts) -> Found:
    if facts.forward is None:
        return Found(None, facts.kind)
    if facts.parameters < facts.equations:
        return Found(
            False,
            f"{facts.parameters:,} trained parameters for {facts.equations:,} equations: it is 0",
            facts.equations / max(facts.parameters, 1),
        )
    if facts.known.lam0 > 0:
        return Found(True, f"at least {at_least(facts.known.lam0)} ({facts.known.method})")
    part = (
        ""
        if facts.equations <= MOST_EQUATIONS
        else f" (above {MOST_EQUATIONS:,} equations only the read-out's block is bounded)"
    )
    return Found(None, f"no lower bound above 0 is shown{part}")


FULLY_CONNECTED = Hypothesis("fully connected", "an MLP or a FeedForward", _fully_connected)
SMOOTH = Hypothesis("smooth activation", "an activation with a bounded second derivative", _smooth)
POSITIVE = Hypothesis(
    "lambda_min",
    "the smallest eigenvalue of the tangent kernel above 0 (distinct inputs, rows weighted by the root of their count)",
    _positive,
)
