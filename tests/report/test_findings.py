"""The page of one's own model, from every subset of results: what is there is shown, what is not leaves no trace."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from test_render import Reader

import zeroloss as zl
from results import DATA, START, results
from zeroloss.plumbing import InputError
from zeroloss.report import Results, gather, render, write_report
from zeroloss.verdict import Status, from_json

NAMES = ("certificate", "descent", "proof", "audit", "twin")
SECTIONS = {
    "certificate": {"loss", "theory"},
    "descent": {"loss"},
    "proof": set(),
    "audit": {"trust", "measures"},
    "twin": set(),
}
VERDICTS = {
    "certificate": {"exists", "generic", "reaches"},
    "descent": set(),
    "proof": {"fit_minimum_polished", "fit_classified", "fit_classified_polished"},
    "audit": {"local_fit", "lazy"},
    "twin": set(),
}
SUBSETS = [names for count in range(1, 6) for names in itertools.combinations(NAMES, count)]


def some(names):
    return {name: getattr(results(), name) for name in names}


@pytest.mark.parametrize("names", SUBSETS, ids="-".join)
def test_every_subset_makes_a_page_of_what_is_there(names):
    findings = gather(Results(**some(names)))
    page = render(findings)
    reader = Reader(page)
    ids = {a["id"] for t, a in reader.elements if t == "section" and "id" in a}
    wanted = set().union(*(SECTIONS[name] for name in names))
    assert ids & {"loss", "spectrum", "widths", "slice", "digits", "examples", "trust", "measures", "theory"} == wanted
    verdicts = set().union(*(VERDICTS[name] for name in names))
    if {"certificate", "descent"} <= set(names):
        verdicts.add("curve")
    assert set(findings.verdicts) == verdicts
    assert ("verdicts" in ids) == bool(verdicts)
    for verdict in findings.verdicts.values():
        assert f"“{verdict.claim}” {verdict.reason}" in reader.text
    assert findings.headline and " ".join(findings.headline.split()) in reader.text
    for word in ("Not made", "There is none", "not measured", "nan", "examination", "No claim"):
        assert word not in reader.text, word
    assert not re.search(r"\bNone\b(?! of them)", reader.text)
    cards = {a["class"].split()[1] for t, a in reader.elements if t == "article" and "card" in a["class"].split()}
    assert cards == {"fitted" if name != "twin" else "twin" for name in names}
    assert not re.search(r"<(dl|ul|tbody)[^>]*>\s*</", page), "an empty list or table"


@pytest.mark.parametrize(
    "names", [NAMES, ("proof",), ("certificate", "descent"), ("audit",), ("audit", "twin")], ids="-".join
)
def test_results_read_back_make_the_same_page(names):
    live = some(names)
    back = {name: from_json(result.to_json()) for name, result in live.items()}
    assert render(gather(Results(**back))) == render(gather(Results(**live)))


def test_a_certificate_of_a_proof_shows_what_the_proof_shows():
    proof = results().proof
    certificate = from_json(proof.certificate().to_json())
    by_proof, by_certificate = (gather(Results(proof=found, audit=results().audit)) for found in (proof, certificate))
    assert list(by_proof.verdicts) == list(by_certificate.verdicts)
    assert by_certificate.headline.startswith("Provably, weights with zero training loss lie within")
    assert by_certificate.verdicts["fit_minimum_polished"].claim == certificate.claim
    assert by_certificate.verdicts["fit_classified"] == by_proof.verdicts["fit_classified"]


def test_the_predicted_curve_is_judged_live_and_from_files():
    certificate, descent = results().certificate, results().descent
    live = gather(Results(certificate=certificate, descent=descent)).verdicts["curve"]
    read = gather(Results(certificate=from_json(certificate.to_json()), descent=from_json(descent.to_json())))
    assert live.status is read.verdicts["curve"].status is Status.SUPPORTED
    other = zl.descend(START, DATA, step_size=0.5 * certificate.step_size, steps=20)
    alone = gather(Results(certificate=from_json(certificate.to_json()), descent=other))
    assert "curve" not in alone.verdicts  # the table in the file is for another step size
    assert set(alone.tables["loss"]["curve"]) == {"measured"}
    adam = zl.descend(START, DATA, method="adam", steps=20)
    assert "curve" not in gather(Results(certificate=certificate, descent=adam)).verdicts


def test_which_weights_the_audit_is_of_is_reported():
    proof = results().proof
    assert proof.which == "polished"
    given = gather(Results(proof=proof, audit=results().audit)).headline
    polished = gather(Results(proof=proof, audit=zl.audit(proof.network, DATA))).headline
    assert "The model as given is right on" in given
    assert "The polished model is right on 100" in polished


def test_polished_weights_are_never_taken_for_those_given():
    """The claim is about the polished weights: heading, badge, number and sentence say so."""
    moved, still = results().proof, zl.prove(results().proof.network, DATA, polish=False)
    assert still.which == "given" and still.status is Status.PROVED
    for proof, word in ((moved, True), (still, False)):
        findings = gather(Results(proof=proof))
        card = findings.cards[0]
        texts = [findings.headline, card.big_name, next(n for n, _ in card.facts if "within" in n), card.badges[0][2]]
        assert [("polish" in text) for text in texts] == [word] * 4
        assert ("The model, polished: a global minimum" in render(findings)) == word


def test_a_proof_that_does_not_go_through_claims_nothing():
    narrow = zl.MLP(4, 3, width=2, depth=1, key=0)
    findings = gather(Results(proof=zl.prove(narrow, DATA)))
    assert findings.headline.startswith("It is not proved")
    assert "Provably" not in render(findings)
    assert not any(name.startswith("a global minimum within") for name, _ in findings.cards[0].facts)


def test_a_regression_and_data_without_a_test_set():
    x = np.linspace(-1, 1, 12)[:, None]
    data = zl.from_arrays(x, np.sin(3 * x[:, 0]))
    net = zl.MLP(1, 1, width=40, depth=1, key=1)
    findings = gather(Results(proof=zl.prove(net, data), audit=zl.audit(net, data)))
    page = render(findings)
    assert "R² on the training data" in page and "it was not tested on new ones" in findings.headline
    assert "test" not in {name.split()[0] for name, _ in findings.cards[0].facts}


def test_a_pair_of_arrays_has_no_name_and_gets_a_page():
    x, y = np.asarray(DATA.x_train), np.asarray(DATA.y_train)
    findings = gather(Results(proof=zl.prove(START, (x, y))))
    assert findings.title == "What is known of the model"
    assert "None" not in Reader(render(findings)).text


def test_what_links_start_and_model_is_reported():
    certificate, proof, descent = results().certificate, results().proof, results().descent
    assert "start" in gather(Results(certificate=certificate, proof=proof)).numbers["not_known"]
    assert "start" not in gather(Results(certificate=certificate, proof=proof, descent=descent)).numbers["not_known"]


def test_several_seeds_nothing_or_both_are_one_sentence(tmp_path):
    many = zl.descend(START, DATA, steps=3, seeds=2)
    for given, what in (({"descent": many}, "several seeds"), ({}, "needs a result")):
        with pytest.raises(InputError, match=what):
            write_report(tmp_path / "r.html", **given)
    with pytest.raises(InputError, match="not both"):
        write_report(tmp_path / "r.html", gather(Results(proof=results().proof)), proof=results().proof)
    assert not (tmp_path / "r.html").exists()
    assert write_report(tmp_path / "r.html", proof=results().proof).exists()
