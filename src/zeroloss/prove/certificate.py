"""Certificates of proofs: made from a `Proof`, and checked by the core (`zeroloss.verified.check`)."""

from __future__ import annotations

import base64
import dataclasses
import importlib.util
from typing import Any

import numpy as np

from zeroloss.data.arrays import training_arrays
from zeroloss.data.dataset import Dataset
from zeroloss.data.load import as_data
from zeroloss.data.task import for_outputs
from zeroloss.plumbing import InputError, Silent
from zeroloss.plumbing.digest import network_digest
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.version import __version__
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verified.attached import attached
from zeroloss.verified.balls import find_readout
from zeroloss.verified.certificate import CLAIMS, FORMAT, NAME, ROOM, ProofCertificate, load_certificate, seal
from zeroloss.verified.check import check
from zeroloss.verified.saved import Saved, layers_of, program_of, read_saved

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

    The check is `zeroloss.verified.check`, which runs without JAX. Where JAX is installed the network is run as well,
    which can only refuse: a program that cannot run, or a proof whose bounded answers are not the network's own.

    Args:
        data: a `Dataset`, or a pair `(x, y)`.
        trust: read a network larger than an untrusted file may demand; see `zeroloss.networks.load_network`.

    Raises:
        InputError: a damaged certificate; data that hold NaN.
    """
    saved, data = read_saved(certificate.content(), NAME, trust=trust), as_data(data)
    runs = importlib.util.find_spec("jax") is not None
    if runs and saved.is_program:
        certificate.weights(trust=trust)  # refuses a program that cannot run, or is larger than a stranger's may be
    outputs = _out_size(saved)
    if isinstance(data, Dataset) and outputs is not None:
        data = for_outputs(data, outputs)
    x, y = (as_float64(a, "training data") for a in training_arrays(data))
    found = check(certificate, x, y, data, trust=trust)
    if found.status is not Status.PROVED or not runs:
        return found
    trouble = _trouble(certificate.weights(trust=trust), data, saved.is_program)
    if not trouble:
        return found
    return dataclasses.replace(found, status=Status.UNKNOWN, reason=f"The proof is refused: {trouble}.")


def _trouble(network: Any, data: Any, is_program: bool) -> str:
    """Why the bounded outputs are not those of the network that runs; "" where they are."""
    from zeroloss.problem import Problem
    from zeroloss.prove.programs import judge_program
    from zeroloss.tangent.agreement import disagreement

    problem = Problem(network, data)
    if is_program:
        return judge_program(problem.double, problem.mask.parameters, problem, False, Silent()).trouble
    last = problem.forward[-1]
    return disagreement(problem.double, problem.distinct.x, last.z, last.z_error)


def _out_size(saved: Saved) -> int | None:
    """Outputs of the network in a certificate; None of a program without a read-out, of which nothing is proved."""
    if not saved.is_program:
        return layers_of(saved, NAME).out_size
    network = program_of(saved, NAME)
    readout = find_readout(network.program)
    return None if readout is None else readout.head(network).out_size
