"""Certificates: verified again from weights and data alone, and refused when anything is changed."""

import base64
import dataclasses
import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.descent import descend
from zeroloss.minima import ProofCertificate, check_certificate, load_certificate, prove
from zeroloss.networks import MLP, FeedForward, TorchNetwork
from zeroloss.networks.fingerprint import network_hash
from zeroloss.networks.pytorch.program import Program, Ref, Step
from zeroloss.networks.storage import network_bytes
from zeroloss.plumbing import InputError, double
from zeroloss.plumbing.digest import data_hash
from zeroloss.prove.certificate import CLAIMS, ROOM, seal
from zeroloss.prove.identity import weights_hash
from zeroloss.verdict import Status, Verdict, at_most
from zeroloss.verdict.identity import Identity

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((15, 3)), RNG.standard_normal((15, 2))


def _proof(method):
    if method == "readout":
        return prove(MLP(3, 2, 40, 1, key=2), (X, Y), method=method)
    fit = descend(MLP(3, 2, 12, 2, key=2), (X, Y), method="gauss-newton", steps=300)
    return prove(fit.network, (X, Y), method=method)


@pytest.fixture(scope="module", params=["readout", "newton-kantorovich"])
def certificate(request):
    return _proof(request.param).certificate()


def resealed(certificate, **changes):
    """The certificate with these fields, and every hash in it made anew: what a forger who can read would write."""
    made = dataclasses.replace(certificate, **changes)
    network = made.weights()
    evidence = made.evidence | {"weights_sha256": weights_hash(network), "data_sha256": made.data_sha256}
    made = dataclasses.replace(made, evidence=evidence, weights_sha256=weights_hash(network))
    if made.format > 1:
        made = dataclasses.replace(made, network_sha256=network_hash(network))
        made = dataclasses.replace(made, sha256=seal(made))
    return made


def encoded(network):
    return base64.b64encode(network_bytes(network)).decode()


def old(certificate):
    """The certificate as the version before wrote it: hashes of the data and of the weights, and no others."""
    return dataclasses.replace(
        certificate,
        format=1,
        network_sha256="",
        sha256="",
        claim=CLAIMS[1].format(at_most(certificate.radius)),
        verdicts={},
        identity=None,
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
    forged = resealed(certificate, data_sha256=data_hash(X, y))
    found = check_certificate(forged, (X, y))
    assert found.status is Status.UNKNOWN
    assert "hash" not in found.reason


def nudged(certificate):
    """One weight moved by one unit in its last place."""
    network = certificate.weights()
    with double():
        weight = np.array(network.weights[0])
        weight[1, 2] = np.nextafter(weight[1, 2], np.inf)
        return eqx.tree_at(lambda n: n.weights[0], network, jnp.asarray(weight))


def other_activation(certificate):
    network = certificate.weights()
    return FeedForward(
        network.weights, network.biases, ["sigmoid"] * network.depth, network.weight_scales, network.bias_scales
    )


def other_scales(certificate):
    network = certificate.weights()
    scales = [2 * s for s in network.weight_scales]
    return FeedForward(network.weights, network.biases, network.activations, scales, network.bias_scales)


def other_kind(certificate):
    network = certificate.weights()
    return FeedForward(network.weights, network.biases, network.activations, network.weight_scales, network.bias_scales)


@pytest.mark.parametrize("change", [nudged, other_activation, other_scales, other_kind])
def test_another_network_is_refused(certificate, change):
    forged = dataclasses.replace(certificate, network=encoded(change(certificate)))
    found = check_certificate(forged, (X, Y))
    assert found.status is Status.UNKNOWN
    assert ("weights" if change is nudged else "activations, scales, program") in found.reason


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("change", [other_activation, other_scales])
def test_another_network_with_new_hashes_proves_nothing(certificate, change, form):
    """The features are others, so the residual is: no hash is needed to see it."""
    start = certificate if form == 2 else old(certificate)
    found = check_certificate(resealed(start, network=encoded(change(certificate))), (X, Y))
    assert found.status is Status.UNKNOWN
    assert "hash" not in found.reason


def test_the_version_before_is_read_and_its_hashes_limits_are_named(certificate, tmp_path):
    plain = json.loads(old(certificate).to_json())
    for name in ("format", "network_sha256", "sha256", "verdicts", "identity"):  # fields that it did not write
        del plain[name]
    (tmp_path / "old.json").write_text(json.dumps(plain))
    found = check_certificate(load_certificate(tmp_path / "old.json"), (X, Y))
    assert found.status is Status.PROVED
    assert "binds the weights and neither activations" in found.reason
    assert found.evidence["not_bound"]
    found = check_certificate(certificate, (X, Y))
    assert "not_bound" not in found.evidence
    assert "format 1" not in found.reason


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize(
    "changes",
    [
        {"claim": "P = NP"},
        {"claim": ""},
        {"status": "REFUTED"},
        {"status": "SUPPORTED"},
        {"which": "imagined"},
        {"which": "given", "moved": 0.5},
        {"moved": 123.0},
        {"which": "other"},
    ],
)
def test_words_other_than_the_proved_ones_are_refused_with_new_hashes_too(certificate, changes, form):
    if changes == {"which": "other"}:
        changes = {"which": {"given": "polished", "polished": "given"}[certificate.which]}
    forged = resealed(certificate if form == 2 else old(certificate), **changes)
    assert check_certificate(forged, (X, Y)).status is Status.UNKNOWN


@pytest.mark.parametrize("form", [1, 2])
def test_a_method_exchanged_is_refused(certificate, form):
    other = {"readout": "newton-kantorovich", "newton-kantorovich": "readout"}[certificate.method]
    forged = resealed(certificate if form == 2 else old(certificate), method=other)
    found = check_certificate(forged, (X, Y))
    assert found.status is Status.UNKNOWN
    assert "method" in found.reason


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("examples", 16),
        ("distinct_inputs", 3),
        ("infimum", 1.0),
        ("radius", 1e-30),
        ("moved", 7.0),
        ("weights", "others"),
        ("examples", True),
    ],
)
def test_numbers_of_the_evidence_are_compared(certificate, name, value, form):
    forged = resealed(certificate if form == 2 else old(certificate), evidence=certificate.evidence | {name: value})
    found = check_certificate(forged, (X, Y))
    assert found.status is Status.UNKNOWN
    assert name in found.reason or name == "weights"


