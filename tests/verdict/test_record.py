"""Results go to JSON and come back equal."""

import dataclasses
import enum
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zeroloss.verdict import Record, Status, Verdict, from_json
from zeroloss.verdict.record import LIVE, same


@dataclasses.dataclass(frozen=True)
class Sample(Record):
    content: Any
    note: str = ""
    live: Any = dataclasses.field(default=None, metadata=LIVE)


@dataclasses.dataclass(frozen=True)
class Deeper(Sample):
    more: Any = None


class Colour(enum.Enum):
    RED = 1


dtypes = st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "<U3"])
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
keys = st.text(max_size=4) | st.sampled_from(["float", "array", "dtype", "shape", "type", "dict"])
values = st.recursive(
    scalars | arrays | st.just({"type": "Sample"}) | st.just({"float": "nan"}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(values)
def test_round_trip(content):
    one = Sample(content, "a note")
    text = one.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    again = from_json(text)
    assert again == one
    assert one == again
    assert again.to_json() == text
    assert hash(again) == hash(one)
    assert Sample.from_json(text) == one


@given(arrays)
def test_arrays_come_back_as_they_were(array):
    again = from_json(Sample(array).to_json()).content
    assert isinstance(again, np.ndarray)
    assert (again.shape, again.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (2, 0, 3), (0, 0)])
def test_empty_arrays_keep_their_shape(shape):
    again = from_json(Sample(np.zeros(shape, np.float32)).to_json()).content
    assert (again.shape, again.dtype) == (shape, np.float32)


@given(values, values)
def test_equality_agrees_with_json(left, right):
    """What is written alike is equal, and what differs in writing differs (but for numbers such as 1 and 1.0)."""
    a, b = Sample(left), Sample(right)
    if a.to_json() == b.to_json():
        assert a == b
    elif a == b:
        assert hash(a) == hash(b)
        numbers = str.maketrans("", "", "-")
        shorter = [
            t.to_json().replace(".0", "").translate(numbers).replace("true", "1").replace("false", "0") for t in (a, b)
        ]
        keys = [sorted(text) for text in shorter]  # a dict may have another order
        assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, 3.0])),
        (np.array([1.0]), np.array([1.0], np.float32)),
        (np.zeros((0, 2)), np.zeros((0, 3))),
        (np.array([np.nan, 1]), np.array([1, np.nan])),
        (np.array([1.0]), [1.0]),
        (np.array([1.0]), 1.0),
        ([1, 2], [1, 2, 3]),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, [1]),
        (Sample(1), Sample(2)),
        (Sample(1), Deeper(1)),
        (float("nan"), 0.0),
        (None, 0),
    ],
)
def test_what_differs_is_unequal(left, right):
    assert Sample(left) != Sample(right)
    assert not same(right, left)


def test_what_json_cannot_tell_apart_is_equal():
    assert Sample((1, (2, 3))) == Sample([1, [2, 3]])
    assert Sample({1: "a"}) == Sample({"1": "a"}) == from_json(Sample({1: "a"}).to_json())
    assert Sample(float("nan")) == Sample(float("nan"))
    assert Sample(np.float32("nan")) == Sample(float("nan"))
    assert Sample(Colour.RED) == from_json(Sample(Colour.RED).to_json())
    assert Sample(Path("a") / "b") == from_json(Sample(Path("a") / "b").to_json())
    assert hash(Sample(Path("a"))) == hash(from_json(Sample(Path("a")).to_json()))
    assert Sample(1) != "a string"


def test_live_fields_are_neither_written_nor_compared():
    one = Sample(1, live=object())
    again = from_json(one.to_json())
    assert again.live is None
    assert again == one
    assert "live" not in one.to_json()


def test_records_within_records():
    inner = Deeper(np.arange(3), more=Verdict("c", Status.UNKNOWN, "r", {"x": np.inf}))
    one = Sample([inner, {"k": inner}])
    again = from_json(one.to_json())
    assert isinstance(again.content[0].more, Verdict)
    assert again == one
    changed = Deeper(np.arange(3), more=Verdict("c", Status.UNKNOWN, "r", {"x": -np.inf}))
    assert Sample([inner, {"k": changed}]) != one


def test_a_class_keeps_an_equality_of_its_own():
    @dataclasses.dataclass(frozen=True)
    class Loose(Sample):
        def __eq__(self, other):
            return True

        __hash__ = Sample.__hash__

    @dataclasses.dataclass(frozen=True)
    class Child(Loose):
        pass

    assert Loose(1) == Loose(2)
    assert Child(1) == Child(2)


def test_what_has_no_place_is_refused():
    for content in (1j, object(), b"bytes", {1, 2}):
        with pytest.raises(TypeError, match="has no place in a result"):
            Sample(content).to_json()


def test_another_type_is_refused():
    with pytest.raises(ValueError, match="holds a Sample, not a Verdict"):
        Verdict.from_json(Sample(1).to_json())


def test_unknown_fields_of_a_later_version_are_dropped():
    stored = json.loads(Sample(1).to_json()) | {"from_the_future": 3}
    assert from_json(json.dumps(stored)) == Sample(1)


def test_jax_arrays_are_written_as_arrays():
    import jax.numpy as jnp

    one = Sample(jnp.arange(3.0))
    again = from_json(one.to_json())
    assert isinstance(again.content, np.ndarray)
    assert again == one


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample(1).content = 2


def test_a_result_is_read_before_its_class_was_imported(tmp_path):
    """It gave a plain dict, without a word, unless something else had imported the class."""
    import subprocess
    import sys

    from zeroloss.descent.result import Descent

    fit = Descent("gradient", "squared", 0.5, 0.0, False, "It stopped.", 3, 0.1, 1.0, {"step": [0], "loss": [0.5]})
    (tmp_path / "fit.json").write_text(fit.to_json())
    code = (
        "import sys; from zeroloss.verdict import from_json; assert 'jax' not in sys.modules; "
        f"print(type(from_json(open({str(tmp_path / 'fit.json')!r}).read())).__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "Descent"


def test_every_result_of_the_package_can_be_read():
    import re

    import zeroloss
    from zeroloss.verdict import record

    assert not record._find("NoResult")
    text = "\n".join(path.read_text() for path in Path(zeroloss.__file__).parent.rglob("*.py"))
    names = set(re.findall(r"^class (\w+)\((?:Record|Verdict)\):", text, re.MULTILINE))
    assert len(names) > 30
    assert names <= record._REGISTRY.keys()


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"type": "NoResult"}', '{"type": 3}', '"Verdict"'])
def test_a_text_without_a_result_is_refused(text):
    with pytest.raises(ValueError, match="the text holds"):
        from_json(text)
