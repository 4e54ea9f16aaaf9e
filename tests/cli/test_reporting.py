"""`zeroloss report`: a page from what the other commands wrote, or one line that says why not."""

from __future__ import annotations

import numpy as np
import pytest
from cli_checks import refused

from zeroloss.networks import MLP, export_network, save_network


@pytest.fixture
def folder(zeroloss, tmp_path):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((30, 4)), np.arange(30) % 3
    np.savez("d.npz", x_train=x[:20], y_train=labels[:20], x_test=x[20:], y_test=labels[20:])
    network = MLP(4, 3, width=32, depth=1, key=0)
    save_network("m.npz", network)
    save_network("other.npz", MLP(4, 3, width=32, depth=1, key=1))
    export_network("m.onnx", network)
    return tmp_path


@pytest.fixture
def run(zeroloss):
    """A command that must end well; what it prints."""

    def call(*words):
        code, out, err = zeroloss(*words)
        assert code == 0, err
        return out

    return call


def test_what_prove_and_audit_wrote_becomes_a_page(zeroloss, folder, run):
    run("prove", "d.npz", "--model", "m.npz", "--out", "proof.json")
    run("audit", "d.npz", "--model", "m.npz", "--measures", "margins", "--out", "audit.json")
    output = run("report", "proof.json", "audit.json", "--out", "r.html")
    assert "Provably, weights with zero training loss" in output and "Wrote r.html" in output
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "made from proof.json, audit.json" in page and "zeroloss report proof.json audit.json" in page
    refused(zeroloss("report", "proof.json", "--out", "r.html"), "exists")
    run("report", "proof.json", "--out", "r.html", "--force")
    assert 'id="trust"' not in (folder / "r.html").read_text(encoding="utf-8")


def test_an_onnx_file_has_an_audit_and_a_page(folder, run):
    pytest.importorskip("onnxruntime")
    run("audit", "d.npz", "--model", "m.onnx", "--measures", "margins", "--out", "audit.json")
    run("report", "audit.json", "--out", "r.html")
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "What is not known, and why" in page and 'id="verdict-fit_minimum' not in page


def test_other_models_and_other_files_are_one_line(zeroloss, folder, run):
    run("prove", "d.npz", "--model", "m.npz", "--out", "proof.json")
    run("audit", "d.npz", "--model", "other.npz", "--measures", "none", "--out", "audit.json")
    refused(
        zeroloss("report", "proof.json", "audit.json", "--out", "r.html"),
        "audit.json is about another network than proof.json",
    )
    refused(zeroloss("report", "m.npz", "--out", "r.html"), "m.npz")
    refused(zeroloss("report", "none.json", "--out", "r.html"), "there is no file none.json")
    refused(zeroloss("report", "proof.json", "--out", "r.pdf"), "ending .html")
    assert not (folder / "r.html").exists()
