"""Results in files: read by type, and everything else refused in one sentence that names the file."""

from __future__ import annotations

import json

import pytest

from results import results
from zeroloss.plumbing import InputError
from zeroloss.report import Results, read_results

NAMES = ("certificate", "descent", "proof", "audit", "twin")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        (tmp_path / f"{name}.json").write_text(getattr(results(), name).to_json())
    results().proof.certificate().save("checked.json")
    return tmp_path


def refused(paths, *words):
    with pytest.raises(InputError) as caught:
        read_results(paths)
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and str(paths[-1]) in text
    for word in words:
        assert word in text, text


def test_each_by_its_type(folder):
    found = read_results([f"{name}.json" for name in NAMES])
    assert isinstance(found, Results)
    for name in NAMES:
        assert getattr(found, name) == getattr(results(), name)
    assert list(found.given) == [f"{name}.json" for name in NAMES]
    assert read_results(["checked.json"]).proof == results().proof.certificate()


def test_an_examination_comes_back_alone(folder, invented):
    (folder / "report.json").write_text(invented.to_json())
    assert read_results(["report.json"]) == invented
    refused(["audit.json", "report.json"], "whole examination", "alone")


def test_two_of_a_kind(folder):
    refused(["proof.json", "audit.json", "checked.json"], "each hold a proof", "proof.json")


def test_a_certificate_that_was_changed(folder):
    text = (folder / "checked.json").read_text()
    plain = json.loads(text)
    changes = {
        "a claim": plain | {"claim": "P = NP"},
        "a status": plain | {"status": "REFUTED"},
        "a verdict": plain | {"verdicts": {"classified": plain["verdicts"]["classified_polished"]}},
        "an identity": plain | {"identity": plain["identity"] | {"data": plain["identity"]["data"] | {"name": "all"}}},
        "a radius": plain | {"radius": plain["radius"] / 2},
        "a type": plain | {"verdicts": {"classified": "PROVED"}},
        "a field": plain | {"judge": "me"},
    }
    for name, content in changes.items():
        (folder / "forged.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match="certificate") as caught:
            read_results(["forged.json"])
        assert "\n" not in str(caught.value), name


def test_anything_else(folder):
    refused(["none.json"], "there is no file")
    (folder / "m.npz").write_bytes(b"PK\x03\x04\xff\xfe")
    refused(["m.npz"], "no text", "zeroloss certify")
    for text in ("", "{", "[]", "{}", '{"type": "Model"}', '{"type": 3}', '{"type": "Audit"}', "NaN"):
        (folder / "other.json").write_text(text)
        refused(["other.json"], "holds no result", "zeroloss certify")
    (folder / "other.json").write_text(results().audit.verdicts["local"].to_json())
    refused(["other.json"], "holds a Verdict")
