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

from zeroloss.plumbing.errors import InputError
from zeroloss.plumbing.files import write_whole
from zeroloss.plumbing.plain import parse_json, read_text
from zeroloss.verdict import Record, Status, Verdict, at_most
from zeroloss.verdict.identity import Identity
from zeroloss.verdict.record import decode, encode
from zeroloss.verified.attached import (
    NEWER,
    attached_mismatch,
    check_attached,
)

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


def check_types(certificate: ProofCertificate) -> None:
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
    check_types(certificate)
    return _text_mismatch(certificate) or attached_mismatch(certificate)


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
