"""`zeroloss theorems` as a user meets it: list, show, check, atlas, and one line for what is wrong."""

import json

import numpy as np
import pytest
from cli_checks import refused

from zeroloss.verdict import from_json
from zeroloss.verdict.record import decode


@pytest.fixture
def run(zeroloss, tmp_path):
    """`run("list")` -> (exit code, standard output, standard error), in a folder with small data."""
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "small.npz", x=rng.standard_normal((12, 4)), y=rng.standard_normal(12))
    return lambda *words: zeroloss("theorems", *words)


def test_help_has_examples(run):
    for name in ("list", "show", "check", "atlas"):
        code, out, _ = run(name, "--help")
        assert code == 0 and f"Example: zeroloss theorems {name}" in out


def test_list_and_show(run):
    code, out, _ = run("list")
    assert code == 0 and "composite " in out and "recalled" in out
    listed = json.loads(run("list", "--json")[1])
    assert len(listed) >= 17 and {"key", "statement", "standing", "citation", "hypotheses"} <= set(listed[0])
    code, out, _ = run("show", "composite")
    assert code == 0 and "Hypotheses" in out and "Standing: ours" in out and "arXiv 2205.13507" in out
    assert json.loads(run("show", "readout", "--json")[1])["key"] == "readout"


def test_check_prints_what_holds_and_writes_it(run, tmp_path):
    words = (
        "check",
        "small.npz",
        "--target",
        "y",
        "--width",
        "32",
        "--depth",
        "1",
        "--only",
        "readout",
        "--only",
        "atoms",
    )
    code, out, _ = run(*words, "--out", "checked.json")
    assert code == 0
    assert "PROVED" in out and "then  A global minimum lies within" in out
    assert "UNKNOWN" in out and "needs inputs drawn uniformly" in out
    found = decode(json.loads((tmp_path / "checked.json").read_text()))
    assert set(found) == {"readout", "atoms"} and found["readout"].applies
    text = run(*words, "--assume", "atoms=8", "--tell", "noise_variance=0.5", "--json")[1]  # --tell: the older name
    atoms = decode(json.loads(text))["atoms"]
    assert atoms.find("design").holds is (
        len(np.load(tmp_path / "small.npz")["x"]) - 4 == 8
    )  # 30 per cent are for testing
    assert atoms.evidence["told"] == {"atoms": 8, "noise_variance": 0.5}


def test_atlas_of_a_size_and_of_data(run, tmp_path):
    code, out, _ = run("atlas", "mnist-size", "--width", "512", "--depth", "2", "--figure", "atlas.svg")
    assert code == 0 and "n = 60,000" in out and "Your network: width 512, 669,706 parameters" in out
    assert "Song et al. 2021 *" in out and (tmp_path / "atlas.svg").stat().st_size > 10_000
    found = from_json(run("atlas", "small.npz", "--target", "y", "--lambda0", "0.2", "--json")[1])
    assert found.size.lambda0 == 0.2 and found.find("counting").needed == found.size.n
    code, out, _ = run("atlas", "small.npz", "--target", "y", "--measure", "--out", "atlas.json")
    assert code == 0 and out.startswith("Measuring: about") and "an extrapolation" in out
    assert from_json((tmp_path / "atlas.json").read_text()).threshold.targets == "random"


def test_bad_input_is_one_line(run):
    refused(run("show", "composit"), "did you mean composite")
    refused(run("atlas", "mnist-size", "--measure"), "name a data set")
    refused(run("atlas", "mnist-size", "--width", "64,64", "--depth", "3"), "leave one of them out")
    refused(run("atlas", "mnist-size", "--delta", "2"), "above 0 and below 1")
    refused(run("atlas", "mnist_sized"), "there is no data set")
    refused(run("check", "small.npz", "--target", "y", "--only", "atom"), "no card 'atom'")
    refused(run("atlas", "mnist-size", "--figure", "atlas.pdf"), "a figure is written as")


@pytest.mark.parametrize(
    ("assumed", "line"),
    [
        (["atoms"], "NAME=VALUE"),
        (["=3"], "NAME=VALUE"),
        (["atom=3"], "among what may be assumed"),
        (["atoms=-1"], "atoms=-1: give a whole number"),
        (["atoms=1.5"], "atoms=1.5: give a whole number"),
        (["atoms=1_000"], "atoms=1_000: give a whole number"),
        (["atoms=8", "atoms=9"], "atoms is given twice"),
        (["design=wrong"], "choose one of random, fixed"),
        (["minimises=yes"], "give true or false"),
        (["noise_variance=nan"], "finite"),
        (["tail=-0.5"], "positive"),
        (["trainable=layer9"], "layer9"),
    ],
)
@pytest.mark.parametrize("option", ["--assume", "--tell"])
def test_assumptions_that_mean_nothing_are_refused(run, option, assumed, line):
    words = [word for one in assumed for word in (option, one)]
    refused(run("check", "small.npz", "--target", "y", "--width", "4", "--depth", "1", *words), line)


def test_the_older_name_is_hidden(run):
    text = run("check", "--help")[1]
    assert "--assume" in text and "--tell" not in text
