"""A proof as a file: what is claimed of which weights and data, and everything needed to verify it again.

The weights are inside, bit for bit; the training data are not, only their hash. `check_certificate` trusts nothing in the
file but the weights and the radius: it computes every constant again and asks whether they prove that radius.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.data import collapse
from zeroloss.descent.matching import matched
from zeroloss.descent.problem import training_arrays
from zeroloss.minima.converted import judge_converted
from zeroloss.minima.identity import data_hash, weights_hash
from zeroloss.minima.newton_kantorovich import newton_kantorovich
from zeroloss.minima.reasons import NEAR
from zeroloss.networks import FeedForward, TorchNetwork
from zeroloss.networks.storage import network_bytes, network_from_bytes
from zeroloss.plumbing import InputError, Silent, double, write_whole
from zeroloss.plumbing.precision import as_double
from zeroloss.tangent.readout import readout_proof
from zeroloss.tangent.rows import Trained
from zeroloss.verdict import Record, Status, Verdict, at_most

ROOM = 1.25
"""The radius certified, in units of the one proved: sums of another order, on another machine, still prove it."""
HOLDS = "the certificate holds for these data: " + NEAR


@dataclasses.dataclass(frozen=True, repr=False)
class ProofCertificate(Record):
    """A PROVED claim "a global minimum of the empirical risk lies within `radius` of these weights", with the weights.

    Attributes:
        claim, reason, evidence: as in the proof; `claim` names the certified radius, `evidence` every constant and
            assumption.
        method: "readout" or "newton-kantorovich".
        radius: `ROOM` times the radius proved, rounded up.
        trained: which weights and biases the minimum may differ in, layer by layer.
        which, moved: whether the weights are those given or polished, and how far polishing moved them.
        data_sha256, weights_sha256: of the training data and of the weights, as float64.
        network: the `.npz` of `zeroloss.networks.save_network`, base64.
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

    def __repr__(self) -> str:
        return f"<ProofCertificate by {self.method}: {self.claim}>"

    def weights(self) -> FeedForward | TorchNetwork:
        """The network inside, in float64.

        Raises:
            InputError: the network's part of the certificate is damaged.
        """
        try:
            content = base64.b64decode(self.network, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise InputError("the certificate's network is damaged; write the certificate again.") from error
        with double():
            return as_double(network_from_bytes(content, "the network in the certificate"))

    def save(self, path: str | os.PathLike, *, force: bool = False) -> Path:
        """Write it as JSON."""
        return write_whole(path, self.to_json(indent=1), force=force)


def certificate_of(proof: Any) -> ProofCertificate:
    """The certificate of a PROVED `zeroloss.minima.Proof`.

    Raises:
        InputError: the proof did not go through.
    """
    import zeroloss

    if proof.status is not Status.PROVED or proof.radius is None:
        raise InputError("only what is PROVED has a certificate; this proof did not go through.")
    radius = float(np.nextafter(ROOM * proof.radius, np.inf))
    return ProofCertificate(
        claim=NEAR.format(at_most(radius)),
        status=Status.PROVED,
        reason=proof.reason,
        method=proof.method,
        radius=radius,
        trained=proof.trained,
        which=proof.which,
        moved=proof.moved,
        evidence=proof.evidence,
        data_sha256=proof.evidence["data_sha256"],
        weights_sha256=proof.evidence["weights_sha256"],
        network=base64.b64encode(network_bytes(proof.network)).decode("ascii"),
        version=zeroloss.__version__,
    )


def load_certificate(path: str | os.PathLike) -> ProofCertificate:
    """The certificate in a file that `ProofCertificate.save` or `zeroloss prove --out` wrote.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    try:
        return ProofCertificate.from_json(Path(path).read_text())
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; name a certificate that `zeroloss prove --out` wrote.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not a certificate of a proof; `zeroloss prove --out` writes one.") from error


def check_certificate(certificate: ProofCertificate, data: Any) -> Verdict:
    """Verify a certificate again from its weights and the training data alone: PROVED, or UNKNOWN and what is amiss.

    Nothing that the certificate says of constants is believed: they are computed again, and must prove a radius of at
    most the certified one. Data or weights other than those the certificate is of are refused by their hashes.

    Raises:
        InputError: a damaged certificate; data that hold NaN.
    """
    network = certificate.weights()
    trained = Trained((True,), (True,)) if isinstance(network, TorchNetwork) else _trained(certificate, network)
    radius = certificate.radius
    if not isinstance(radius, int | float) or not 0 < radius < np.inf:
        raise InputError(f"the certificate's radius is {radius!r}; it must be a positive number.")
    claim = HOLDS.format(at_most(radius))
    x, y = (np.asarray(a, np.float64) for a in training_arrays(matched(network, data)))
    found = {"data_sha256": data_hash(x, y), "weights_sha256": weights_hash(network), "radius": radius}
    if found["data_sha256"] != certificate.data_sha256:
        return Verdict(
            claim, Status.UNKNOWN, "These are not the data the certificate is of: their hashes differ.", found
        )
    if found["weights_sha256"] != certificate.weights_sha256:
        reason = "The weights in the certificate are not those it was made for: their hashes differ."
        return Verdict(claim, Status.UNKNOWN, reason, found)
    with double():
        sizes = network.in_size, network.out_size
    if sizes != (x.shape[1], y.shape[1]):
        raise InputError(
            "the network in the certificate does not fit these data; check it on the data it was made for."
        )
    shown, obstacle = _radius(certificate.method, network, trained, x, y)
    found["radius_shown"] = shown
    if shown is None:
        return Verdict(claim, Status.UNKNOWN, f"The proof does not go through: {obstacle}.", found)
    if not shown <= radius:
        reason = f"A radius of {at_most(shown)} is proved, and the certificate claims {radius:.3g}."
        return Verdict(claim, Status.UNKNOWN, reason, found)
    reason = (
        f"Computed again from weights and data alone: a radius of {at_most(shown)} is proved, by {certificate.method}."
    )
    return Verdict(claim, Status.PROVED, reason, found)


def _radius(method: str, network: Any, trained: Trained, x, y) -> tuple[float | None, str]:
    distinct = collapse(x, y)
    if isinstance(network, TorchNetwork):
        if method != "readout":
            raise InputError(f"the certificate's method {str(method)!r} is not one for a converted torch module.")
        proof = judge_converted(network, distinct, None, False, Silent()).proof
        return proof.radius, proof.obstacle
    if method == "newton-kantorovich":
        found = newton_kantorovich(network, distinct, trained)
        return found.radius, found.obstacle
    if method != "readout":
        raise InputError(f"the certificate's method {str(method)!r} is unknown to this version of zeroloss.")
    if not trained.weights[-1] or not (trained.biases[-1] or network.biases[-1] is None):
        return None, "the read-out is not among the weights that may move"
    proof = readout_proof(network, distinct.x, distinct.y, distinct.rounding)
    return proof.radius, proof.obstacle


def _trained(certificate: ProofCertificate, network: FeedForward) -> Trained:
    try:
        parts = {name: tuple(certificate.trained[name]) for name in ("weights", "biases")}
    except (KeyError, TypeError):
        parts = {"weights": (), "biases": ()}
    count = len(network.weights)
    if any(len(p) != count or not all(isinstance(v, bool) for v in p) for p in parts.values()):
        raise InputError("the certificate does not say which layers may move; write it again.")
    return Trained(parts["weights"], parts["biases"])
