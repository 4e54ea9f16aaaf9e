"""Verdicts on classification and the identity in a certificate: computed again, compared, and never believed."""

import dataclasses

import numpy as np
import pytest

from zeroloss.data import from_arrays
from zeroloss.minima import check_certificate, load_certificate, prove
from zeroloss.networks import MLP
from zeroloss.verdict import Status, Verdict
from zeroloss.verified.certificate import seal
from zeroloss.verified.classified import CLASSIFIED, WEIGHTS

RNG = np.random.default_rng(5)
X, LABELS = RNG.standard_normal((12, 3)), np.arange(12) % 3
DATA = from_arrays(X, LABELS, x_test=X[:2] + 1, y_test=LABELS[:2])
NETWORK = MLP(3, 3, 40, 1, key=0)


def converted():
    torch = pytest.importorskip("torch")
    from zeroloss.networks import from_torch

    torch.manual_seed(0)
    hidden = torch.nn.Sequential(torch.nn.Linear(3, 40), torch.nn.GELU(), torch.nn.LayerNorm(40))
    return from_torch(torch.nn.Sequential(hidden, torch.nn.Linear(40, 3)), DATA)


@pytest.fixture(scope="module", params=["layers", "converted"])
def proof(request):
    found = prove(NETWORK if request.param == "layers" else converted(), DATA)
    assert found.status is Status.PROVED and found.which == "polished"
    assert found.classified.status is Status.REFUTED and found.classified_polished.status is Status.PROVED
    return found


def forged(certificate, **changes):
    made = dataclasses.replace(certificate, **changes)
    return dataclasses.replace(made, sha256=seal(made))


def test_they_are_written_read_and_verified(proof, tmp_path):
    certificate = proof.certificate()
    assert certificate.verdicts == {
        "classified": proof.classified,
        "classified_polished": proof.classified_polished,
    }
    assert certificate.identity == proof.identity
    back = load_certificate(certificate.save(tmp_path / "c.json"))
    assert back == certificate
    assert check_certificate(back, DATA).status is Status.PROVED


def test_a_verdict_that_is_not_so_is_not_accepted(proof):
    """Every example right with a margin ten times as large; and one about a network that is wrong somewhere."""
    certificate = proof.certificate()
    true = certificate.verdicts["classified_polished"]
    margin = 10 * true.evidence["margin_lower"]
    from zeroloss.verdict import at_least

    more = Verdict(
        CLASSIFIED.format(WEIGHTS["polished"], at_least(margin, 4)),
        Status.PROVED,
        true.reason,
        true.evidence | {"margin_lower": margin},
    )
    found = check_certificate(forged(certificate, verdicts={"classified_polished": more}), DATA)
    assert found.status is Status.UNKNOWN and "computed again" in found.reason
    wrong = from_arrays(X, np.roll(LABELS, 1), x_test=X[:2] + 1, y_test=LABELS[:2])
    assert check_certificate(certificate, wrong).status is Status.UNKNOWN


@pytest.mark.parametrize(
    "claim", ["P = NP", CLASSIFIED.format(WEIGHTS["polished"], "7"), CLASSIFIED.format("all", "1")]
)
def test_another_claim_is_not_accepted(proof, claim):
    certificate = proof.certificate()
    true = certificate.verdicts["classified_polished"]
    for name in ("classified", "classified_polished"):
        verdicts = {name: dataclasses.replace(true, claim=claim)}
        found = check_certificate(forged(certificate, verdicts=verdicts), DATA)
        assert found.status is Status.UNKNOWN and "classification claims" in found.reason


def test_an_identity_of_another_network_is_not_accepted(proof):
    certificate = proof.certificate()
    about = certificate.identity
    others = {role: known | {"sha256": "0" * 64} for role, known in about.networks.items()}
    found = check_certificate(forged(certificate, identity=dataclasses.replace(about, networks=others)), DATA)
    assert found.status is Status.UNKNOWN and "another network" in found.reason


def test_format_2_has_none_of_this(proof):
    """As the version before wrote it: accepted. With verdicts nobody wrote there: not."""
    certificate = proof.certificate()
    old = forged(certificate, format=2, verdicts={}, identity=None)
    assert check_certificate(old, DATA).status is Status.PROVED
    mixed = forged(certificate, format=2)
    assert check_certificate(mixed, DATA).status is Status.UNKNOWN
