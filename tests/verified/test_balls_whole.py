"""Whole numbers and truth values are run exactly: as torch's own operators give them, or not at all."""

import numpy as np
import pytest

from zeroloss.networks.pytorch.program import Dtype
from zeroloss.verified.balls import Ball, NoBoundError, Unsure
from zeroloss.verified.balls.operate import operate
from zeroloss.verified.balls.whole import WHOLE, cast

torch = pytest.importorskip("torch")
TYPES = [np.int64, np.int32, np.int8, np.uint8, np.bool_]
TWO = [
    "add.Tensor", "sub.Tensor", "mul.Tensor", "maximum.default", "minimum.default", "remainder.Tensor", "fmod.Tensor",
    "floor_divide.default",
    "eq.Tensor", "ne.Tensor", "lt.Tensor", "le.Tensor", "gt.Tensor", "ge.Tensor", "logical_and.default", "logical_or.default",
    "logical_xor.default", "bitwise_and.Tensor", "bitwise_or.Tensor", "bitwise_xor.Tensor", "pow.Tensor_Tensor", "clamp_min.Tensor",
]  # fmt: skip
ONE = [
    ("neg.default",), ("abs.default",), ("sign.default",), ("square.default",), ("relu.default",), ("floor.default",),
    ("logical_not.default",), ("bitwise_not.default",), ("sum.default",), ("sum.dim_IntList", [1], True), ("prod.dim_int", 0),
    ("cumsum.default", 1), ("cumprod.default", 0), ("amax.default", [0]), ("amin.default", [1], True), ("any.dim", 1), ("all.dim", 0),
    ("argmax.default", 1), ("argmin.default", None), ("max.dim", 1), ("min.dim", 0, True), ("isnan.default",), ("add.Scalar", 3),
    ("mul.Scalar", -7), ("rsub.Scalar", 5), ("sub.Scalar", 2, 3), ("remainder.Scalar", -3), ("div.Tensor_mode", 3), ("eq.Scalar", 2),
    ("ge.Scalar", 0), ("bitwise_and.Scalar", 6), ("clamp.default", -2, 3), ("pow.Tensor_Scalar", 3), ("tril.default", -1),
    ("triu.default",), ("expand.default", [2, 3, 4]), ("flip.default", [1]), ("roll.default", [1], [1]), ("repeat.default", [2, 1]),
    ("masked_fill.Scalar", "mask", 3), ("full_like.default", 4), ("ones_like.default",), ("zeros_like.default",), ("unsqueeze.default", 1),
    ("constant_pad_nd.default", [1, 0], 2), ("select.int", 0, -1), ("slice.Tensor", 1, 1, 3), ("gather.default", 1, "places"),
    ("index_select.default", 1, "row"), ("index.Tensor", [None, "row"]), ("where.self", "mask", "self"), ("view.default", [4, 3]),
    ("embedding.default", "places"), ("diagonal.default",), ("cat.default",), ("unbind.int", 1),
]  # fmt: skip
MAKING = [
    ("arange.start_step", (2, 11, 3), {}), ("arange.start_step", (0, 5), {"dtype": "float32"}), ("arange.default", (4,), {}),
    ("full.default", ([2, 3], 7), {}), ("full.default", ([2], True), {}), ("full.default", ([2], 1), {"dtype": "float32"}),
    ("ones.default", ([3],), {"dtype": "int64"}), ("zeros.default", ([3],), {}), ("eye.default", (3,), {}),
    ("scalar_tensor.default", (5,), {"dtype": "int64"}), ("scalar_tensor.default", (2.5,), {}),
]  # fmt: skip


def own(name, args, kwargs=None):
    """torch's own operator of that name."""
    packet, overload = name.split(".")
    return getattr(getattr(torch.ops.aten, packet), overload)(*args, **(kwargs or {}))


def tensors(value):
    if isinstance(value, list):
        return [tensors(v) for v in value]
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def drawn(rng, kind, shape=(3, 4), wide=False):
    most = np.iinfo(kind).max if wide and kind is not np.bool_ else 6
    least = max(-most, np.iinfo(kind).min) if kind is not np.bool_ and np.dtype(kind).kind == "i" else 0
    return rng.integers(least, most, shape, endpoint=True, dtype=np.int64).astype(kind)


def compared(name, args):
    """As torch's, where there is a value; False where there is none."""
    try:
        expected = own(name, tensors(args))
    except (RuntimeError, NotImplementedError, IndexError):
        return False
    try:
        found = operate(f"aten.{name}", args, {})
    except NoBoundError:
        return False
    several = isinstance(expected, list | tuple)
    for a, b in zip(found if several else [found], expected if several else [expected], strict=True):
        a = a.value if isinstance(a, Unsure) else a
        assert isinstance(a, np.ndarray) and np.array_equal(a, b.numpy()), name
        assert (a.dtype.kind == "b") == (b.dtype == torch.bool), name
    return True


