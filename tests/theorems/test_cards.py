"""Every theorem checks its hypotheses: where they hold, where each one fails, and what it then may say."""

import json

import numpy as np
import pytest
from card_cases import FAILS, HOLDS, KINKED, X, Y, antisymmetric, mlp

from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError
from zeroloss.theorems import Card, CardResult, cards, check, find_card
from zeroloss.verdict import Status

RNG_X = np.random.default_rng(9).standard_normal((8, 9))
KEYS = [card.key for card in cards()]
PAPERS = ("terjek-gonzalez-sanchez", "kawaguchi-huang", "depth-extension", "kohler-krzyzak", "xord-large")


def test_there_is_a_card_for_each_paper_and_every_card_has_its_cases():
    assert set(PAPERS) <= set(KEYS) and len(set(KEYS)) == len(KEYS) >= 17
    assert set(HOLDS) == set(FAILS) == set(KEYS)
    for card in cards():
        assert {h.name for h in card.hypotheses} == set(FAILS[card.key])


@pytest.mark.parametrize("key", KEYS)
def test_where_every_hypothesis_holds(key):
    card = find_card(key)
    network, data, options = HOLDS[key]
    result = card.check(network, data, **options)
    assert [h.name for h in result.hypotheses if h.holds is not True] == []
    assert result.applies and result.promises
    assert result.status is (Status.PROVED if card.proof else Status.UNKNOWN)
    assert result.standing in ("paper", "recalled", "ours")
    for promise in result.promises:
        assert promise.sentence.endswith(".")
        assert all(np.isfinite(v) for v in promise.constants.values() if isinstance(v, float))


@pytest.mark.parametrize(("key", "name"), [(key, name) for key in KEYS for name in FAILS[key]])
def test_where_a_hypothesis_fails_nothing_is_proved_or_promised(key, name):
    network, data, options = FAILS[key][name]
    result = find_card(key).check(network, data, **options)
    assert result.find(name).holds is not True
    assert result.status is Status.UNKNOWN and not result.promises and not result.applies
    assert name in result.reason or any(h.name in result.reason and not h.holds for h in result.hypotheses)


def test_what_is_only_recalled_is_never_proved():
    for card in cards():
        if card.standing == "recalled":
            assert not card.proof
    assert not find_card("terjek-gonzalez-sanchez").proof and not find_card("kohler-krzyzak").proof


def test_what_is_short_shows_by_how_much():
    found = find_card("composite").check(mlp(), (X, Y)).find("close enough")
    assert found.short > 1 and "times too far" in repr(found)
    narrow = find_card("readout").check(mlp(width=1), (X, Y)).find("features")
    assert narrow.short == 4.0  # 8 inputs, one unit and a bias


def test_a_step_that_is_given_is_judged():
    card = find_card("composite")
    network, data, options = HOLDS["composite"]
    free = card.check(network, data, **options)
    step = free.promises[0].constants["step_size"]
    found = card.check(network, data, **options, step_size=step / 2)
    assert found.status is Status.PROVED
    assert found.promises[0].constants["step_size"] == step / 2 and 0 < found.promises[0].constants["rate"] < 1
    with pytest.raises(InputError, match="step_size=-1"):
        card.check(network, data, **options, step_size=-1.0)


@pytest.mark.parametrize("key", KEYS)
def test_results_survive_json_and_read_well(key):
    network, data, options = HOLDS[key]
    result = find_card(key).check(network, data, **options)
    assert CardResult.from_json(result.to_json()) == result
    text = repr(result)
    assert str(result.status) in text and result.hypotheses[0].name in text and "then: " in text
    assert json.loads(result.to_json())["evidence"]["citation"]


@pytest.mark.parametrize("key", KEYS)
def test_a_card_shows_all_of_itself(key):
    card = find_card(key)
    shown = str(card)
    for words in (card.title, card.statement, "Standing: " + card.standing, "Source: "):
        assert words in shown
    for hypothesis in card.hypotheses:
        assert f"- {hypothesis.name}: " in shown
    assert "\\" in card.statement and card.citation and card.standing_of
    assert max(len(line) for line in shown.splitlines() if line != f"  {card.statement}") <= 96


def test_all_at_once_share_their_facts_and_need_no_network():
    found = check(mlp(), (X, Y))
    assert list(found) == KEYS
    proved = {key for key, result in found.items() if result.status is Status.PROVED}
    assert proved == {"readout", "depth-extension", "twin", "rump"}
    without = check(None, (X, Y))
    assert {key for key, result in without.items() if result.status is Status.PROVED} == {"twin"}


def test_a_foreign_network_proves_nothing_about_itself():
    network, data, _ = FAILS["composite"]["fully connected"]
    proved = [key for key, r in check(network, data).items() if r.status is Status.PROVED]
    assert proved == ["twin"]  # a claim about the data


def test_repeats_weigh_in_the_kernel_and_are_counted():
    twice = (np.concatenate([X, X]), np.concatenate([Y, Y]))
    once = find_card("rump").check(mlp(), (X, Y)).promises[0].constants["lambda_min_lower"]
    result = find_card("rump").check(mlp(), twice)
    assert result.promises[0].constants["lambda_min_lower"] == pytest.approx(2 * once, rel=0.05)
    assert "weighted" in result.promises[0].sentence


def test_bad_input_is_one_line():
    with pytest.raises(InputError, match="did you mean composite"):
        find_card("composit")
    with pytest.raises(InputError, match="takes no 'step'"):
        find_card("composite").check(mlp(), (X, Y), step=1.0)
    with pytest.raises(InputError, match="none of these cards takes 'atom'"):
        check(None, (X, Y), ["atoms"], atom=3)
    with pytest.raises(InputError, match="2 outputs"):
        find_card("readout").check(mlp(out=2), (X, Y))
    with pytest.raises(InputError, match="none is given"):
        check(None, (X, Y), trainable="hidden")
    with pytest.raises(InputError, match="layer9"):
        check(mlp(), (X, Y), trainable="layer9")
    with pytest.raises(InputError, match="NaN"):
        find_card("readout").check(mlp(), (X * np.nan, Y))


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e30])
def test_numbers_out_of_range_prove_nothing_about_weights(size):
    found = check(mlp(), (size * X, Y))
    proved = {key for key, r in found.items() if r.status is Status.PROVED}
    assert {"twin", "depth-extension"} <= proved  # in exact arithmetic, whatever the numbers
    assert "composite" not in proved and "newton-kantorovich" not in proved
    check(mlp(), (X, size * Y))  # without a warning, which would be an error here


def test_odd_shapes_are_judged_too():
    for network, data in (
        (mlp(), (X, Y[:, 0])),
        (mlp(inputs=9), (RNG_X.reshape(8, 3, 3), Y)),
        (mlp(), (X[:1], Y[:1])),
        (FeedForward([np.ones((1, 4))], [None], []), (X, Y)),
    ):
        for result in check(network, data).values():
            assert CardResult.from_json(result.to_json()) == result


def test_cards_are_what_they_say():
    assert all(isinstance(card, Card) for card in cards())
    assert "composite" in repr(find_card("composite"))
    assert find_card("readout").check(KINKED, (X, Y)).status is Status.PROVED
    assert antisymmetric().depth == 1
