"""Certificates: verified again from weights and data alone, and refused when anything is changed."""

import base64
import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.descent import descend
from zeroloss.minima import ProofCertificate, check_certificate, load_certificate, prove
from zeroloss.minima.identity import data_hash, weights_hash
from zeroloss.networks import MLP
from zeroloss.networks.storage import network_bytes
from zeroloss.plumbing import InputError, double
from zeroloss.verdict import Status

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((15, 3)), RNG.standard_normal((15, 2))


def _proof(method):
    if method == "readout":
        return prove(MLP(3, 2, 40, 1, key=2), (X, Y), method=method)
    fit = descend(MLP(3, 2, 12, 2, key=2), (X, Y), method="gauss-newton", steps=300)
    return prove(fit.network, (X, Y), method=method)


@pytest.fixture(params=["readout", "newton-kantorovich"])
def certificate(request):
    return _proof(request.param).certificate()


def _nudged(certificate, hashes=True):
    """The certificate with one weight moved by one unit in its last place, its hash kept or (`hashes=False`) renewed."""
    import equinox as eqx

    network = certificate.weights()
    with double():
        weight = np.array(network.weights[0])
        weight[1, 2] = np.nextafter(weight[1, 2], np.inf)
        network = eqx.tree_at(lambda n: n.weights[0], network, jnp.asarray(weight))
    text = base64.b64encode(network_bytes(network)).decode()
    return dataclasses.replace(
        certificate, network=text, weights_sha256=certificate.weights_sha256 if hashes else weights_hash(network)
    )


def test_it_comes_back_from_its_file_and_holds(certificate, tmp_path):
    path = certificate.save(tmp_path / "proof.json")
    back = load_certificate(path)
    assert back == certificate
    found = check_certificate(back, (X, Y))
    assert found.status is Status.PROVED
    assert found.evidence["radius_shown"] <= certificate.radius
    assert f"{certificate.method}" in found.reason


def test_one_label_changed_is_refused(certificate):
    y = Y.copy()
    y[3, 1] = np.nextafter(y[3, 1], np.inf)
    found = check_certificate(certificate, (X, y))
    assert found.status is Status.UNKNOWN
    assert "not the data" in found.reason
    # With a forged hash the constants themselves must refuse a label that is wrong.
    y[3, 1] += 1.0
    forged = dataclasses.replace(certificate, data_sha256=data_hash(X, y))
    found = check_certificate(forged, (X, y))
    assert found.status is Status.UNKNOWN
    assert "hash" not in found.reason


def test_one_weight_changed_is_refused(certificate):
    found = check_certificate(_nudged(certificate), (X, Y))
    assert found.status is Status.UNKNOWN
    assert "weights" in found.reason


def test_a_smaller_radius_than_is_proved_is_refused(certificate):
    found = check_certificate(dataclasses.replace(certificate, radius=certificate.radius * 0.1), (X, Y))
    assert found.status is Status.UNKNOWN
    assert "claims" in found.reason


def test_forged_constants_are_not_believed(certificate):
    """A weight moved by 1 and every number in the file kept: only what is computed again counts."""
    import equinox as eqx

    network = certificate.weights()
    with double():
        network = eqx.tree_at(lambda n: n.weights[0], network, network.weights[0].at[0, 0].add(1.0))
    text = base64.b64encode(network_bytes(network)).decode()
    forged = dataclasses.replace(certificate, network=text, weights_sha256=weights_hash(network))
    assert check_certificate(forged, (X, Y)).status is Status.UNKNOWN


def test_weights_that_may_not_move_are_not_counted(certificate):
    """Claiming that nothing but the first bias moves leaves too few parameters, or a fixed read-out."""
    depth = len(certificate.trained["weights"])
    only = {"weights": [False] * depth, "biases": [True] + [False] * (depth - 1)}
    assert check_certificate(dataclasses.replace(certificate, trained=only), (X, Y)).status is Status.UNKNOWN


def test_damage_is_one_line(certificate, tmp_path):
    with pytest.raises(InputError, match="damaged"):
        check_certificate(dataclasses.replace(certificate, network="%%"), (X, Y))
    with pytest.raises(InputError, match="damaged"):
        check_certificate(dataclasses.replace(certificate, network=base64.b64encode(b"no").decode()), (X, Y))
    with pytest.raises(InputError, match="which layers"):
        check_certificate(dataclasses.replace(certificate, trained={"weights": [True]}), (X, Y))
    with pytest.raises(InputError, match="radius"):
        check_certificate(dataclasses.replace(certificate, radius=float("nan")), (X, Y))
    with pytest.raises(InputError, match="method"):
        check_certificate(dataclasses.replace(certificate, method="faith"), (X, Y))
    for text in (
        "{}",
        "[",
        '{"type": "Verdict", "claim": "", "status": "PROVED", "reason": ""}',
        '{"type": "ProofCertificate"}',
    ):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(InputError, match="not a certificate"):
            load_certificate(tmp_path / "other.json")
    with pytest.raises(InputError, match="no file"):
        load_certificate(tmp_path / "none.json")


def test_only_what_is_proved_has_one():
    with pytest.raises(InputError, match="only what is PROVED"):
        prove(MLP(3, 2, 2, 1), (X, Y)).certificate()


def test_status_and_claim_are_those_of_the_certified_radius(certificate):
    assert isinstance(certificate, ProofCertificate)
    assert certificate.status is Status.PROVED
    assert certificate.evidence["radius"] < certificate.radius
    assert certificate.network not in repr(certificate)
