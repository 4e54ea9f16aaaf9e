"""The atlas: numbers by hand, monotone in what they depend on, cited, and there at once."""

import dataclasses
import math
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.plumbing import InputError
from zeroloss.theorems import THEORIES, Atlas, Size, atlas
from zeroloss.theorems.survey import SIZES, lines
from zeroloss.theorems.theory import ONE_LAYER, OPTIONAL, PARAMETERS, WIDTH, weights_of, width_for

HAND = Size("hand", 100, 10, 2, 3, lambda0=0.5, margin=0.5, separation=0.1, delta=0.1, accuracy=0.01)
BY_HAND = {
    "du-2019-shallow": 1e12 / (0.0625 * 1e-3),
    "du-2019-deep": 8 * 1e8 / 0.0625,
    "allen-zhu-2019": 1e48 * 531441 / 1e-8,
    "zou-gu-2019": 1e16 * 531441 / 1e-4,
    "zou-2018": 1e52 * 3.0**38 / 1e-8,
    "oymak-soltanolkotabi-2019": 1e4,
    "song-yang-2019": 1e4 / 0.0625,
    "ji-telgarsky-2020": (math.sqrt(math.log(1000)) + math.log(100)) ** 2 * 256,
    "chen-2021": 3 * math.log(1e4) / 0.5 * math.log(1000) ** (4 / 3),
    "nguyen-mondelli-2020": 1e4,
    "noy-2021": 3e4,
    "song-2021": 1e3,
    "kawaguchi-huang-2019": 200.0,
    "eftekhari-2019": 100.0,
    "bubeck-2020": 4 * 10 * 2.0,
    "nguyen-2021": 100.0,
    "bombari-2022": 100.0,
    "near-linear-2025": 400.0,
    "terjek-gonzalez-sanchez-2022": 2e4 / 0.25,
    "readout": 100.0,
    "counting": 200.0,
}
KEYS = [theory.key for theory in THEORIES]


def test_every_theory_has_its_number_by_hand():
    assert set(BY_HAND) == set(KEYS) - {"li-liang-2018"} and len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize("key", sorted(BY_HAND))
def test_the_number_at_a_size_worked_out_by_hand(key):
    assert atlas(HAND, depth=3, **_told(HAND)).find(key).needed == pytest.approx(BY_HAND[key], rel=1e-12)


def _told(size):
    return {name: getattr(size, name) for name in (*OPTIONAL, "delta", "accuracy")}


def test_every_entry_is_cited_has_a_standing_and_names_what_was_confirmed():
    for theory in THEORIES:
        assert re.search(r"arXiv \d{4}\.\d{5}|openreview|ours", theory.citation)
        assert theory.standing in ("paper", "recalled", "ours")
        assert theory.counts in (WIDTH, ONE_LAYER, PARAMETERS)
        assert theory.depth in ("one hidden layer", "any")
        for words in (theory.guarantees, theory.assumptions, theory.activation, theory.trains, theory.formula):
            assert words
        assert set(theory.uses) <= set(OPTIONAL)
        if theory.standing == "paper":
            assert theory.confirmed and not theory.recalled
        if theory.standing == "recalled":
            assert theory.recalled  # and what was confirmed, if anything
        if theory.at_least:
            assert theory.recalled or "best taken" in theory.assumptions


@pytest.mark.parametrize("theory", [t for t in THEORIES if t.need], ids=lambda t: t.key)
def test_more_examples_never_need_less_and_better_data_never_more(theory):
    numbers = [theory.needed(dataclasses.replace(HAND, n=n)) for n in (1, 7, 30, 100, 1001, 50_000)]
    assert numbers == sorted(numbers) and numbers[-1] > numbers[0]
    parameters = [theory.parameters(dataclasses.replace(HAND, n=n)) for n in (7, 100, 1001)]
    assert parameters == sorted(parameters)
    for name in OPTIONAL:
        easier = theory.needed(dataclasses.replace(HAND, **{name: 2 * getattr(HAND, name)}))
        assert (easier < theory.needed(HAND)) == (name in theory.uses)
        at_one = theory.needed(dataclasses.replace(HAND, **{name: None}))
        assert at_one <= theory.needed(HAND)
    deeper = theory.parameters(dataclasses.replace(HAND, depth=6))
    assert deeper >= theory.parameters(HAND)


