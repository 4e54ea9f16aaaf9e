"""Certificates of proofs: made from a `Proof`, and checked by the core (`zeroloss.verified.certificate`)."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import numpy as np

from zeroloss.data.arrays import training_arrays
from zeroloss.data.dataset import Dataset
from zeroloss.data.load import as_data
from zeroloss.data.task import for_outputs
from zeroloss.plumbing import InputError, Silent, double
from zeroloss.plumbing.digest import network_digest
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.version import __version__
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verified.attached import attached
from zeroloss.verified.certificate import CLAIMS, FORMAT, NAME, ROOM, ProofCertificate, check, load_certificate, seal
from zeroloss.verified.layers import Layers
from zeroloss.verified.saved import layers_of, read_saved

__all__ = ["ProofCertificate", "certificate_of", "check_certificate", "load_certificate"]


def certificate_of(proof: Any) -> ProofCertificate:
    """The certificate of a PROVED `zeroloss.minima.Proof`.

    Raises:
        InputError: the proof did not go through.
    """
    from zeroloss.networks.storage import network_bytes, parts_of

    if proof.status is not Status.PROVED or proof.radius is None:
        raise InputError("only what is PROVED has a certificate; this proof did not go through.")
    radius = float(np.nextafter(ROOM * proof.radius, np.inf))
    network = proof.network if proof.judged is None else proof.judged
    made = ProofCertificate(
        claim=CLAIMS[FORMAT].format(at_most(radius)),
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
        network=base64.b64encode(network_bytes(network)).decode("ascii"),
        version=__version__,
        format=FORMAT,
        network_sha256=network_digest(*parts_of(network)),
        **attached(proof),
    )
    return dataclasses.replace(made, sha256=seal(made))


def check_certificate(certificate: ProofCertificate, data: Any, *, trust: bool = False) -> Verdict:
    """Verify a certificate again from its network and the training data alone: PROVED, or UNKNOWN and what does not agree.

    The check is `zeroloss.verified.certificate.check`, which runs without JAX. A converted module is first run once as well:
    a program that cannot run is refused, and so is a proof whose bounded answers are not the module's own.

    Args:
        data: a `Dataset`, or a pair `(x, y)`.
        trust: read a network larger than an untrusted file may demand; see `zeroloss.networks.load_network`.

    Raises:
        InputError: a damaged certificate; data that hold NaN.
    """
    saved, data = read_saved(certificate.content(), NAME, trust=trust), as_data(data)
    network = certificate.weights(trust=trust) if saved.is_program else layers_of(saved, NAME)
    if isinstance(data, Dataset):
        data = for_outputs(data, _out_size(network))
    x, y = (as_float64(a, "training data") for a in training_arrays(data))
    found = check(certificate, x, y, data, trust=trust)
    if found.status is not Status.PROVED or not saved.is_program:
        return found
    from zeroloss.problem import Problem
    from zeroloss.prove.programs import judge_program

    problem = Problem(network, data)
    trouble = judge_program(problem.double, problem.mask.parameters, problem, False, Silent()).trouble
    if not trouble:
        return found
    return dataclasses.replace(found, status=Status.UNKNOWN, reason=f"The proof is refused: {trouble}.")


def _out_size(network: Any) -> int:
    if isinstance(network, Layers):
        return network.out_size
    with double():
        return int(network.out_size)
