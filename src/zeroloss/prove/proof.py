"""`prove`: is a global minimum provably near these weights, and is every training example provably classified?"""

from __future__ import annotations

import dataclasses
from typing import Any

from zeroloss.descent import Descent
from zeroloss.identity import identity
from zeroloss.networks import FeedForward, SquasherNetwork, TorchNetwork
from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.problem import Problem, as_problem
from zeroloss.prove.certificate import certificate_of
from zeroloss.prove.identity import distance
from zeroloss.prove.judged import Judged
from zeroloss.prove.layers import judge_layers, side_by_side
from zeroloss.prove.programs import follow, judge_program
from zeroloss.prove.reasons import evidence_of, reason_of
from zeroloss.tangent.followed import shared_arrays
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import LIVE
from zeroloss.verified.certificate import NEAR, ProofCertificate
from zeroloss.verified.classified import at_all_rows, at_both, classified

METHODS = ("auto", "readout", "newton-kantorovich")


@dataclasses.dataclass(frozen=True, repr=False)
class Proof(Verdict):
    """The verdict on "a global minimum of the empirical squared risk lies within this distance of these weights".

    Attributes:
        radius: the distance (Euclidean, over the weights moved), or None.
        which: "given" or "polished": the weights the claim is about.
        moved: Euclidean distance from the weights given to those (0.0 for "given").
        classified: the verdict on "every training example is classified correctly at the weights given, with this margin"
            (classification only).
        classified_polished: the same of the polished weights (None where the weights were not moved).
        method: the proof behind the verdict, "readout" or "newton-kantorovich".
        trained: which weights and biases the minimum may differ in, layer by layer (None: not a network of layers).
        network: the weights the claims are about, in float64.
        identity: the data, and the network as given ("model") and, if it was moved, "polished".
        judged: the program that was judged, where `network` is one of JAX (Equinox, Flax, a wrapped function); it is what a
            certificate holds.
    """

    radius: float | None = None
    which: str = "given"
    moved: float = 0.0
    classified: Verdict | None = None
    classified_polished: Verdict | None = None
    method: str = "readout"
    trained: dict[str, list[bool]] | None = None
    network: Any = dataclasses.field(default=None, metadata=LIVE)
    identity: Identity | None = None
    judged: Any = dataclasses.field(default=None, metadata=LIVE)

    def certificate(self) -> ProofCertificate:
        """The proof with its weights, for `ProofCertificate.save` and `check_certificate`; only if PROVED."""
        return certificate_of(self)


def prove(
    network: Any,
    data: Any = None,
    polish: bool = True,
    *,
    method: str = "auto",
    trainable: Any = None,
    descent: Descent | None = None,
    progress: Progress | None = None,
) -> Proof:
    """Prove that a global minimum of the empirical squared risk lies near the weights of `network`.

    Two proofs. By the read-out (`zeroloss.verified.readout`): the last layer is at least as wide as there are distinct
    inputs; any activation. By Newton-Kantorovich (`zeroloss.verified.newton_kantorovich`): the full tangent kernel is
    positive definite and the residual small; it takes one `(n c, n c)` kernel and its Cholesky factor.

    The claim is about the network in exact arithmetic at its float64 weights (float32 weights are taken at their exact
    values), and about the training data as float64 numbers. Equal inputs are collapsed: the minimum is that of the
    group means.

    Args:
        network: a `FeedForward` or `MLP`; by the read-out only, a `SquasherNetwork` (on the same function as one
            `FeedForward`), a converted torch module, or any network of JAX, followed through its jaxpr.
        data: a `Dataset`, or a pair `(x, y)`; left out where `network` is a `zeroloss.Problem`.
        polish: first move the weights to where the residual is at rounding (by the read-out only the read-out);
            `.network` are the weights judged, `.moved` how far.
        method: "readout", "newton-kantorovich", or "auto": the first that applies, in this order.
        trainable: which weights the minimum may differ in; see `zeroloss.networks.trainable_mask`.
        descent: the result of Gauss-Newton that `network` is from; its kernel and factor are used again if they are
            close enough to those at the weights judged, which is checked.

    Raises:
        InputError: a network that does not fit the data; training data with NaN, or that are no float64 numbers; an unknown
            method; arithmetic in which nothing can be proved (`zeroloss.plumbing.arithmetic`).

    Standing: ours (after Kawaguchi & Huang 2019, and Kantorovich).
    """
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}; choose one of {', '.join(METHODS)}.")
    require_ieee()
    progress = progress or Silent()
    problem = as_problem(network, data, trainable)
    if isinstance(problem.network, SquasherNetwork):
        found = _of_layers(side_by_side(problem, method), polish, "readout", descent, progress)
    elif isinstance(problem.network, FeedForward):
        found = _of_layers(problem, polish, method, descent, progress)
    elif method == "newton-kantorovich":
        what = "converted torch module" if isinstance(problem.network, TorchNetwork) else type(problem.network).__name__
        raise InputError(f"a {what} is proved by the read-out only; leave out method, or give readout.")
    elif isinstance(problem.network, TorchNetwork):
        found = _proof(problem, judge_program(problem.double, problem.mask.parameters, problem, polish, progress))
    else:
        found = _of_jax(problem, polish, progress)
    polished = found.network if found.which == "polished" else None
    return dataclasses.replace(found, identity=identity(problem.given, model=problem.network, polished=polished))


