"""The reason of a proof in a sentence, and its evidence."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.plumbing import arithmetic
from zeroloss.problem import Problem
from zeroloss.prove.identity import norm, weights_hash
from zeroloss.prove.judged import Judged
from zeroloss.verdict import at_least, at_most
from zeroloss.verified import libm
from zeroloss.verified.newton_kantorovich import NewtonKantorovich
from zeroloss.verified.readout import ReadoutProof


def reason_of(judged: Judged, evidence: dict[str, Any], moved: float) -> str:
    """Why, in a sentence or two."""
    if not judged.applies and judged.readout is not None:
        return f"The proof by the read-out does not apply: {judged.readout.obstacle}."
    infimum = evidence["infimum"]
    minimum = f"the infimum {infimum:.6g} of the training loss" if infimum > 0 else "zero training loss"
    if infimum == 0 and evidence["contradictory_groups"]:
        minimum = "the infimum of the training loss (positive, and smaller than every float64)"
    what = "the read-out" if judged.method == "readout" else "them"
    polished = (
        f" (the weights given, after polishing moved {what} by {moved:.3g})" if judged.which == "polished" else ""
    )
    readout, newton = judged.readout, judged.newton
    if readout is not None and readout.radius is not None:
        return (
            f"The {readout.distinct} distinct inputs have independent last features (smallest singular value at least "
            f"{at_least(readout.singular_value_lower)}) and the residual is at most {at_most(readout.residual_upper)}, so moving the "
            f"read-out by at most {at_most(readout.radius)} reaches {minimum} exactly{polished}."
        )
    if newton is not None and newton.radius is not None:
        kinks = "" if newton.kink_margin is None else (
            f" No kink is nearer than {at_least(newton.kink_margin)} times that."
        )  # fmt: skip
        return (
            f"By Newton-Kantorovich: the residual is at most {at_most(newton.residual_upper)}, the smallest singular value of its "
            f"derivative at least {at_least(newton.singular_value_lower)} and the derivative's Lipschitz constant at most "
            f"{at_most(newton.lipschitz_upper)}, so h is at most {at_most(newton.h)} where 1/2 is enough, and moving the weights by at "
            f"most {at_most(newton.radius)} reaches {minimum} exactly{polished}.{kinks}"
        )
    parts = []
    if readout is not None:
        parts.append(
            f"The proof by the read-out does not apply: {readout.obstacle}. The residual is at most {at_most(readout.residual_upper)}."
        )
    elif newton is None:
        parts.append("This proof moves the read-out, and `trainable` leaves it fixed.")
    if newton is not None:
        parts.append(f"The proof by Newton-Kantorovich does not go through: {newton.obstacle}.")
    return " ".join(parts)


@np.errstate(over="ignore")
def evidence_of(problem: Problem, judged: Judged, moved: float) -> dict[str, Any]:
    """The numbers: every constant, each assumption, and what they are about."""
    distinct, infimum = problem.distinct, problem.infimum
    if not judged.applies or judged.last is None:
        assert judged.readout is not None
        return {
            "data_sha256": problem.data_sha256,
            "readout_weights_per_output": judged.readout.features,
            "distinct_inputs": len(distinct.x),
        }
    excess = float(np.sum(distinct.sizes[:, None] * (judged.last.z - distinct.y) ** 2)) / (2 * problem.n)
    bounded = {} if problem.layers is not None else {"largest_feature_error": float(judged.last.h_error.max())}
    newton = judged.newton
    return (
        _proof_evidence(judged)
        | {
            "training_loss": infimum + excess,
            "infimum": infimum,
            "contradictory_groups": problem.clashes,
            "weights": judged.which,
            "moved": moved,
            "moved_relative": moved / max(norm(judged.network), 1e-300),
            "distinct_inputs": len(distinct.x),
            "examples": problem.n,
            "arithmetic": "float64 on LAPACK; the network in exact arithmetic at its float64 weights",
            "assumptions": {
                libm.ASSUMPTION: "assumed; checked on samples by the test-suite",
                arithmetic.ASSUMPTION: arithmetic.STANDING,
            }
            | _conditions(judged.method, judged.readout, newton),
            "data_sha256": problem.data_sha256,
            "weights_sha256": weights_hash(judged.network),
        }
        | bounded
    )


def _conditions(method: str, readout: ReadoutProof | None, newton: NewtonKantorovich | None) -> dict[str, Any]:
    """Each hypothesis of the proof, and whether it was shown to hold."""
    found: dict[str, Any] = {}
    if method == "readout":
        found["the network ends in a linear read-out"] = True
        found["the last features of the distinct inputs are independent"] = (
            readout is not None and readout.radius is not None
        )
    if newton is not None:
        found["the full tangent kernel on the distinct inputs is positive definite"] = newton.singular_value_lower > 0
        found["h = beta eps/sigma^2 is at most 1/2"] = newton.h <= 0.5
        if newton.kink_margin is not None:
            found["no pre-activation reaches a kink within the radius"] = newton.kink_margin > 1
    return found


def _proof_evidence(judged: Judged) -> dict[str, Any]:
    found: dict[str, Any] = {}
    readout, newton = judged.readout, judged.newton
    if judged.method == "readout":
        found["method"] = (
            "read-out: |residual| / smallest singular value of the last features (ours, after Kawaguchi & Huang 2019)"
        )
        found["radius"] = judged.radius
        if readout is not None:
            found["singular_value_lower"] = readout.singular_value_lower
            found["residual_upper"] = readout.residual_upper
            found["readout_weights_per_output"] = readout.features
        if newton is not None:
            found["newton_kantorovich"] = _newton_evidence(newton)
        return found
    found["method"] = "Newton-Kantorovich on the full tangent kernel (ours, after Kantorovich)"
    if newton is not None:
        found |= _newton_evidence(newton)
    if readout is not None:
        found["readout"] = {"obstacle": readout.obstacle, "readout_weights_per_output": readout.features}
    return found


def _newton_evidence(newton: NewtonKantorovich) -> dict[str, Any]:
    return {f.name: getattr(newton, f.name) for f in dataclasses.fields(newton) if f.name != "distinct"}
