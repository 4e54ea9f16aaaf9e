"""Results of different data or networks are refused, and the sentence names which."""

from __future__ import annotations

import dataclasses

import pytest

import zeroloss as zl
from results import DATA, OTHER, START, results
from zeroloss.minima import construct_twin
from zeroloss.plumbing import InputError
from zeroloss.plumbing.precision import as_double
from zeroloss.report import Results, gather

ELSE = zl.MLP(4, 3, width=64, depth=1, activation="tanh", key=9)
RELU = zl.MLP(4, 3, width=64, depth=1, activation="relu", key=0)
WIDER = zl.MLP(4, 3, width=65, depth=1, activation="tanh", key=0)


def refused(*words, **given):
    with pytest.raises(InputError) as caught:
        gather(Results(**given))
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".")
    for word in words:
        assert word in text, text


def test_other_data():
    r = results()
    refused("the audit", "other training data than the proof", proof=r.proof, audit=zl.audit(r.descent.network, OTHER))
    refused("the twin", "other training data", audit=r.audit, twin=construct_twin(OTHER, of=r.descent.network))
    refused("the proof", "other training data", descent=r.descent, proof=zl.prove(r.descent.network, OTHER))
    refused("the descent", "other training data", certificate=r.certificate, descent=zl.descend(START, OTHER, steps=2))


def test_other_test_rows():
    r = results()
    other = dataclasses.replace(DATA, x_test=DATA.x_test + 1)
    refused("other test data", proof=r.proof, audit=zl.audit(r.descent.network, other))


def test_another_network():
    r = results()
    refused("the audit is about another network than the proof", proof=r.proof, audit=zl.audit(ELSE, DATA))
    refused("the proof is about another network than the descent", descent=r.descent, proof=zl.prove(ELSE, DATA))
    refused("the twin is about another network than the audit", audit=r.audit, twin=construct_twin(DATA, of=ELSE))
    refused("began at other weights", certificate=zl.certify(ELSE, DATA), descent=r.descent)


@pytest.mark.parametrize("network", [RELU, WIDER], ids=["activation", "width"])
def test_a_certificate_of_another_architecture(network):
    refused("the certificate", "another architecture", certificate=zl.certify(network, DATA), proof=results().proof)


def test_the_chain_from_descent_by_the_proof_to_the_polished_weights():
    """No two hashes of descent and audit agree; the proof knows both."""
    r = results()
    audit = zl.audit(r.proof.network, DATA)
    gather(Results(descent=r.descent, proof=r.proof, audit=audit))
    refused("another network", descent=r.descent, audit=audit)


def test_precision_and_container_are_no_difference():
    """The same numbers in float64 are the same network, and a pair the same data as the data set."""
    r = results()
    with zl.double():
        wide = as_double(r.descent.network)
    gather(Results(proof=zl.prove(wide, (DATA.x_train, DATA.y_train)), audit=r.audit))


def test_a_black_box_stands_alone():
    from zeroloss.networks import black_box

    r = results()
    closed = zl.audit(black_box(lambda x: x[:, :3]), DATA)
    assert gather(Results(audit=closed)).numbers["not_known"]
    gather(Results(audit=closed, twin=construct_twin(DATA)))
    refused("the audit is about a black box", "the proof", audit=closed, proof=r.proof)
    refused("the audit is about a black box", "the certificate", audit=closed, certificate=r.certificate)
    refused("the audit is about a black box", "the twin", audit=closed, twin=r.twin)


def test_a_result_that_does_not_say_stands_alone():
    r = results()
    silent = dataclasses.replace(r.audit, identity=None)
    gather(Results(audit=silent))
    refused("the audit does not name", audit=silent, proof=r.proof)


def test_the_names_of_files_are_used():
    names = {"proof": "p.json", "audit": "a.json"}
    refused(
        "a.json is about another network than p.json", proof=results().proof, audit=zl.audit(ELSE, DATA), names=names
    )
