"""What a study is: grids, identities, claims."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from study_makers import small_study

from zeroloss.plumbing import InputError
from zeroloss.studies import Claim, Finding, Grid, Study, cells, quick_tables
from zeroloss.studies.grids import canonical, trial_key
from zeroloss.studies.plan import blocks
from zeroloss.studies.trying import attempt, try_block
from zeroloss.verdict import Status


def test_a_grid_is_all_combinations_that_are_wanted():
    grid = Grid({"a": [1, 2], "b": ["x", "y"]}, where=lambda p: (p["a"], p["b"]) != (2, "x"))
    assert list(grid.cells()) == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "y"}]
    assert type(next(Grid({"a": np.arange(3)}).cells())["a"]) is int


def test_a_trial_is_known_by_everything_its_row_depends_on():
    one = trial_key("s", "e", 1, {"a": 1, "b": 2.5}, 0)
    assert one == trial_key("s", "e", 1, {"b": 2.5, "a": np.int64(1)}, 0)
    others = [
        trial_key("t", "e", 1, {"a": 1, "b": 2.5}, 0),
        trial_key("s", "f", 1, {"a": 1, "b": 2.5}, 0),
        trial_key("s", "e", 2, {"a": 1, "b": 2.5}, 0),
        trial_key("s", "e", 1, {"a": 1.0, "b": 2.5}, 0),
        trial_key("s", "e", 1, {"a": True, "b": 2.5}, 0),
        trial_key("s", "e", 1, {"a": "1", "b": 2.5}, 0),
        trial_key("s", "e", 1, {"a": 1, "b": 2.5}, 1),
    ]
    assert len({one, *others}) == 8
    for bad in (math.nan, math.inf, [1], None):
        with pytest.raises(InputError, match="a parameter"):
            canonical({"a": bad})


def test_a_scale_that_is_missing_is_the_next_smaller_one():
    study = small_study(scales={"smoke": Grid({"n": [1]}, seeds=2), "paper": Grid({"n": [1, 2]}, seeds=5)})
    assert [len(cells(study, scale)) for scale in ("smoke", "desk", "paper")] == [1, 1, 2]


@pytest.mark.parametrize("values", [[], (), np.arange(0), "abc", 3, {"k": 1}, None])
def test_an_axis_without_values_is_refused(values):
    with pytest.raises(InputError, match="axis a"):
        Grid({"a": values})


@pytest.mark.parametrize("seeds", [0, -1, 1.5, math.nan, True, "3", None])
def test_a_number_of_seeds_that_is_none_is_refused(seeds):
    with pytest.raises(InputError, match="seeds="):
        Grid({"a": [1]}, seeds=seeds)


def test_a_grid_remembers_what_a_generator_gave():
    grid = Grid({"a": (n * n for n in range(3))}, seeds=np.int64(2))
    assert list(grid.cells()) == list(grid.cells()) == [{"a": 0}, {"a": 1}, {"a": 4}]


def test_a_scale_without_trials_is_refused():
    study = small_study(scales={"smoke": Grid({"n": [1]}, where=lambda p: False), "desk": Grid({"n": [1]})})
    with pytest.raises(InputError, match="no trials at smoke scale"):
        cells(study, "smoke")
    assert len(cells(study, "desk")) == 1
    with pytest.raises(InputError, match="axis n has no values"):
        cells(study, "desk", {"n": []})


def test_where_grids_overlap_the_larger_number_of_seeds_holds():
    study = small_study(scales={"smoke": [Grid({"n": [1, 2]}, seeds=2), Grid({"n": [2]}, seeds=7)]})
    assert {cell.parameters["n"]: cell.seeds for cell in cells(study, "smoke")} == {1: 2, 2: 7}


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [({"n": [3]}, {(3, 10)}), ({"n": [1, 2], "seeds": [4]}, {(1, 4), (2, 4)})],
)
def test_axes_can_be_set(overrides, wanted):
    found = cells(small_study(), "smoke", overrides)
    assert {(cell.parameters["n"], cell.seeds) for cell in found} == wanted


def test_a_set_value_takes_the_type_of_its_axis():
    study = small_study(scales={"smoke": Grid({"rate": [0.5], "name": ["a"], "n": [1]})})
    (cell,) = cells(study, "smoke", {"rate": [2], "name": [7]})
    assert cell.parameters == {"rate": 2.0, "name": "7", "n": 1} and type(cell.parameters["rate"]) is float


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("huge",), "no scale 'huge'"),
        (("smoke", {"m": [1]}), "no axis 'm'; it has n, seeds"),
        (("smoke", {"seeds": [1.5]}), "whole number"),
        (("smoke", {"n": ["x"]}), "n=x"),
        (("smoke", {}, ["nothing"]), "no experiment 'nothing'; it has errors"),
    ],
)
def test_what_is_not_there_is_named(arguments, said):
    with pytest.raises(InputError, match=said):
        cells(small_study(), *arguments)


def test_two_experiments_of_one_name_are_refused():
    study = small_study()
    with pytest.raises(InputError, match="same name"):
        Study("s", "?", [*study.experiments, *study.experiments])
    with pytest.raises(InputError, match="is no experiment"):
        Study("s", "?", [], study.claims)


def test_cells_of_one_shape_stand_side_by_side():
    study = small_study(scales={"smoke": Grid({"n": [1, 2, 3, 4, 5]})}, shape=lambda p: p["n"] % 2)
    assert [cell.parameters["n"] for cell in cells(study, "smoke")] == [1, 3, 5, 2, 4]


def test_blocks_are_cut_at_the_same_places_whatever_is_there():
    study = small_study(block=4)
    (cell, *_) = cells(study, "smoke")
    keys = cell.keys("small")
    found = list(blocks(study, [cell], {keys[1], *keys[4:8]}))
    assert [(b.start, b.stop, sorted(b.missing)) for b in found] == [(0, 4, [0, 2, 3]), (8, 10, [8, 9])]


def test_a_seed_stands_at_its_place_in_the_block():
    seen = []

    def trial(parameters, keys):
        seen.append(keys.tolist())
        return {"place": np.arange(len(keys)), "key": keys}

    experiment = small_study(trial, block=4).experiments[0]
    assert try_block(experiment, {"n": 1}, [5, 7]) == [{"place": 1, "key": 5}, {"place": 3, "key": 7}]
    assert seen == [[5, 5, 5, 7]]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (3.0, "returned a float"),
        ({"y": np.zeros(3)}, r"y of shape \(3,\) for 4 keys"),
        ({"y": np.array([object()] * 4)}, "type object"),
        ({"n": np.zeros(4)}, "name of an axis"),
    ],
)
def test_what_a_trial_returns_is_checked(returned, said):
    experiment = small_study(lambda parameters, keys: returned).experiments[0]
    with pytest.raises(InputError, match=said):
        try_block(experiment, {"n": 1}, [0, 1, 2, 3])


def test_float64_is_a_scope_of_the_trial():
    import jax.numpy as jnp

    def trial(parameters, keys):
        return {"type": [str(jnp.asarray(np.ones(1)).dtype)] * len(keys)}

    kinds = {
        precision: try_block(small_study(trial, precision=precision).experiments[0], {"n": 1}, [0])[0]["type"]
        for precision in ("float32", "float64")
    }
    assert kinds == {"float32": "float32", "float64": "float64"}


def test_only_the_seeds_that_fail_are_lost():
    calls = []

    def trial(parameters, keys):
        calls.append(set(keys.tolist()))
        if 13 in keys or 30 in keys:
            raise ValueError("unlucky\n  number")
        return {"y": keys * 2.0}

    outcome = attempt(small_study(trial, block=64).experiments[0], {"n": 1}, range(64))
    assert outcome.failures == {13: "ValueError: unlucky number", 30: "ValueError: unlucky number"}
    assert outcome.metrics == {k: {"y": 2.0 * k} for k in range(64) if k not in (13, 30)}
    assert len(calls) < 45


def test_a_trial_that_always_fails_is_tried_three_times():
    calls = []

    def trial(parameters, keys):
        calls.append(len(keys))
        raise RuntimeError("no")

    outcome = attempt(small_study(trial, block=64).experiments[0], {"n": 1}, range(64))
    assert len(outcome.failures) == 64 and len(calls) == 3


def test_a_claim_without_its_trials_is_unknown_and_says_what_is_missing():
    study = small_study()
    verdict = study.claims[0]({"errors": pd.DataFrame()})
    assert verdict.status == Status.UNKNOWN and "no trial of errors has finished" in verdict.reason.lower()
    table = quick_tables(study)["errors"]
    table.attrs = {"expected": 45, "failed": 5}
    verdict = study.claims[0]({"errors": table})
    assert verdict.status == Status.SUPPORTED
    assert "10 trials of errors are still to run" in verdict.reason and "5 trials of errors failed" in verdict.reason
    assert verdict.evidence["trials"] == {"errors": {"finished": 30, "expected": 45, "failed": 5}}


def test_a_claim_keeps_its_sentence_and_standing():
    claim = Claim("k", "All is well.", (), lambda t: Finding(Status.SUPPORTED, "because"), "recalled", "a book")
    verdict = claim({})
    assert (verdict.claim, verdict.reason) == ("All is well.", "Because")
    assert verdict.evidence["standing"] == "recalled" and verdict.evidence["source"] == "a book"
    assert dataclasses.replace(claim, standing="ours")({}).evidence["standing"] == "ours"
