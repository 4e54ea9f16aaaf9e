"""A proof as a file: what is claimed of which weights and data, and everything needed to verify it again.

The weights are inside, bit for bit; the training data are not, only their hash. `check_certificate` trusts nothing in the
file but the network and the radius: it computes every constant again and tests whether they prove that radius, and it writes
the claim again and compares it with the one in the file. It needs this package alone: no JAX, and no code of the prover's.

Two things guard against a file that claims more than was proved. What is verified is computed again, so nobody gains by a
forged number. And one hash binds the rest (`sha256`, over all other fields, of which `network_sha256` is over the whole
network), so that damage is seen; it is no signature, and whoever changes a certificate can compute it anew.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.data.arrays import lower_bound_of_squares
from zeroloss.data.repeats import Collapsed, collapse
from zeroloss.plumbing.arithmetic import require_ieee
from zeroloss.plumbing.digest import data_hash, network_digest
from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.files import write_whole
from zeroloss.plumbing.float64 import exact_float64
from zeroloss.plumbing.plain import parse_json, read_text
from zeroloss.verdict import Record, Status, Verdict, at_most
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import decode, encode
from zeroloss.verified.attached import (
    NEWER,
    attached_mismatch,
    check_attached,
    identity_mismatch,
    not_checked,
    verdict_mismatch,
)
from zeroloss.verified.balls import NoBoundError, find_readout, readout_features
from zeroloss.verified.forward import Layer, forward
from zeroloss.verified.jacobian import Trained
from zeroloss.verified.layers import Layers
from zeroloss.verified.newton_kantorovich import newton_kantorovich
from zeroloss.verified.readout import last_layer, readout_proof
from zeroloss.verified.saved import SavedProgram, layers_of, program_of, read_saved, weights_hash

NEAR = "a global minimum of the empirical squared risk lies within {} of these weights"
NEAR_BEFORE = "a global minimum of the empirical risk lies within {} of these weights"
"""The same claim in certificates written before the risk was named."""
FORMAT = 3
"""Written today. Format 1 (no field `format`) has a hash of the weights alone: what it claims is computed again all the same.
Format 2 has no verdicts on classification and no identity."""
CLAIMS = {1: NEAR_BEFORE, 2: NEAR, 3: NEAR}
"""The sentence that a certificate of each format claims, with its radius."""
METHODS = {"readout": "read-out", "newton-kantorovich": "Newton-Kantorovich"}
"""The proofs, and the word that their evidence begins with."""
ROOM = 1.25
"""The radius certified, in units of the one proved: sums of another order, on another machine, still prove it."""
NAME = "the network in the certificate"
HOLDS = "the certificate holds for these data: " + NEAR
NOT_VERIFIED = (
    "which, moved and a verdict on the weights given (those before polishing are not in the file); reason, the prover's own "
    "constants, and the words of the identity"
)
UNBOUND = (
    "The certificate is of format 1, whose hash binds the weights and neither activations, scales nor program: the claim is about the "
    "network that this file holds."
)


@dataclasses.dataclass(frozen=True, repr=False)
class ProofCertificate(Record):
    """A PROVED claim "a global minimum of the empirical squared risk lies within `radius` of these weights", with the weights.

    Attributes:
        claim, reason, evidence: as in the proof; `claim` names the certified radius, `evidence` every constant and
            assumption.
        method: "readout" or "newton-kantorovich".
        radius: `ROOM` times the radius proved, rounded up.
        trained: which weights and biases the minimum may differ in, layer by layer.
        which, moved: whether the weights are those given or polished, and how far polishing moved them.
        data_sha256, weights_sha256: of the training data and of the weights, as float64.
        network: the `.npz` of `zeroloss.networks.save_network`, base64.
        version: of zeroloss.
        format: of this file.
        network_sha256: of the whole network in float64, architecture included (`zeroloss.verified.saved.network_hash`).
        sha256: of all other fields.
        verdicts: `classified` and `classified_polished` of the proof, where they are known.
        identity: of the proof.
    """

    claim: str
    status: Status
    reason: str
    method: str
    radius: float
    trained: dict[str, list[bool]]
    which: str
    moved: float
    evidence: dict[str, Any]
    data_sha256: str
    weights_sha256: str
    network: str
    version: str
    format: int = 1
    network_sha256: str = ""
    sha256: str = ""
    verdicts: dict[str, Verdict] = dataclasses.field(default_factory=dict)
    identity: Identity | None = None

    def __repr__(self) -> str:
        return f"<ProofCertificate by {self.method}: {self.claim}>"

    def content(self) -> bytes:
        """The bytes of the `.npz` inside.

        Raises:
            InputError: it is damaged.
        """
        try:
            return base64.b64decode(self.network, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise InputError("the certificate's network is damaged; write the certificate again.") from error

    def weights(self, *, trust: bool = False) -> Any:
        """The network inside, in float64, as one that can be trained (`trust`: as in `zeroloss.networks.load_network`).

        For its user; the check reads the file itself (`zeroloss.verified.saved`).

        Raises:
            InputError: the network's part of the certificate is damaged.
        """
        from zeroloss.networks.storage import network_from_bytes
        from zeroloss.plumbing.precision import as_double, double

        network = network_from_bytes(self.content(), NAME, trust=trust)
        with double():
            return as_double(network)

    def save(self, path: str | os.PathLike, *, force: bool = False) -> Path:
        """Write it as JSON."""
        return write_whole(path, self.to_json(indent=1), force=force)


def seal(certificate: ProofCertificate) -> str:
    """SHA-256 of all fields but `sha256`, as JSON with sorted keys."""
    out = ("sha256", *(NEWER if certificate.format < 3 else ()))
    plain = {key: value for key, value in encode(certificate).items() if key not in out}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def load_certificate(path: str | os.PathLike) -> ProofCertificate:
    """The certificate in a file that `ProofCertificate.save` or `zeroloss prove --out` wrote.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    other = f"{path} is not a certificate of a proof; `zeroloss prove --out` writes one."
    try:
        found = parse_json(read_text(path), "the text")
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; name a certificate that `zeroloss prove --out` wrote.") from error
    except InputError as error:
        raise InputError(f"{other[:-1]} ({str(error)[:-1]}).") from error
    if not isinstance(found, dict) or found.get("type") != ProofCertificate.__name__:
        raise InputError(other)
    newer = {"format", "network_sha256", "sha256", *NEWER} if "format" not in found else set(NEWER)
    old = found.get("format", 1) in (1, 2)
    wanted = {"type", *(f.name for f in dataclasses.fields(ProofCertificate))} - (newer if old else set())
    if found.keys() != wanted:
        odd = sorted(found.keys() ^ wanted)
        raise InputError(f"{other[:-1]} (it has not the fields of one: {', '.join(odd)[:100]}).")
    try:
        return decode(found)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError, RecursionError) as error:
        raise InputError(other) from error


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
    _check_types(certificate)
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
    mismatch = _hash_mismatch(certificate, found) or _text_mismatch(certificate) or attached_mismatch(certificate)
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


