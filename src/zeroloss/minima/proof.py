"""The verb: is a global minimum provably near these weights, and is every training example provably classified?"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from zeroloss.data import collapse
from zeroloss.descent.losses import Squared
from zeroloss.descent.problem import lower_bound, training_arrays
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, Progress, Silent, double
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent import libm
from zeroloss.tangent.readout import ReadoutProof, polish_readout, readout_proof
from zeroloss.tangent.rounding import forward
from zeroloss.verdict import Status, Verdict, at_least, at_most
from zeroloss.verdict.record import LIVE

NEAR = "a global minimum of the empirical risk lies within {} of these weights"
CLASSIFIED = "every training example is classified correctly, with a margin of at least {}"


@dataclasses.dataclass(frozen=True, repr=False)
class Proof(Verdict):
    """The verdict on "a global minimum of the empirical risk lies within this distance of these weights".

    Attributes:
        radius: the distance (Euclidean, over all weights), or None.
        which: "given" or "polished": the weights the claim is about.
        moved: Euclidean distance from the weights given to those (0.0 for "given").
        classified: the verdict on "every training example is classified correctly, with this margin" (classification
            only).
        network: the weights the claims are about, in float64.
    """

    radius: float | None = None
    which: str = "given"
    moved: float = 0.0
    classified: Verdict | None = None
    network: Any = dataclasses.field(default=None, metadata=LIVE)


def prove(
    network: Any, data: Any, polish: bool = True, *, trainable: Any = None, progress: Progress | None = None
) -> Proof:
    """Prove that a global minimum of the empirical squared risk lies near the weights of `network`.

    The claim is about the network in exact arithmetic at its float64 weights (float32 weights are taken at their exact
    values), and about the training data as float64 numbers. Equal inputs are collapsed: the minimum is that of the
    group means.

    Args:
        network: a `FeedForward` or `MLP` (others: UNKNOWN).
        data: a `Dataset`, or a pair `(x, y)`.
        polish: first move the read-out to where the residual is at rounding; `.network` are the weights judged,
            `.moved` how far.
        trainable: None, or what contains "readout": the proof moves the read-out.

    Raises:
        InputError: a network that does not fit the data; training data with NaN.
    """
    progress = progress or Silent()
    x, y = training_arrays(data)
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    digest = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
    if not isinstance(network, FeedForward):
        reason = f"a {type(network).__name__} is not known to end in a linear read-out; only a FeedForward or an MLP is judged."
        return Proof(NEAR.format("some distance"), Status.UNKNOWN, reason, {"data_sha256": digest}, network=network)
    if network.in_size != x.shape[1] or network.out_size != y.shape[1]:
        raise InputError(
            f"the network maps {network.in_size} numbers to {network.out_size} and the data have {x.shape[1]} and {y.shape[1]}; "
            "prove it on the data it was made for."
        )
    with double():
        given = as_double(network)
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in _leaves(given)):
        raise InputError("the network's weights hold NaN or infinity; nothing can be proved of them.")
    distinct = collapse(x, y)
    progress.stage("proof by the read-out", f"{len(distinct.x)} distinct inputs")
    judged = polish_readout(given, distinct.x, distinct.y) if polish and _moves_readout(trainable) else given
    progress.update(0.4)
    result = readout_proof(judged, distinct.x, distinct.y, distinct.rounding)
    progress.update(0.8)
    moved = _distance(given, judged)
    which = "polished" if judged is not given else "given"
    evidence = _evidence(result, judged, x, y, distinct, digest, which, moved)
    status, claim, reason = _judge(result, trainable, evidence, which, moved)
    return Proof(
        claim,
        status,
        reason,
        evidence,
        radius=result.radius if status is Status.PROVED else None,
        which=which,
        moved=moved,
        classified=_classified(judged, x, data),
        network=judged,
    )


def _moves_readout(trainable: Any) -> bool:
    return (
        trainable is None or trainable == "readout" or (isinstance(trainable, list | tuple) and "readout" in trainable)
    )


def _judge(result: ReadoutProof, trainable: Any, evidence: dict, which: str, moved: float) -> tuple[Status, str, str]:
    if not _moves_readout(trainable):
        return (
            Status.UNKNOWN,
            NEAR.format("some distance"),
            "This proof moves the read-out, and `trainable` leaves it fixed.",
        )
    if result.radius is None:
        reason = f"The proof by the read-out does not apply: {result.obstacle}. The residual is at most {at_most(result.residual_upper)}."
        return Status.UNKNOWN, NEAR.format("some distance"), reason
    claim = NEAR.format(at_most(result.radius))
    minimum = (
        "zero training loss"
        if evidence["infimum"] == 0
        else f"the infimum {evidence['infimum']:.6g} of the training loss"
    )
    polished = f" (the weights given, after polishing moved the read-out by {moved:.3g})" if which == "polished" else ""
    reason = (
        f"The {result.distinct} distinct inputs have independent last features (smallest singular value at least "
        f"{at_least(result.singular_value_lower)}) and the residual is at most {at_most(result.residual_upper)}, so moving the read-out "
        f"by at most {at_most(result.radius)} reaches {minimum} exactly{polished}."
    )
    return Status.PROVED, claim, reason


def _evidence(result: ReadoutProof, network, x, y, distinct, digest, which, moved) -> dict[str, Any]:
    last = forward(network, distinct.x)[-1]
    excess = float(np.sum(distinct.sizes[:, None] * (last.z - distinct.y) ** 2)) / (2 * len(x))
    infimum = lower_bound(x, y, Squared())
    weights = hashlib.sha256(b"".join(np.asarray(leaf, np.float64).tobytes() for leaf in _leaves(network))).hexdigest()
    return {
        "method": "read-out: |residual| / smallest singular value of the last features (ours, after Kawaguchi & Huang 2019)",
        "singular_value_lower": result.singular_value_lower,
        "residual_upper": result.residual_upper,
        "radius": result.radius,
        "training_loss": infimum + excess,
        "infimum": infimum,
        "weights": which,
        "moved": moved,
        "moved_relative": moved / max(_norm(network), 1e-300),
        "distinct_inputs": result.distinct,
        "examples": len(x),
        "readout_weights_per_output": result.features,
        "arithmetic": "float64 on LAPACK; the network in exact arithmetic at its float64 weights",
        "assumptions": {
            libm.ASSUMPTION: "assumed; checked on samples by the test-suite",
            "IEEE 754 double arithmetic, round to nearest, in BLAS and LAPACK": "assumed",
            "the network ends in a linear read-out": True,
        },
        "data_sha256": digest,
        "weights_sha256": weights,
    }


def _classified(network: FeedForward, x: np.ndarray, data: Any) -> Verdict | None:
    """Certified margins `f_y - max_other f` of every training example."""
    labels = getattr(data, "labels_train", None)
    if labels is None or network.out_size < 2:
        return None
    last = forward(network, x)[-1]
    rows = np.arange(len(x))
    others_low, others_high = last.z - last.z_error, last.z + last.z_error
    own_low, own_high = others_low[rows, labels], others_high[rows, labels]
    others_low[rows, labels] = others_high[rows, labels] = -np.inf
    margins = np.nextafter(own_low - others_high.max(axis=1), -np.inf)
    wrong = own_high < others_low.max(axis=1)
    worst = float(np.min(margins))
    evidence = {
        "margin_lower": worst,
        "examples": len(x),
        "certified_correct": int(np.sum(margins > 0)),
        "certified_wrong": int(np.sum(wrong)),
        "largest_rounding_error": float(np.max(last.z_error)),
        "assumptions": {libm.ASSUMPTION: "assumed; checked on samples by the test-suite"},
    }
    if worst > 0:
        reason = (
            f"All {len(x)} training examples: the smallest margin is at least {at_least(worst, 6)}, rounding included."
        )
        return Verdict(CLASSIFIED.format(at_least(worst, 4)), Status.PROVED, reason, evidence)
    if wrong.any():
        reason = f"{int(wrong.sum())} of {len(x)} training examples are classified wrongly, by more than rounding."
        return Verdict(CLASSIFIED.format("0"), Status.REFUTED, reason, evidence)
    reason = f"{int(np.sum(margins <= 0))} training examples are too close to a tie for float64: the margin's bound is {worst:.3g}."
    return Verdict(CLASSIFIED.format("0"), Status.UNKNOWN, reason, evidence)


def _leaves(network: Any) -> list[Any]:
    import equinox as eqx
    import jax

    return [leaf for leaf in jax.tree.leaves(network) if eqx.is_inexact_array(leaf)]


def _norm(network: Any) -> float:
    return float(np.sqrt(sum(float(np.sum(np.asarray(leaf, np.float64) ** 2)) for leaf in _leaves(network))))


def _distance(first: Any, second: Any) -> float:
    gaps = (
        np.asarray(a, np.float64) - np.asarray(b, np.float64)
        for a, b in zip(_leaves(first), _leaves(second), strict=True)
    )
    return float(np.sqrt(sum(float(np.sum(gap**2)) for gap in gaps)))
