"""Trials with typed parameters: what they are called with, what comes back, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from zeroloss.plumbing import InputError
from zeroloss.studies import Experiment, Grid, Study, per_block, per_key, quick_tables
from zeroloss.studies.typed import cell_of


@dataclasses.dataclass(frozen=True)
class Cell:
    width: int
    noise: float = 0.5
    name: str = "relu"


@per_key
def single(cell: Cell, key: int) -> dict:
    assert type(cell.width) is int and type(cell.noise) is float and type(key) is int
    return {"value": cell.width + cell.noise + key, "path": [key, key + 1]}


@per_block
def block(cell: Cell, keys: np.ndarray) -> dict:
    return {"value": cell.width + keys}


def plain(parameters, keys):
    return {"value": parameters["width"] + keys}


def test_one_row_per_key_and_defaults_for_axes_that_are_left_out():
    found = single({"width": 3}, np.arange(4))
    np.testing.assert_array_equal(found["value"], 3.5 + np.arange(4))
    assert found["path"].shape == (4, 2)
    np.testing.assert_array_equal(block({"width": 3, "noise": 1}, np.arange(2))["value"], [3, 4])


def test_cost_block_and_shape_take_the_cell():
    experiment = Experiment(
        "e", "?", single, {"smoke": Grid({"width": [2, 4], "noise": [0, 1]}, seeds=3)}, block=lambda cell: cell.width,
        seconds=lambda cell: cell.noise, shape=lambda cell: cell.width,
    )  # fmt: skip
    assert experiment.block_of({"width": 2, "noise": 1}) == 2 and experiment.seconds_of({"width": 2, "noise": 1}) == 1.0
    assert experiment.shape_of({"width": 4, "noise": 0}) == 4
    table = quick_tables(Study("s", "?", [experiment]), "smoke")["e"]
    np.testing.assert_array_equal(table["value"], table["width"] + table["noise"] + table["seed"])


def test_an_untyped_trial_keeps_its_mapping():
    experiment = Experiment("e", "?", plain, {"smoke": Grid({"width": [2]})}, seconds=lambda cell: cell["width"])
    assert experiment.seconds_of({"width": 2}) == 2 and cell_of(plain, {"width": 2}) == {"width": 2}
    assert np.isnan(Experiment("e", "?", plain, {}).seconds_of({}))


def test_axes_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="Cell has no field depth; its fields are width, noise, name"):
        single({"width": 1, "depth": 2}, np.arange(1))
    with pytest.raises(InputError, match=r"lacks an axis that Cell needs: .*width"):
        single({"noise": 1.0}, np.arange(1))


@dataclasses.dataclass(frozen=True)
class Wrong:
    widths: list


@per_key
def wrong(cell: Wrong, key: int) -> dict:
    return {}


def test_a_field_of_another_type_is_refused():
    with pytest.raises(InputError, match="the field widths is a list; a parameter is an int, float, str or bool"):
        wrong({"widths": 1}, np.arange(1))