def _check_types(certificate: ProofCertificate) -> None:
    """InputError where a field is not of the type that is written."""
    c = certificate
    texts = (
        "claim",
        "reason",
        "method",
        "which",
        "data_sha256",
        "weights_sha256",
        "network",
        "version",
        "network_sha256",
        "sha256",
    )
    for name in texts:
        if not isinstance(getattr(c, name), str):
            raise InputError(f"the certificate's {name} is no text; write the certificate again.")
    if not isinstance(c.evidence, dict):
        raise InputError("the certificate's evidence is damaged; write the certificate again.")
    if isinstance(c.format, bool) or not isinstance(c.format, int) or c.format not in CLAIMS:
        known = ", ".join(map(str, CLAIMS))
        raise InputError(f"the certificate is of format {str(c.format)[:40]}; this version of zeroloss reads {known}.")
    if not isinstance(c.radius, float) or not 0 < c.radius < math.inf:
        raise InputError(f"the certificate's radius is {str(c.radius)[:40]}; it must be a positive number.")
    if not isinstance(c.moved, float) or not 0 <= c.moved < math.inf:
        raise InputError(f"the certificate's moved is {str(c.moved)[:40]}; it must be a number, 0 or more.")
    if c.method not in METHODS:
        raise InputError(f"the certificate's method {c.method[:40]!r} is unknown to this version of zeroloss.")
    check_attached(c)


def text_mismatch(certificate: ProofCertificate) -> str:
    """What the file itself shows to be changed or forged: a sentence, or nothing. No proof: that takes the data.

    Raises:
        InputError: fields of another type than is written.
    """
    _check_types(certificate)
    return _text_mismatch(certificate) or attached_mismatch(certificate)


def _hash_mismatch(certificate: ProofCertificate, found: dict[str, Any]) -> str:
    """Of data, weights and the whole network: a sentence about the first that differs, or nothing."""
    if found["data_sha256"] != certificate.data_sha256:
        return "These are not the data the certificate is of: their hashes differ."
    if found["weights_sha256"] != certificate.weights_sha256:
        return "The weights in the certificate are not those it was made for: their hashes differ."
    if certificate.format > 1 and found["network_sha256"] != certificate.network_sha256:
        return "The network in the certificate is not the one it was made for: its activations, scales, program or constants were changed."
    return ""


def _text_mismatch(certificate: ProofCertificate) -> str:
    """The text of the certificate compared with what it should be: a sentence about the first difference, or nothing."""
    c = certificate
    claim = CLAIMS[c.format].format(at_most(c.radius))
    if c.claim != claim:
        return f"The certificate claims what was not proved; of its radius it must be: {claim}."
    if c.status != Status.PROVED:
        return f"The certificate's status is {str(c.status)[:40]}; only what is PROVED has one."
    if c.which not in ("given", "polished") or (c.which == "given" and c.moved != 0):
        return "The certificate does not say whether the weights are those given or polished, and by how much."
    if c.format == 1:
        return "" if not (c.network_sha256 or c.sha256) else "The certificate has hashes that its format does not have."
    if c.sha256 != seal(c):
        return "The certificate was changed after it was written: its hash differs."
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
