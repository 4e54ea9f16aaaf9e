"""`prove`: is a global minimum provably near these weights, and is every training example provably classified?"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from zeroloss.data import collapse
from zeroloss.data.arrays import training_arrays
from zeroloss.data.checks import lacking
from zeroloss.data.load import as_data
from zeroloss.descent import Descent
from zeroloss.identity import identity
from zeroloss.networks import (
    FeedForward,
    SquasherNetwork,
    TorchNetwork,
    differentiable,
    on_rows,
    trainable_mask,
)
from zeroloss.networks.differentiable import is_foreign
from zeroloss.networks.pytorch.inputs import check_images
from zeroloss.networks.weights import check_weights
from zeroloss.plumbing import InputError, Progress, Silent, double
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.digest import data_hash
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.precision import as_double
from zeroloss.problem import matched
from zeroloss.prove.certificate import certificate_of
from zeroloss.prove.converted import judge_converted, prepared_converted
from zeroloss.prove.identity import distance, leaves
from zeroloss.prove.polish import polish as polish_all
from zeroloss.prove.polish import polish_readout, with_layers
from zeroloss.prove.reasons import Judged, evidence_of, reason_of
from zeroloss.prove.traced import followed_for, moved_leaves
from zeroloss.tangent.agreement import disagreement
from zeroloss.tangent.followed import shared_arrays
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import LIVE
from zeroloss.verified.certificate import NEAR, ProofCertificate
from zeroloss.verified.classified import at_all_rows, at_both, classified
from zeroloss.verified.forward import forward
from zeroloss.verified.jacobian import Trained, trained_layers
from zeroloss.verified.layers import Layers
from zeroloss.verified.newton_kantorovich import NewtonKantorovich, newton_kantorovich, too_large
from zeroloss.verified.readout import ReadoutProof, readout_proof

MOST_UNITS = 10_000
"""Units of a layer of a squasher network up to which its block-diagonal matrix is written out."""
ONLY_READOUT = "{} is proved by the read-out only; leave out method, or give readout."
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
    data: Any,
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
        data: a `Dataset`, or a pair `(x, y)`.
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
    given = data = as_data(data)
    if is_foreign(network):
        network = differentiable(network, data if hasattr(data, "x_train") else np.asarray(data[0]))
    network = on_rows(network, data)
    found = _proof(network, matched(network, data), polish, method, trainable, descent, progress)
    polished = found.network if found.which == "polished" else None
    return dataclasses.replace(found, identity=identity(given, model=network, polished=polished))


def _proof(network: Any, data: Any, polish, method, trainable, descent, progress: Progress) -> Proof:
    """`prove` of a network of this library, on data with targets for its outputs."""
    x, y = training_arrays(data)
    x, y = as_float64(x, "inputs"), as_float64(y, "targets")
    digest = data_hash(x, y)
    check_weights(network)
    if isinstance(network, SquasherNetwork):
        network, trainable, method = _side_by_side(network, trainable, method)
    if isinstance(network, TorchNetwork):
        check_images(network, data)
        return _prove_converted(network, data, (x, y, digest), polish, method, trainable, progress)
    if not isinstance(network, FeedForward):
        return _prove_traced(network, data, (x, y, digest), polish, method, trainable, progress)
    given, trained = _prepared(network, x, y, trainable)
    distinct = collapse(x, y)
    judged = _judge(given, distinct, trained, polish, method, descent, progress)
    last = forward(judged.network, distinct.x)[-1]
    trouble = disagreement(judged.network, distinct.x, last.z, last.z_error)
    moved = distance(given, judged.network)
    which = "polished" if judged.network is not given else "given"
    found = evidence_of(judged, x, y, distinct, which, moved, digest, last)
    radius = None if trouble else judged.radius
    right = classified(given, x, data, trouble=_trouble(given, x) if which == "polished" else trouble)
    polished = None if which == "given" else classified(judged.network, x, data, trouble=trouble, which="polished")
    right, polished = at_both(right, polished, moved)
    return Proof(
        NEAR.format(at_most(radius) if radius is not None else "some distance"),
        Status.PROVED if radius is not None else Status.UNKNOWN,
        f"The proof is refused: {trouble}." if trouble else reason_of(judged, found, which, moved),
        found,
        radius=radius,
        which=which,
        moved=moved,
        classified=right,
        classified_polished=polished,
        method=judged.method,
        trained={"weights": list(trained.weights), "biases": list(trained.biases)},
        network=judged.network,
    )


def _trouble(network: FeedForward, x: np.ndarray) -> str:
    """Why the bounded answers of a network of layers are not to be believed; "" where they are."""
    last = forward(network, x)[-1]
    return disagreement(network, x, last.z, last.z_error)


def _side_by_side(network: SquasherNetwork, trainable: Any, method: str) -> tuple[FeedForward, str, str]:
    """The squasher network as one of layers whose read-out alone may move: the zeros between its blocks are no weights.

    Raises:
        InputError: a wish to move, or a proof by moving, other weights; a network too large as one of full layers.
    """
    if method == "newton-kantorovich" or trainable not in (None, "readout"):
        raise InputError(
            "of a SquasherNetwork only the proof by the read-out is made: leave trainable and method out, or say 'readout'."
        )
    units = max([1, *(w.shape[0] * w.shape[1] for w in network.weights[:-1])])
    if units > MOST_UNITS:
        raise InputError(
            f"the squasher network has {units:,} units in a layer, which as one full matrix takes {format_bytes(8 * units**2)}; "
            f"prove one of at most {MOST_UNITS:,}, or of depth 1."
        )
    return network.as_feedforward(), "readout", "readout"


def _prove_converted(
    network: TorchNetwork, data: Any, arrays: tuple[np.ndarray, np.ndarray, str], polish, method, trainable, progress
) -> Proof:
    """By the read-out, its features bounded in ball arithmetic (`zeroloss.prove.converted`)."""
    x, y, digest = arrays
    if method == "newton-kantorovich":
        raise InputError(ONLY_READOUT.format("a converted torch module"))
    given = prepared_converted(network, x, y)
    distinct = collapse(x, y)
    labelled = getattr(data, "labels_train", None) is not None or getattr(data, "task", None) == "multi-label"
    found = judge_converted(given, distinct, trainable, polish, progress, margins=labelled)
    moved = distance(given, found.network)
    which = "polished" if found.network is not given else "given"
    judged = Judged(found.network, "readout", found.proof, None)
    right, polished = None, None
    if found.last is not None:
        start = found.last if found.given_last is None else found.given_last
        right = classified(network, x, data, at_all_rows(start, distinct.x, x), found.trouble)
        if which == "polished":
            rows = at_all_rows(found.last, distinct.x, x)
            polished = classified(found.network, x, data, rows, found.trouble, "polished")
        right, polished = at_both(right, polished, moved)
    if found.last is None or not found.applies:
        reason = f"The proof by the read-out does not apply: {found.proof.obstacle}."
        evidence = {
            "data_sha256": digest,
            "readout_weights_per_output": found.proof.features,
            "distinct_inputs": len(distinct.x),
        }
        unknown = NEAR.format("some distance")
        return Proof(
            unknown,
            Status.UNKNOWN,
            reason,
            evidence,
            classified=right,
            classified_polished=polished,
            network=found.network,
        )
    evidence = evidence_of(judged, x, y, distinct, which, moved, digest, found.last)
    evidence["largest_feature_error"] = float(found.last.h_error.max())
    proved = judged.radius is not None
    return Proof(
        NEAR.format(at_most(judged.radius) if judged.radius is not None else "some distance"),
        Status.PROVED if proved else Status.UNKNOWN,
        reason_of(judged, evidence, which, moved),
        evidence,
        radius=judged.radius,
        which=which,
        moved=moved,
        classified=right,
        classified_polished=polished,
        method="readout",
        trained={"weights": [True], "biases": [True]},
        network=found.network,
    )


def _prove_traced(network: Any, data: Any, arrays: tuple, polish, method, trainable, progress) -> Proof:
    """A network of JAX, as the converted module that its program is; the weights come back in the network given."""
    x, y, digest = arrays
    if method == "newton-kantorovich":
        raise InputError(ONLY_READOUT.format(f"a {type(network).__name__}"))
    found = followed_for(network, data, y)
    if isinstance(found, str):
        evidence = {"data_sha256": digest}
        return Proof(NEAR.format("some distance"), Status.UNKNOWN, f"{found}.", evidence, network=network)
    moves = moved_leaves(found, network, trainable)
    arrays = x.reshape(len(x), -1), y, digest
    proof = _prove_converted(found.trace.network, data, arrays, polish, method, moves, progress)
    if proof.status is not Status.PROVED and shared_arrays(found):
        proof = dataclasses.replace(proof, reason=proof.reason.removesuffix(".") + f"{shared_arrays(found)}.")
    return dataclasses.replace(proof, network=found.back(proof.network), judged=proof.network)


def _prepared(network: FeedForward, x: np.ndarray, y: np.ndarray, trainable: Any) -> tuple[FeedForward, Trained]:
    """The weights in float64, checked, and what moves."""
    if network.in_size != x.shape[1] or network.out_size != y.shape[1]:
        raise InputError(
            f"the network maps {network.in_size} numbers to {network.out_size} and the data have {x.shape[1]} and {y.shape[1]}; "
            "prove it on the data it was made for." + lacking(network.out_size, y.shape[1])
        )
    with double():
        given = as_double(network)
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in leaves(given)):
        raise InputError("the network's weights hold NaN or infinity; nothing can be proved of them.")
    return given, trained_layers(network, trainable_mask(network, trainable))


def _judge(given, distinct, trained: Trained, polish: bool, method: str, descent, progress: Progress) -> Judged:
    readout: ReadoutProof | None = None
    by_newton: NewtonKantorovich | None = None
    network = given
    if method != "newton-kantorovich" and _moves_readout(given, trained):
        progress.stage("proof by the read-out", f"{len(distinct.x)} distinct inputs")
        layers = Layers.of(given)
        moved = polish_readout(layers, distinct.x, distinct.y) if polish else layers
        network = given if moved is layers else with_layers(given, moved)
        progress.update(0.4)
        readout = readout_proof(network, distinct.x, distinct.y, distinct.rounding)
        progress.update(0.8)
        if readout.radius is not None:
            return Judged(network, "readout", readout, None)
    if method == "readout":
        return Judged(network, "readout", readout, None)
    progress.stage("proof by Newton-Kantorovich", f"{distinct.y.size:,} equations")
    start = given
    if polish and not too_large(Layers.of(given), distinct, trained):
        start = polish_all(given, distinct, trained, factor=None if descent is None else descent.factor)
    progress.update(0.3)
    stored, factor = (None, None) if descent is None else (descent.kernel, descent.factor)
    by_newton = newton_kantorovich(start, distinct, trained, stored=stored, factor=factor)
    if by_newton.radius is not None or readout is None:
        network = start
    return Judged(
        network, "newton-kantorovich" if readout is None or by_newton.radius else "readout", readout, by_newton
    )


def _moves_readout(network: FeedForward, trained: Trained) -> bool:
    return trained.weights[-1] and (trained.biases[-1] or network.biases[-1] is None)
