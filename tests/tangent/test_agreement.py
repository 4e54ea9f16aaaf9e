"""The network that runs is the one that was bounded: where their answers differ, nothing is proved."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.prove.certificate import check_certificate
from zeroloss.tangent import agreement
from zeroloss.tangent.agreement import disagreement
from zeroloss.verdict import Status
from zeroloss.verified.forward import forward

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((6, 4)), np.array([0, 1, 0, 1, 1, 0])
DATA = zl.from_arrays(X, LABELS)


@pytest.fixture(scope="module")
def network():
    return zl.MLP(4, 2, width=16, dtype="float64", key=0)


def test_bounded_answers_are_the_networks(network):
    last = forward(network, X)[-1]
    assert disagreement(network, X, last.z, last.z_error) == ""
    off = last.z.copy()
    off[3, 1] += 1e-9
    found = disagreement(network, X, off, last.z_error)
    assert "disagree by 1e-09" in found and "please report it" in found
    assert disagreement(network, X, off, last.z_error + 1e-9) == ""  # what the bound allows is no disagreement
    assert "disagree" in disagreement(network, X, np.full_like(off, np.nan), last.z_error)
    assert "3 answers and the network 2" in disagreement(network, X, np.ones((6, 3)), np.ones((6, 3)))


class Rounded(zl.networks.FeedForward):
    """A network that answers otherwise than its layers say: in half precision."""

    def __call__(self, x):
        return super().__call__(x.astype("float16").astype(x.dtype))


def test_no_proof_no_margin_and_no_certificate_of_a_network_that_answers_otherwise(network, monkeypatch):
    proved = zl.prove(network, DATA)
    assert proved.status is Status.PROVED and proved.classified_polished.status is Status.PROVED
    certificate_ = proved.certificate()
    assert check_certificate(certificate_, DATA).status is Status.PROVED
    with zl.double():
        plain = proved.network
        other = Rounded(plain.weights, plain.biases, plain.activations, plain.weight_scales, plain.bias_scales)
    refused = zl.prove(other, DATA, polish=False)
    assert refused.status is Status.UNKNOWN and refused.radius is None and "disagree by" in refused.reason
    assert refused.classified.status is Status.UNKNOWN and "disagree by" in refused.classified.reason
    exists = zl.certify(other, DATA).verdicts["exists"]
    assert exists.status is Status.UNKNOWN and "disagree by" in exists.reason
    monkeypatch.setattr(agreement, "predict", lambda network, x: zl.predict(network, x) + 1e-6)
    again = check_certificate(certificate_, DATA)
    assert again.status is Status.UNKNOWN and "disagree by" in again.reason
