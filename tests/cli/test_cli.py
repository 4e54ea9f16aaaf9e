"""The command line as a user meets it: exit codes, one clear line for bad input, nothing written by mistake."""

import json

import numpy as np
import pytest
from cli_checks import refused

from zeroloss.networks import MLP, load_network, save_network
from zeroloss.verdict import from_json


@pytest.fixture
def run(zeroloss):
    """`run("certify", "wine")` -> (exit code, standard output, standard error), in an empty folder."""
    return zeroloss


@pytest.fixture
def table(tmp_path):
    """A small csv of one's own: two classes, three columns, 24 rows."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.4f},{b:.4f},{'yes' if a + b > 0 else 'no'}" for a, b in rng.standard_normal((24, 2))]
    path = tmp_path / "mine.csv"
    path.write_text("a,b,answer\n" + "\n".join(rows) + "\n")
    return path


def test_help_names_every_command_with_an_example(run):
    code, out, _ = run("--help")
    assert code == 0
    for name in ("examine", "certify", "descend", "prove", "audit", "rank", "twin", "kernel"):
        assert name in out
        code, text, _ = run(name, "--help")
        assert code == 0
        assert f"Example: zeroloss {name}" in text
        for option in ("--json", "--seed", "--out"):
            assert option in text


def test_version(run):
    import zeroloss

    assert run("--version")[1].strip() == zeroloss.__version__


def test_descend_prove_audit_twin_in_a_row(run, table, tmp_path):
    common = (table, "--target", "answer")
    code, out, _ = run(
        "descend", *common, "--width", 32, "--depth", 1, "--method", "gauss-newton", "--out", "model.npz"
    )
    assert code == 0
    assert "Reached the tolerance" in out
    code, out, _ = run("prove", *common, "--model", "model.npz", "--out", "proof.json")
    assert code == 0
    assert out.count("PROVED") == 2
    assert from_json((tmp_path / "proof.json").read_text()).status == "PROVED"
    code, out, _ = run("audit", *common, "--model", "model.npz", "--measures", "margins", "--json")
    assert code == 0
    assert "local" in from_json(out).verdicts
    code, out, _ = run("twin", *common, "--of", "model.npz")
    assert code == 0
    assert load_network(tmp_path / "twin.npz").out_size == 2
    refused(run("twin", *common, "--of", "model.npz"), "twin.npz exists", "--force")
    assert run("twin", *common, "--of", "model.npz", "--force")[0] == 0
    refused(run("twin", *common, "--out", "twin.h5"), ".npz, .onnx, .safetensors")
    code, out, _ = run("twin", *common, "--activation", "prelu(0.25)", "--out", "twin.safetensors")
    assert code == 0 and "Wrote twin.safetensors" in out
    assert "training accuracy 100 %" in out and "float32 serves" in out and "on the test points: accuracy" in out
    assert "LeakyReLU" in (tmp_path / "twin.safetensors").read_bytes().decode(errors="ignore")


def test_prove_by_newton_kantorovich_and_check(run, table, tmp_path):
    common = (table, "--target", "answer")
    assert run("descend", *common, "--width", 10, "--depth", 2, "--method", "gauss-newton", "--out", "m.npz")[0] == 0
    code, out, _ = run("prove", *common, "--model", "m.npz", "--out", "proof.json")
    assert code == 0
    assert "By Newton-Kantorovich" in out
    code, out, _ = run("prove", "--check", "proof.json", *common)
    assert code == 0
    assert out.startswith("PROVED")
    assert "Computed again from network and data alone" in out
    text = table.read_text()
    last = text.rstrip()[-3:]
    table.write_text(text.rstrip()[: -len(last.split(",")[-1])] + ("no" if last == "yes" else "yes") + "\n")
    code, out, _ = run("prove", *common, "--check", "proof.json")
    assert code == 1
    assert out.startswith("UNKNOWN")
    assert "not the data" in out
    refused(run("prove", *common), "--model", "--check")
    refused(run("prove", *common, "--model", "m.npz", "--check", "proof.json"), "either --model")
    refused(run("prove", *common, "--check", "m.npz"), "m.npz is not a certificate")
    refused(run("prove", *common, "--model", "m.npz", "--method", "hope"), "hope", "newton-kantorovich")


def test_certify_prints_verdicts_or_json(run, table):
    code, out, _ = run("certify", table, "--target", "answer", "--width", 32, "--depth", 1, "--sample-beta")
    assert "By power iteration beta is at least" in out
    assert code == 0
    assert "PROVED" in out and "zero loss exists for these targets" in out
    code, out, _ = run("certify", table, "--target", "answer", "--width", 32, "--depth", 1, "--json")
    assert code == 0
    assert set(json.loads(out)["verdicts"]) == {"exists", "generic", "reaches", "curve"}


def test_kernel_states_memory_and_encloses(run, table, tmp_path):
    code, out, _ = run("kernel", table, "--target", "answer", "--width", 32, "--depth", 1, "--out", "k.npz")
    assert code == 0
    assert "operations" in out.splitlines()[0] and "kB" in out.splitlines()[0] and "about" in out.splitlines()[0]
    assert "smallest eigenvalue in" in out and "rounding counted" in out
    with np.load(tmp_path / "k.npz") as file:
        low, high = file["lambda_min"]
        values = np.linalg.eigvalsh(file["kernel"])
        assert low <= values[0] <= high


def test_kernel_draws_its_spectrum_and_prices_itself(run, table, tmp_path):
    about = ("kernel", table, "--target", "answer", "--width", 32, "--depth", 1)
    code, out, _ = run(*about, "--estimate")
    assert code == 0
    assert "with weights[0]" in out and "eigenvalue" not in out
    code, out, _ = run(*about, "--figure", "s.svg", "--out", "k.npz", "--outputs", "trace")
    assert code == 0
    assert "at most" in out and "as stored" in out
    assert "smallest eigenvalue" in (tmp_path / "s.svg").read_text()
    with np.load(tmp_path / "k.npz") as file:
        np.testing.assert_allclose(file["eigenvalues"][::-1], np.linalg.eigvalsh(file["kernel"]), atol=1e-10)
    code, _, err = run(*about, "--figure", "s.svg")
    assert code == 2 and "exists" in err
    code, _, err = run(*about, "--figure", "s.jpg")
    assert code == 2 and ".png, .svg, .html" in err
    code, _, err = run(*about, "--outputs", "diagonal")
    assert code == 2 and "full or trace" in err


def test_kernel_of_repeated_inputs_names_why_it_is_singular(run, tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,y\n" + "".join(f"{i % 10},{'p' if i % 3 else 'q'}\n" for i in range(20)))
    code, out, _ = run("kernel", path, "--target", "y", "--width", 32, "--depth", 1)
    assert code == 0
    assert "repeat others" in out and "exactly 0" in out


def test_repeated_inputs_with_different_labels_get_a_verdict(run, tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("a,y\n" + "".join(f"{i % 10},{'p' if i < 10 else 'q'}\n" for i in range(20)))
    code, out, _ = run("certify", path, "--target", "y", "--width", 32, "--depth", 1)
    assert code == 0
    assert "REFUTED" in out and "different targets" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,answer\n1,2,yes\n,3,no\n2,1,yes\n", ["a"]),
        ("a,b,answer\n1,2,yes\nnan,3,no\n2,1,yes\n", ["a"]),
        ("a,b,answer\n1,2,yes\n3,4,yes\n5,6,yes\n", ["class"]),
        ("a,b,answer\n", []),
        ("", []),
        ("a,b,reply\n1,2,yes\n3,4,no\n", ["answer", "reply"]),
    ],
    ids=["missing value", "NaN", "one class", "no rows", "empty file", "missing target column"],
)
def test_bad_tables(run, tmp_path, text, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    before = sorted(p.name for p in tmp_path.iterdir())
    refused(run("examine", path, "--target", "answer"), *words)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_other_bad_input(run, table, tmp_path):
    common = (table, "--target", "answer")
    refused(run("certify", "digitz"), "digits")
    refused(run("certify", "nowhere.csv", "--target", "y"), "nowhere.csv")
    refused(run("certify", *common, "--activation", "tan"), "tanh")
    refused(run("certify", *common, "--width", "many"), "--width")
    refused(run("certify", *common, "--model", "x.npz", "--width", 3), "exclude each other")
    refused(run("prove", *common, "--model", "none.npz"), "none.npz")
    refused(run("prove", *common, "--model", "model.onnx"), "ONNX")
    refused(run("prove", *common, "--model", "nomodule:f"), "nomodule")
    refused(run("descend", *common, "--method", "newton"), "gauss-newton")
    refused(run("descend", *common, "--out", "model.txt"), ".npz")
    refused(run("descend", *common, "--out", "missing/model.npz"), "missing")
    refused(run("certify", *common, "--seed", "x"), "--seed")
    refused(run("frobnicate"), "frobnicate")
    save_network(tmp_path / "other.npz", MLP(5, 2, 8, 1))
    refused(run("prove", *common, "--model", "other.npz"), "5")
    refused(run("audit", *common, "--model", "other.npz"), "5")
    (tmp_path / "broken.npz").write_bytes(b"not a network")
    refused(run("prove", *common, "--model", "broken.npz"), "broken.npz")


def test_an_existing_report_is_kept(run, table, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("mine")
    refused(run("examine", table, "--target", "answer"), "report.html exists", "--force")
    assert (tmp_path / "report" / "report.html").read_text() == "mine"


def test_interrupted_descent_saves_and_exits_130(run, table, tmp_path, monkeypatch):
    import importlib

    room = importlib.import_module("zeroloss.descent.descend")
    original, calls = room._Gradient.advance, []

    def advance(self, count):
        calls.append(count)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return original(self, count)

    monkeypatch.setattr(room._Gradient, "advance", advance)
    code, out, _ = run("descend", table, "--target", "answer", "--width", 16, "--depth", 1, "--out", "model.npz")
    assert code == 130
    assert "Interrupted" in out
    assert load_network(tmp_path / "model.npz").in_size == 2


@pytest.mark.slow
def test_audit_measures_and_rank(run, table, tmp_path):
    common = (table, "--target", "answer")
    for width in (4, 8):
        made = ("--width", width, "--depth", 1, "--steps", 20, "--out", f"m{width}.npz")
        assert run("descend", *common, *made)[0] == 0
    code, out, _ = run("audit", *common, "--model", "m8.npz", "--measures", "norms,sharpness", "--examples", 10)
    assert code == 0
    assert out.index("The audit takes about") < out.index("this fit is local") < out.index("largest Hessian eigenvalue")
    assert "not known: distance from the start: the network at its start was not given" in out
    code, out, _ = run("audit", *common, "--model", "m8.npz", "--estimate")
    assert code == 0 and "operations" in out and "largest Hessian eigenvalue" not in out
    code, out, _ = run("audit", *common, "--model", "m8.npz", "--measures", "margins", "--json")
    assert code == 0 and from_json(out).measure("median_margin").unit == "output"
    code, out, _ = run("audit", *common, "--model", "m8.npz", "--measures", "none")
    assert code == 0 and "what it means" not in out
    refused(run("audit", *common, "--model", "m8.npz", "--measures", "sharp"), "no measure 'sharp'", "filters")
    two = ("--model", "m4.npz", "--model", "m8.npz", "--measures", "norms")
    code, out, _ = run("rank", *common, *two, "--figure", "ranks.svg", "--out", "ranks.json")
    assert code == 0 and "Kendall's tau" in out and "too few" in out and (tmp_path / "ranks.svg").exists()
    assert from_json((tmp_path / "ranks.json").read_text()).models == ["m4.npz", "m8.npz"]
    refused(run("rank", *common, "--model", "m4.npz"), "at least two")
    refused(run("rank", *common, "--model", "m4.npz", "--model", "m4.npz"), "given twice")


def test_a_single_logit_and_the_task_of_a_column(run, table, tmp_path):
    common = (table, "--target", "answer")
    save_network(tmp_path / "start.npz", MLP(2, 1, depth=0, key=0))
    loss = ("--loss", "binary-cross-entropy")
    code, out, _ = run("descend", *common, "--model", "start.npz", *loss, "--steps", 300, "--out", "fit.npz")
    assert code == 0 and "binary-cross-entropy loss" in out
    code, out, _ = run("audit", *common, "--model", "fit.npz", *loss, "--measures", "none", "--json")
    numbers = from_json(out).numbers
    assert code == 0 and numbers["train_errors"] == 0 and "sign" in numbers["rule"]
    # of two classes as numbers there is no single column of texts
    refused(run("audit", *common, "--task", "regression", "--model", "fit.npz"), "cannot be regressed on")
    refused(run("audit", *common, "--task", "ranking", "--model", "fit.npz"), "'multi-label'")
    many = tmp_path / "many.csv"
    many.write_text("a,b,y\n" + "\n".join(f"{k / 7},{k % 3},{k % 30}" for k in range(60)) + "\n")
    save_network(tmp_path / "thirty.npz", MLP(2, 30, 8, 1))
    refused(run("audit", many, "--target", "y", "--model", "thirty.npz"), "--task classification")
    code, out, _ = run(
        "audit", many, "--target", "y", "--task", "classification", "--model", "thirty.npz", "--measures", "none"
    )
    assert code == 0 and "training points wrong" in out
