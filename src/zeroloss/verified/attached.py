"""What a certificate holds beside its claim: the verdicts on classification, and which data and network it is about.

A verdict about the weights in the file is computed again by `check_certificate`. One about the weights before polishing, which
the file does not hold, and the words of the identity are kept for a report, and named as not verified.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from zeroloss.plumbing.digest import by_name, network_digest
from zeroloss.plumbing.errors import InputError
from zeroloss.verdict import Status, Verdict, at_least
from zeroloss.verdict.identity import Identity
from zeroloss.verified.classified import CLASSIFIED, WEIGHTS, at_all_rows, classified
from zeroloss.verified.layers import Layers
from zeroloss.verified.saved import Saved

NEWER = ("verdicts", "identity")
"""Fields that certificates before format 3 do not have."""
ABOUT = {"classified": "given", "classified_polished": "polished"}
"""Which weights each verdict is about."""


def attached(proof: Any) -> dict[str, Any]:
    """The fields `verdicts` and `identity` of the certificate of a proof."""
    known = {name: getattr(proof, name) for name in ABOUT}
    return {"verdicts": {k: v for k, v in known.items() if v is not None}, "identity": proof.identity}


def check_attached(certificate: Any) -> None:
    """InputError where they are not of the types that are written."""
    given, about = certificate.verdicts, certificate.identity
    if not isinstance(given, dict) or not all(k in ABOUT and type(v) is Verdict for k, v in given.items()):
        raise InputError("the certificate's verdicts are damaged; write the certificate again.")
    whole = about is None or (
        type(about) is Identity
        and isinstance(about.data, dict)
        and isinstance(about.networks, dict)
        and all(isinstance(found, dict) for found in about.networks.values())
    )
    if not whole:
        raise InputError("the certificate's identity is damaged; write the certificate again.")


def attached_mismatch(certificate: Any) -> str:
    """The claims of the verdicts compared with what they should claim: a sentence about the first difference, or nothing."""
    c = certificate
    if c.format < 3:
        return "The certificate has fields that its format does not have." if c.verdicts or c.identity else ""
    for name, verdict in c.verdicts.items():
        margin, weights = verdict.evidence.get("margin_lower"), WEIGHTS[ABOUT[name]]
        proved = verdict.status is Status.PROVED
        if proved and not (isinstance(margin, float) and 0 < margin < math.inf):
            return "The certificate's verdict on classification has no margin."
        if verdict.claim != CLASSIFIED.format(weights, at_least(margin, 4) if proved else "0"):
            return "The certificate's verdict on classification claims what was not judged."
    return ""


def identity_mismatch(certificate: Any, saved: Saved) -> str:
    """Whether the identity names the network in the file: a sentence if not."""
    c = certificate
    if c.identity is None or saved.header["kind"] == "TracedNetwork":
        return (
            ""  # of a network of JAX the file holds the program, and the identity names the network it was traced from
        )
    own = c.identity.networks.get("model" if c.which == "given" else "polished", {})
    if own.get("sha256") == network_digest(*by_name(saved.header, saved.arrays)):
        return ""
    return "The certificate's identity names another network than the one in it."


def not_checked(certificate: Any, data: Any) -> str:
    """What of the verdicts cannot be computed again with these data, for the evidence; "" where all can."""
    if (
        certificate.verdicts
        and getattr(data, "labels_train", None) is None
        and getattr(data, "task", None) != "multi-label"
    ):
        return "; the verdicts on classification, for the data given have no classes"
    return ""


def verdict_mismatch(
    certificate: Any, network: Any, data: Any, x: np.ndarray, distinct_x: np.ndarray, last: Any
) -> str:
    """The verdict about the weights in the file, computed again: what differs, or nothing.

    `last`: the last layer, with its error bounds, at the distinct inputs; None where it has none.
    """
    name = "classified" if certificate.which == "given" else "classified_polished"
    claimed = certificate.verdicts.get(name)
    if claimed is None or claimed.status is Status.UNKNOWN:
        return ""
    rows = None
    if not isinstance(network, Layers):
        rows = None if last is None else at_all_rows(last, distinct_x, x)
    again = classified(network, x, data, rows, which=certificate.which) if last is not None else None
    if again is None:
        return ""  # the data given have no classes: `not_checked` reports it
    room = 2 * again.evidence["largest_rounding_error"]
    pair = claimed.evidence.get("margin_lower"), again.evidence["margin_lower"]
    if (
        again.status is claimed.status
        and isinstance(pair[0], float)
        and math.isclose(*pair, rel_tol=1e-6, abs_tol=room)
    ):
        return ""
    return f"The certificate's verdict on classification is {claimed.status}, and computed again it is {again.status}: {again.reason}"