@pytest.mark.parametrize("wide", [False, True])
def test_two_arrays(wide):
    rng, done = np.random.default_rng(int(wide)), set()
    for name in TWO:
        for kind in TYPES:
            for other in TYPES:
                x, y = drawn(rng, kind, wide=wide), drawn(rng, other, (1, 4), wide=wide)
                if compared(name, [x, y]):
                    done.add(name)
    assert done >= set(TWO) - {"clamp_min.Tensor"} or wide


@pytest.mark.parametrize("wide", [False, True])
def test_one_array(wide):
    rng, done = np.random.default_rng(int(wide)), set()
    for name, *more in ONE:
        for kind in TYPES:
            x = drawn(rng, kind, wide=wide)
            places = {"places": rng.integers(0, 3, (3, 4)), "row": np.array([0, 2]), "mask": x > 2, "self": x}

            def given(value, places=places):
                if isinstance(value, list):
                    return [given(v) for v in value]
                return places[value] if isinstance(value, str) else value

            args = [x, *map(given, more)]
            if name == "where.self":
                args = [places["mask"], x, x + x if kind is np.bool_ else x]
            if name == "div.Tensor_mode":
                for mode in ("floor", "trunc"):
                    found = operate(f"aten.{name}", [x, 3], {"rounding_mode": mode})
                    assert np.array_equal(found, own(name, [tensors(x), 3], {"rounding_mode": mode}).numpy())
                done.add(name)
                continue
            if name == "cat.default":
                args = [[x, x[:1]], 0]
            if compared(name, args):
                done.add(name)
    assert done == {name for name, *_ in ONE} or wide


@pytest.mark.parametrize(("name", "args", "kwargs"), MAKING)
def test_new_arrays(name, args, kwargs):
    found = operate(f"aten.{name}", list(args), {k: Dtype(v) for k, v in kwargs.items()})
    expected = own(name, args, {k: getattr(torch, v) for k, v in kwargs.items()}).numpy()
    assert np.array_equal(found, expected) and found.dtype.kind == expected.dtype.kind


def test_what_would_wrap_around_has_no_value():
    big = np.array([2**62, 5])
    for name, args in (
        ("add.Tensor", [big, big]),
        ("mul.Scalar", [big, 4]),
        ("sum.default", [np.array([2**62, 2**62])]),
        ("cumsum.default", [np.array([2**62, 2**62]), 0]),
        ("pow.Tensor_Scalar", [np.array([10]), 30]),
        ("add.Tensor", [np.array([100], np.int8), np.array([100], np.int8)]),
        ("sub.Tensor", [np.array([3], np.uint8), np.array([5], np.uint8)]),
        ("mul.Scalar", [np.array([100], np.int8), 2]),
        ("remainder.Tensor", [np.array([3]), np.array([0])]),
        ("floor_divide.default", [np.array([3]), 0]),
        ("pow.Tensor_Scalar", [np.array([2]), -1]),
        ("mul.Tensor", [np.array([2**53 + 1]), np.array([0.5])]),
        ("arange.start_step", [0.0, 1.0, 0.1]),
        ("masked_fill.Scalar", [np.array([1, 2]), np.array([True, False]), 0.5]),
    ):
        with pytest.raises(NoBoundError):
            operate(f"aten.{name}", args, {})
    for value, kind in ((300, "int8"), (-1, "uint8"), (2**40, "int32"), (1e19, "int64")):
        with pytest.raises(NoBoundError, match="wrap around"):
            cast(np.asarray(value), Dtype(kind))


def test_an_operator_on_truth_values_that_are_open_is_no_exact_one():
    undecided = Unsure(np.array([True, False]), np.array([True, False]))
    both = operate("aten.logical_and.default", [undecided, np.array([False, True])], {})
    assert not both.open.any()  # one decided no decides
    either = operate("aten.logical_or.default", [undecided, np.array([False, True])], {})
    assert either.open.tolist() == [True, False]
    differ = operate("aten.bitwise_xor.Tensor", [undecided, np.array([False, True])], {})
    assert differ.open.tolist() == [True, False]
    every = operate("aten.all.dim", [undecided, 0], {})
    assert not every.open and not every.value
    for name, args in (
        ("mul.Tensor", [undecided, 2]),
        ("sum.default", [undecided]),
        ("cumsum.default", [undecided, 0]),
    ):
        with pytest.raises(NoBoundError):
            operate(f"aten.{name}", args, {})


def test_every_operator_here_is_one_of_the_networks():
    from zeroloss.networks.pytorch import OPERATORS

    known = {name for name in WHOLE if name in OPERATORS}
    assert len(known) > 60
    assert isinstance(operate("aten.mul.Tensor", [np.array([2]), np.array([0.5])], {}), Ball)