def _of_layers(problem: Problem, polish: bool, method: str, descent: Any, progress: Progress) -> Proof:
    return _proof(problem, judge_layers(problem, polish, method, descent, progress))


def _of_jax(problem: Problem, polish: bool, progress: Progress) -> Proof:
    """A network of JAX, as the program that it is; the weights come back in the network given."""
    found = follow(problem)
    if isinstance(found, str):
        evidence = {"data_sha256": problem.data_sha256}
        return Proof(NEAR.format("some distance"), Status.UNKNOWN, f"{found}.", evidence, network=problem.network)
    mask = found.trace.mask(problem.mask).parameters
    proof = _proof(problem, judge_program(found.trace.network, mask, problem, polish, progress))
    if proof.status is not Status.PROVED and shared_arrays(found):
        proof = dataclasses.replace(proof, reason=proof.reason.removesuffix(".") + f"{shared_arrays(found)}.")
    return dataclasses.replace(proof, network=found.back(proof.network), judged=proof.network)


def _proof(problem: Problem, judged: Judged) -> Proof:
    """The verdicts on what was judged, with reasons and evidence."""
    moved, radius = distance(judged.given, judged.network), judged.radius
    right, polished = at_both(*_classified(problem, judged), moved)
    evidence = evidence_of(problem, judged, moved)
    reason = reason_of(judged, evidence, moved)
    return Proof(
        NEAR.format(at_most(radius) if radius is not None else "some distance"),
        Status.PROVED if radius is not None else Status.UNKNOWN,
        f"The proof is refused: {judged.trouble}." if judged.trouble else reason,
        evidence,
        radius=radius,
        which=judged.which,
        moved=moved,
        classified=right,
        classified_polished=polished,
        method=judged.method,
        trained={"weights": list(judged.trained.weights), "biases": list(judged.trained.biases)}
        if judged.applies
        else None,
        network=judged.network,
    )


def _classified(problem: Problem, judged: Judged) -> tuple[Verdict | None, Verdict | None]:
    """The verdicts on classification at the weights given and at the polished ones (None: unknown, or not moved)."""
    if judged.last is None:
        return None, None

    def at(network: Any, last: Any, which: str) -> Verdict | None:
        rows = at_all_rows(last, problem.distinct.x, problem.x)
        return classified(network, problem.x, problem.data, rows, judged.trouble, which)

    if judged.which == "given":
        return at(judged.given, judged.last, "given"), None
    return at(judged.given, judged.given_last, "given"), at(judged.network, judged.last, "polished")