def test_widths_and_weights_are_inverse():
    for depth in (1, 2, 5):
        size = dataclasses.replace(HAND, depth=depth)
        for width in (1, 64, 4096):
            assert width_for(weights_of(width, size), size) == pytest.approx(width)
    assert weights_of(64, HAND) == 10 * 64 + 2 * 64**2 + 64 * 2
    assert weights_of(64, HAND, one_layer=True) == 10 * 64 + 64 * 2 + 2 * 4
    net = zl.MLP(10, 2, 64, 3)
    assert weights_of(64, HAND) == sum(w.size for w in net.weights)


def test_named_sizes_and_what_they_do_not_tell():
    found = atlas("mnist-size", network=(512,))
    assert (found.size.n, found.size.d, found.size.outputs) == (60_000, 784, 10)
    assert (found.network_width, found.network_parameters) == (512, 407_050)
    counting = found.find("counting")
    assert counting.needed == 600_000 and not counting.at_least
    assert counting.short == pytest.approx(600_000 / 407_050)
    du = found.find("du-2019-shallow")
    assert du.at_least and du.set_to_one == ("lambda0",) and not du.speaks  # one output
    assert du.needed == pytest.approx(60_000.0**6 * 1e6)
    given = atlas("mnist-size", lambda0=0.1).find("du-2019-shallow")
    assert not given.at_least and given.needed == pytest.approx(1e4 * du.needed)
    assert atlas("cifar-size").size.d == 3072
    parameters = [r.parameters for r in found.requirements if r.parameters is not None]
    assert parameters == sorted(parameters, reverse=True)


def test_what_a_theory_does_not_speak_of_is_marked():
    deep = atlas("mnist-size", network=(512, 512))
    assert not deep.find("bubeck-2020").speaks and deep.find("kawaguchi-huang-2019").speaks
    assert "Bubeck et al. 2020 *" in repr(deep)
    assert "Bubeck et al. 2020 *" not in repr(atlas("mnist-size", network=(512,)))


def test_numbers_beyond_floating_point_are_infinite_and_survive_json():
    found = atlas(Size("huge", 10**12, 10**6, depth=10))
    assert found.find("zou-2018").parameters == math.inf
    assert "beyond 1e+308" in repr(found)
    assert Atlas.from_json(found.to_json()) == found


def test_it_comes_at_once_and_needs_neither_jax_nor_scipy():
    start = time.perf_counter()
    for name in SIZES:
        repr(atlas(name, network=(512,)))
    assert time.perf_counter() - start < 0.5
    code = "import sys; from zeroloss.theorems import atlas; repr(atlas('cifar-size')); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jax", "scipy", "sklearn", "pandas"} & set(done.stdout.split())


def test_a_data_set_gives_its_own_size():
    x, y = np.ones((30, 4)), np.ones((30, 3))
    assert (atlas((x, y)).size.n, atlas((x, y)).size.d, atlas((x, y)).size.outputs) == (30, 4, 3)
    assert atlas((x, y[:, 0])).size.outputs == 1
    data = zl.from_arrays(np.arange(12.0).reshape(6, 2), np.arange(6.0), task="regression", name="six")
    found = atlas(data, network=zl.MLP(2, 1, (5, 7)))
    assert (found.size.name, found.size.depth, found.network_width) == ("six", 2, 7)
    assert found.network_parameters == 5 * 3 + 7 * 6 + 8


def test_lines_for_the_figure():
    table = lines(SIZES["mnist-size"], (10, 100))
    assert len(set(table["theory"])) == len(THEORIES) - 1  # one names no degree
    at = [
        p for t, n, p in zip(table["theory"], table["n"], table["parameters"], strict=True) if t == "Song et al. 2021"
    ]
    assert at == [pytest.approx(10**1.5), pytest.approx(1000)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: atlas("imagenet-size"), "choose one of mnist-size"),
        (lambda: atlas("mnist-size", delta=0), "between 0 and 1"),
        (lambda: atlas("mnist-size", lambda0=-1.0), "lambda0=-1.0"),
        (lambda: atlas("mnist-size", network=(512,), depth=3), "leave one of them out"),
        (lambda: atlas("mnist-size", network=512), "widths"),
        (lambda: atlas("mnist-size", measure=True), "name a data set"),
        (lambda: Size("x", 0, 1), "n=0"),
        (lambda: atlas("mnist-size").find("du"), "choose one of"),
    ],
)
def test_bad_input_is_one_line(call, words):
    with pytest.raises(InputError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