@pytest.mark.parametrize(
    "changes",
    [
        {"radius": True},
        {"radius": "1"},
        {"radius": None},
        {"radius": float("inf")},
        {"radius": -1.0},
        {"moved": True},
        {"moved": float("nan")},
        {"format": 4},
        {"verdicts": {"classified": "PROVED"}},
        {"verdicts": {"every claim": Verdict("P = NP", "PROVED", "")}},
        {"identity": {"data": {}}},
        {"format": True},
        {"format": "2"},
        {"claim": None},
        {"evidence": []},
        {"network": None},
        {"trained": {"weights": [True], "biases": [True], "more": []}},
        {"trained": []},
        {"trained": {"weights": [1, 1], "biases": [1, 1]}},
        {"method": "faith"},
    ],
)
def test_fields_of_another_type_are_one_line(certificate, changes):
    with pytest.raises(InputError, match="the certificate") as caught:
        check_certificate(dataclasses.replace(certificate, **changes), (X, Y))
    assert "\n" not in str(caught.value)


def test_only_the_fields_that_are_written_are_read(certificate, tmp_path):
    text = certificate.to_json()
    path = tmp_path / "c.json"
    plain = json.loads(text)
    cases = {
        "an unknown field": json.dumps(plain | {"judge": "me"}),
        "a field less": json.dumps({k: v for k, v in plain.items() if k != "moved"}),
        "no hash": json.dumps({k: v for k, v in plain.items() if k != "sha256"}),
        "a field twice": text.replace('{"type"', '{"claim": "P = NP", "type"'),
        "another type": json.dumps(plain | {"type": "Verdict"}),
        "deep": text.replace('"moved"', '"deep": ' + "[" * 5000 + "]" * 5000 + ', "moved"'),
        "deep evidence": text.replace('"evidence": {', '"evidence": {"deep": ' + "[" * 900 + "]" * 900 + ", "),
        "NaN": text.replace('"radius": ', '"radius": NaN, "r": ', 1),
        "a large array": text.replace('"evidence": {', '"evidence": {"a": {"array": ["b"], "dtype": "<U2000000000"}, '),
        "an object": text.replace('"evidence": {', '"evidence": {"a": {"array": ["b"], "dtype": "O"}, '),
        "a list": "[]",
    }
    for name, content in cases.items():
        path.write_text(content)
        with pytest.raises(InputError, match="certificate") as caught:
            load_certificate(path)
        assert "\n" not in str(caught.value), name


def test_two_hundred_random_changes_are_not_accepted(tmp_path):
    """A character of the file exchanged: refused, or (in the archive of the network) without a change of meaning."""
    certificate = prove(MLP(3, 2, 40, 1, key=2), (X, Y), method="readout").certificate()
    text = certificate.to_json()
    rng = np.random.default_rng(0)
    path, accepted = tmp_path / "c.json", 0
    places = [int(p) for p in rng.integers(0, len(text), 100)]
    start = text.index('"network": "')
    places += [int(p) for p in rng.integers(0, start, 100)]  # the words, beside which the weights are long
    for place in places:
        letter = text[place]
        other = (
            chr(ord("0") + (ord(letter) - ord("0") + 1) % 10) if letter.isdigit() else rng.choice(list('aZ{}[]",: 7'))
        )
        if other == letter:
            continue
        path.write_text(text[:place] + str(other) + text[place + 1 :])
        try:
            found = load_certificate(path)
            verdict = check_certificate(found, (X, Y))
        except InputError:
            continue
        if verdict.status is Status.PROVED:  # white space of JSON alone
            accepted += 1
            assert found == certificate
    assert accepted < 5


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(ProofCertificate)])
def test_every_field_is_bound(certificate, field):
    value = getattr(certificate, field)
    other = {
        str: lambda: value[:-1] + ("A" if value[-1] != "A" else "B"),
        float: lambda: float(np.nextafter(value, np.inf)),
        int: lambda: 1,
        Identity: lambda: dataclasses.replace(value, data=value.data | {"name": "other"}),
        dict: lambda: {k: list(reversed(v)) if isinstance(v, list) else v for k, v in value.items()} | {"more": 1},
    }[type(value) if type(value) is not type(certificate.status) else str]()
    try:
        verdict = check_certificate(dataclasses.replace(certificate, **{field: other}), (X, Y))
    except InputError:
        return
    assert verdict.status is Status.UNKNOWN


