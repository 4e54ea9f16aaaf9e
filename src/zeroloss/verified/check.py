"""The check of a certificate: every constant computed again from the network in the file and the training data, by the core alone.

Nothing in the file is trusted but the network and the radius.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.data.arrays import lower_bound_of_squares
from zeroloss.data.repeats import Collapsed, collapse
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.digest import data_hash, network_digest
from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.float64 import exact_float64
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verified.attached import (
    identity_mismatch,
    not_checked,
    verdict_mismatch,
)
from zeroloss.verified.balls import NoBoundError, find_readout, readout_features
from zeroloss.verified.certificate import METHODS, NAME, NEAR, ROOM, ProofCertificate, check_types, text_mismatch
from zeroloss.verified.forward import Layer, forward
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers
from zeroloss.verified.newton_kantorovich import newton_kantorovich
from zeroloss.verified.readout import last_layer, readout_proof
from zeroloss.verified.saved import SavedProgram, layers_of, program_of, read_saved, weights_hash

HOLDS = "the certificate holds for these data: " + NEAR
NOT_VERIFIED = (
    "which, moved and a verdict on the weights given (those before polishing are not in the file); reason, the prover's own "
    "constants, and the words of the identity"
)
UNBOUND = (
    "The certificate is of format 1, whose hash binds the weights and neither activations, scales nor program: the claim is about the "
    "network that this file holds."
)


def check(
    certificate: ProofCertificate, x: np.ndarray, y: np.ndarray, data: Any = None, *, trust: bool = False
) -> Verdict:
    """Verify a certificate again from its network and the training data alone: PROVED, or UNKNOWN and what does not agree.

    No constant in the certificate is trusted: all are computed again, and must prove a radius of at
    most the certified one. The claim is written again from the radius, and must be the one in the file. Data or a network
    other than those the certificate is of are refused by their hashes, and so is a certificate of which anything was changed.

    What cannot be verified is named in the evidence (`not_verified`). A certificate of format 1 is taken too, with what its
    hashes do not bind in the reason.

    Args:
        x, y: training inputs `(n, d)` and targets `(n, c)`.
        data: the data set they are of, whose labels a verdict on classification needs.
        trust: read a network larger than an untrusted file may demand.

    Raises:
        InputError: a damaged certificate; data that hold NaN.
    """
    require_ieee()
    check_types(certificate)
    saved = read_saved(certificate.content(), NAME, trust=trust)
    network = program_of(saved, NAME) if saved.is_program else layers_of(saved, NAME)
    trained = _trained(certificate, network)
    radius = certificate.radius
    claim = HOLDS.format(at_most(radius))
    x, y = exact_float64(x, "training data"), exact_float64(y, "training data")
    x = x.reshape(len(x), -1)
    found: dict[str, Any] = {
        "data_sha256": data_hash(x, y),
        "weights_sha256": weights_hash(saved),
        "network_sha256": network_digest(saved.header, saved.arrays),
        "radius": radius,
        "method": certificate.method,
        "format": certificate.format,
        "not_verified": NOT_VERIFIED + not_checked(certificate, data),
    }
    mismatch = _hash_mismatch(certificate, found) or text_mismatch(certificate)
    if mismatch:
        return Verdict(claim, Status.UNKNOWN, mismatch, found)
    if isinstance(network, Layers) and (network.in_size, network.out_size) != (x.shape[1], y.shape[1]):
        raise InputError(
            "the network in the certificate does not fit these data; check it on the data it was made for."
        )
    distinct = collapse(x, y)
    infimum = lower_bound_of_squares(x, y)
    found["infimum"] = infimum
    mismatch = _evidence_mismatch(certificate, len(x), len(distinct.x), infimum)
    if mismatch:
        return Verdict(claim, Status.UNKNOWN, mismatch, found)
    shown, obstacle, last = _radius(certificate.method, network, trained, distinct)
    found["radius_shown"] = shown
    if shown is None:
        return Verdict(claim, Status.UNKNOWN, f"The proof does not go through: {obstacle}.", found)
    if not shown <= radius:
        reason = f"A radius of {at_most(shown)} is proved, and the certificate claims {radius:.3g}."
        return Verdict(claim, Status.UNKNOWN, reason, found)
    mismatch = identity_mismatch(certificate, saved) or verdict_mismatch(
        certificate, network, data, x, distinct.x, last
    )
    if mismatch:
        return Verdict(claim, Status.UNKNOWN, mismatch, found)
    reason = (
        f"Computed again from network and data alone: a radius of {at_most(shown)} is proved, by {certificate.method}."
    )
    if certificate.format == 1:
        reason, found["not_bound"] = f"{reason} {UNBOUND}", "activations, scales, program, constants"
    return Verdict(claim, Status.PROVED, reason, found)


def _hash_mismatch(certificate: ProofCertificate, found: dict[str, Any]) -> str:
    """Of data, weights and the whole network: a sentence about the first that differs, or nothing."""
    if found["data_sha256"] != certificate.data_sha256:
        return "These are not the data the certificate is of: their hashes differ."
    if found["weights_sha256"] != certificate.weights_sha256:
        return "The weights in the certificate are not those it was made for: their hashes differ."
    if certificate.format > 1 and found["network_sha256"] != certificate.network_sha256:
        return "The network in the certificate is not the one it was made for: its activations, scales, program or constants were changed."
    return ""


def _evidence_mismatch(certificate: ProofCertificate, examples: int, distinct: int, infimum: float) -> str:
    """Numbers of the evidence that are known exactly, compared with what they are."""
    c, stated = certificate, certificate.evidence
    wanted = {
        "data_sha256": c.data_sha256,
        "weights_sha256": c.weights_sha256,
        "weights": c.which,
        "moved": c.moved,
        "examples": examples,
        "distinct_inputs": distinct,
    }
    odd = [name for name, value in wanted.items() if type(stated.get(name)) is not type(value) or stated[name] != value]
    if not str(stated.get("method")).startswith(METHODS[c.method]):
        odd.append("method")
    proved = stated.get("radius")
    if not isinstance(proved, float) or np.nextafter(ROOM * proved, np.inf) != c.radius:
        odd.append("radius")
    near = stated.get("infimum")
    if isinstance(near, bool) or not isinstance(near, int | float) or not math.isclose(near, infimum, rel_tol=1e-6):
        odd.append("infimum")
    return f"The evidence in the certificate does not agree with it or with the data: {', '.join(odd)}." if odd else ""


def _radius(
    method: str, network: Layers | SavedProgram, trained: Trained, distinct: Collapsed
) -> tuple[float | None, str, Layer | None]:
    """The radius that is proved at this network, or None and why; and the last layer at the distinct inputs, if it is bounded."""
    if isinstance(network, SavedProgram):
        return _radius_of_program(method, network, distinct)
    last = forward(network, distinct.x)[-1]
    if method == "newton-kantorovich":
        found = newton_kantorovich(network, distinct, trained)
        return found.radius, found.obstacle, last
    if not trained.weights[-1] or not (trained.biases[-1] or network.biases[-1] is None):
        return None, "the read-out is not among the weights that may move", last
    proof = readout_proof(network, distinct.x, distinct.y, distinct.rounding)
    return proof.radius, proof.obstacle, last


def _radius_of_program(
    method: str, network: SavedProgram, distinct: Collapsed
) -> tuple[float | None, str, Layer | None]:
    if method != "readout":
        raise InputError(
            f"the certificate's method {method!r} is not one for a converted torch module or a network of JAX."
        )
    readout = find_readout(network.program)
    if readout is None:
        return None, "the network does not end in a linear layer whose weights are used nowhere else", None
    try:
        h, h_error = readout_features(network, readout, distinct.x)
        head = readout.head(network)
    except (NoBoundError, InputError) as error:
        return None, f"the rounding of its last features has no bound: {error}", None
    if head.out_size != distinct.y.shape[1]:
        raise InputError(
            "the network in the certificate does not fit these data; check it on the data it was made for."
        )
    last = last_layer(head, h, h_error)
    proof = readout_proof(head, distinct.x, distinct.y, distinct.rounding, last)
    return proof.radius, proof.obstacle, last


def _trained(certificate: ProofCertificate, network: Layers | SavedProgram) -> Trained:
    """Which layers may move: one truth value per layer (of a converted module, whose layers have no numbers, one)."""
    given = certificate.trained
    names = ("weights", "biases")
    count = 1 if isinstance(network, SavedProgram) else len(network.weights)
    good = (
        isinstance(given, dict)
        and given.keys() == set(names)
        and all(isinstance(given[n], list | tuple) for n in names)
    )
    if not good or any(len(given[n]) != count or not all(isinstance(v, bool) for v in given[n]) for n in names):
        raise InputError("the certificate does not say which layers may move; write it again.")
    if isinstance(network, SavedProgram) and not (given["weights"][0] and given["biases"][0]):
        raise InputError("the certificate says that the read-out of a converted module may not move; write it again.")
    return Trained(tuple(given["weights"]), tuple(given["biases"]))
