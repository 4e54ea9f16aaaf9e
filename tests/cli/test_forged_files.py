"""`prove --check` and `--model` on files that somebody changed: exit codes and one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_checks import refused

from zeroloss.networks import MLP, save_network


@pytest.fixture
def certificate(zeroloss):
    """A certificate in `c.json` of data in `d.npz`; its fields."""
    rng = np.random.default_rng(0)
    np.savez("d.npz", x=rng.standard_normal((10, 3)), y=rng.standard_normal(10))
    save_network("m.npz", MLP(3, 1, 30, 1, key=0))
    code, out, err = zeroloss("prove", "d.npz", "--model", "m.npz", "--out", "c.json")
    assert code == 0, err
    assert out.startswith("PROVED")
    return json.loads(Path("c.json").read_text())


def test_what_was_written_holds_and_what_was_changed_does_not(zeroloss, certificate):
    assert zeroloss("prove", "d.npz", "--check", "c.json")[0] == 0
    for change, words in (
        ({"claim": "P = NP"}, "claims what was not proved"),
        ({"status": "REFUTED"}, "status is REFUTED"),
        ({"method": "newton-kantorovich"}, "hash differs"),
        ({"reason": "It is so."}, "hash differs"),
        ({"radius": certificate["radius"] * 2}, "claims what was not proved"),
    ):
        Path("f.json").write_text(json.dumps(certificate | change))
        code, out, err = zeroloss("prove", "d.npz", "--check", "f.json")
        assert (code, err) == (1, "")
        assert "UNKNOWN" in out
        assert words in " ".join(out.split())


def test_what_is_no_certificate_is_one_line(zeroloss, certificate):
    text = json.dumps(certificate)
    for content in (
        json.dumps(certificate | {"radius": True}),
        json.dumps(certificate | {"judge": "me"}),
        text.replace('"evidence": {', '"evidence": {"deep": ' + "[" * 20_000 + "]" * 20_000 + ", "),
        text.replace('{"type"', '{"claim": "P = NP", "type"'),
        text[:-20],
        "",
        "\0",
    ):
        Path("f.json").write_text(content)
        refused(zeroloss("prove", "d.npz", "--check", "f.json"), "certificate")
    Path("f.json").write_bytes(b"\xff\xfe\x00")
    refused(zeroloss("prove", "d.npz", "--check", "f.json"), "holds no text")


def test_a_header_nested_deep_is_one_line(zeroloss, certificate):
    np.savez("deep.npz", zeroloss=np.array("[" * 5000 + "]" * 5000))
    for command in ("certify", "descend", "prove", "audit", "kernel"):
        refused(zeroloss(command, "d.npz", "--model", "deep.npz"), "nested deeper than")