def test_a_smaller_radius_than_is_proved_is_refused(certificate):
    small = certificate.evidence | {"radius": certificate.evidence["radius"] * 0.1}
    radius = float(np.nextafter(ROOM * small["radius"], np.inf))
    forged = resealed(certificate, radius=radius, evidence=small, claim=CLAIMS[2].format(at_most(radius)))
    found = check_certificate(forged, (X, Y))
    assert found.status is Status.UNKNOWN
    assert "is proved, and the certificate claims" in found.reason


def test_forged_constants_are_not_believed(certificate):
    """A weight moved by 1 and every number in the file kept: only what is computed again counts."""
    network = certificate.weights()
    with double():
        network = eqx.tree_at(lambda n: n.weights[0], network, network.weights[0].at[0, 0].add(1.0))
    text = base64.b64encode(network_bytes(network)).decode()
    forged = resealed(certificate, network=text)
    assert check_certificate(forged, (X, Y)).status is Status.UNKNOWN


def test_weights_that_may_not_move_are_not_counted(certificate):
    """Claiming that nothing but the first bias moves leaves too few parameters, or a fixed read-out."""
    depth = len(certificate.trained["weights"])
    only = {"weights": [False] * depth, "biases": [True] + [False] * (depth - 1)}
    found = check_certificate(resealed(certificate, trained=only), (X, Y))
    assert found.status is Status.UNKNOWN
    assert "hash" not in found.reason


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


def converted(approximate="none"):
    """A gelu network as a program, as a torch module is converted to: 3 inputs, 20 features, 2 outputs."""
    rng = np.random.default_rng(4)
    arrays = {
        "in.w": rng.standard_normal((20, 3)),
        "in.b": rng.standard_normal(20),
        "out.w": rng.standard_normal((2, 20)) / 5,
    }
    names = [("parameter", name) for name in arrays] + [("input", "")]
    steps = (
        Step("aten.permute.default", (Ref(0), (1, 0)), (), 4),
        Step("aten.addmm.default", (Ref(1), Ref(3), Ref(4)), (), 5),
        Step("aten.gelu.default", (Ref(5),), (("approximate", approximate),), 6),
        Step("aten.permute.default", (Ref(2), (1, 0)), (), 7),
        Step("aten.mm.default", (Ref(6), Ref(7)), (), 8),
    )
    with double():
        parameters = {name: jnp.asarray(a) for name, a in arrays.items()}
        return TorchNetwork(parameters, Program(tuple(names), steps, 8, (3,), False), {})


def test_the_program_of_a_converted_module_is_bound():
    proof = prove(converted(), (X, Y))
    assert proof.status is Status.PROVED
    certificate = proof.certificate()
    assert check_certificate(certificate, (X, Y)).status is Status.PROVED
    assert check_certificate(old(certificate), (X, Y)).status is Status.PROVED
    with double():
        parameters = {k: jnp.asarray(v) for k, v in certificate.weights().parameters.items()}
        other = eqx.tree_at(lambda n: n.parameters, converted("tanh"), parameters)
    forged = dataclasses.replace(certificate, network=encoded(other))
    assert "program" in check_certificate(forged, (X, Y)).reason
    for start in (certificate, old(certificate)):  # with every hash made anew: the answers are others, by about 1e-3
        found = check_certificate(resealed(start, network=encoded(other)), (X, Y))
        assert found.status is Status.UNKNOWN
        assert "hash" not in found.reason
    with pytest.raises(InputError, match="may not move"):
        check_certificate(resealed(certificate, trained={"weights": [False], "biases": [True]}), (X, Y))
    found = check_certificate(resealed(certificate, method="newton-kantorovich"), (X, Y))
    assert "method" in found.reason
    evidence = certificate.evidence | {"method": "Newton-Kantorovich, said so"}
    with pytest.raises(InputError, match="not one for a converted torch module"):
        check_certificate(resealed(certificate, method="newton-kantorovich", evidence=evidence), (X, Y))
