"""Bounds of JAX's primitives hold what they must: every rule against the primitive, at random points of the argument balls."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from ball_cases import B, weights

from zeroloss.networks.pytorch import OPERATORS
from zeroloss.networks.pytorch.program import Dtype
from zeroloss.plumbing import double
from zeroloss.verified.balls.ball import Ball, NoBoundError, Unsure, exact
from zeroloss.verified.balls.lax import LAX
from zeroloss.verified.balls.operate import operate

OWN = Dtype("float64")


def whole(*numbers):
    return np.array(numbers, np.int32)


P = B(40, positive=True)
WINDOW = {
    "window": [1, 2, 3],
    "strides": [1, 2, 1],
    "padding": [[0, 0], [1, 0], [2, 1]],
    "base": [1, 1, 1],
    "dilation": [1, 1, 2],
}
NHWC = {"specs": [[0, 3, 1, 2], [3, 2, 0, 1], [0, 3, 1, 2]], "groups": 1, "batch_groups": 1}
PLAIN = {"strides": [1, 1], "padding": [[1, 0], [0, 2]], "spread": [1, 1], "dilation": [1, 1]}
LINE = {
    "strides": [1],
    "padding": [[0, 0]],
    "spread": [1],
    "dilation": [1],
    "specs": [[0, 1, 2]] * 3,
    "groups": 1,
    "batch_groups": 1,
}
CASES = {
    **{name: [((B(200),), {})] for name in ("neg", "exp", "expm1", "tanh", "logistic", "sin", "cos", "erf", "erfc", "abs", "square")},
    **{name: [((P,), {})] for name in ("log", "log1p", "sqrt", "rsqrt")},
    **{name: [((B(3, 4), B(3, 4)), {}), ((B(3, 4), np.asarray(0.3)), {})] for name in ("add", "sub", "mul", "max", "min", "logaddexp")},
    "div": [((B(3, 4), B(3, 4, positive=True)), {})],
    "pow": [((P, np.asarray(1.7)), {}), ((P, B(40)), {})],
    "relu": [((B(200),), {})],
    "stop_gradient": [((B(5),), {})],
    "integer_pow": [((B(40),), {"y": y}) for y in (2, 3, 7)] + [((P,), {"y": -2})],
    "clamp": [((np.asarray(-0.5), B(50), np.asarray(0.4)), {}), ((B(50), B(50), np.asarray(2.0)), {})],
    "select_n": [((np.arange(12).reshape(3, 4) % 2 == 0, B(3, 4), B(3, 4)), {}), ((whole(0, 2, 1), B(3), B(3), B(3)), {})],
    "convert_element_type": [((B(3),), {"dtype": OWN})],
    "reshape": [((B(3, 4),), {"sizes": [2, 6]})],
    "transpose": [((B(3, 4, 2),), {"permutation": [2, 0, 1]})],
    "broadcast_in_dim": [((B(3, 1),), {"shape": [2, 3, 5], "dimensions": [1, 2]})],
    "slice": [((B(5, 7),), {"start": [1, 0], "limit": [4, 7], "strides": [1, 3]})],
    "concatenate": [((B(2, 3), weights(2, 1)), {"dimension": 1})],
    "pad": [((B(3, 4), B()), {"config": [[1, 2, 1], [-1, 3, 0]]}), ((B(3), np.asarray(0.0)), {"config": [[2, -1, 2]]})],
    "rev": [((B(3, 4),), {"dimensions": [1]})],
    "reduce_sum": [((B(3, 4, 5),), {"axes": [0, 2]}), ((B(3),), {"axes": []})],
    "reduce_max": [((B(3, 4, 5),), {"axes": [1]})],
    "reduce_min": [((B(3, 4, 5),), {"axes": [0, 1, 2]})],
    "cumsum": [((B(3, 6),), {"axis": 1, "reverse": r}) for r in (False, True)],
    "dot_general": [
        ((B(3, 4), B(4, 5)), {"contracted": [[1], [0]], "batch": [[], []]}),
        ((weights(4, 3), B(4)), {"contracted": [[0], [0]], "batch": [[], []]}),
        ((B(2, 3, 4), weights(4, 5, 2)), {"contracted": [[2], [0]], "batch": [[0], [2]]}),
        ((B(2, 3, 4, 2), B(4, 2, 3, 2)), {"contracted": [[2, 1], [0, 2]], "batch": [[0, 3], [1, 3]]}),
        ((B(3), B(2)), {"contracted": [[], []], "batch": [[], []]}),
    ],
    "conv_general_dilated": [
        ((B(2, 6, 5, 3), weights(3, 2, 3, 4)), {**PLAIN, **NHWC}),
        ((B(1, 6, 7, 4), weights(2, 2, 2, 6)), {**PLAIN, **NHWC, "groups": 2, "strides": [2, 1], "dilation": [1, 2]}),
        ((B(1, 3, 4, 2), B(3, 3, 2, 2)), {**PLAIN, **NHWC, "spread": [2, 3], "padding": [[1, 1], [-1, 2]]}),
        (
            (B(2, 3, 8), weights(5, 3, 3)),
            {**LINE, "strides": [2], "padding": [[1, 1]]},
        ),
        (
            (B(8, 3, 2), weights(3, 3, 5)),
            {**LINE, "specs": [[2, 1, 0], [2, 1, 0], [1, 2, 0]]},
        ),
    ],
    "reduce_window_sum": [((B(2, 5, 7),), WINDOW)],
    "reduce_window_max": [((B(2, 5, 7),), WINDOW)],
    "reduce_window_min": [((B(2, 5, 7),), WINDOW)],
    "gather": [
        (  # rows of a table
            (B(6, 3), np.array([[[1], [5]], [[0], [1]]], np.int32)),
            {"offset": [2], "collapsed": [0], "start": [0], "batching": [], "places_batching": [], "sizes": [1, 3], "mode": "fill"},
        ),
        (  # windows, clipped, the offsets first
            (B(6, 5), np.array([[4, 9], [-3, 1]], np.int32)),
            {"offset": [0, 1], "collapsed": [], "start": [1, 0], "batching": [], "places_batching": [], "sizes": [2, 3], "mode": "clip"},
        ),
        (  # one place for each of a batch
            (B(3, 4, 2), np.array([[1], [3], [0]], np.int32)),
            {"offset": [1], "collapsed": [1], "start": [1], "batching": [0], "places_batching": [0], "sizes": [1, 1, 2], "mode": "inside"},
        ),
    ],
    "dynamic_slice": [((B(5, 4), np.int32(9), np.int32(1)), {"sizes": [2, 2]})],
    "dynamic_update_slice": [((B(5, 4), B(2, 2), np.int32(1), np.int32(7)), {})],
}  # fmt: skip


def held(name, args, kwargs, rng, draws=30):
    """The bound, and how much of it random points of the argument balls reach; each must lie inside."""
    found = operate(f"lax.{name}", list(args), kwargs)
    assert isinstance(found, Ball) and np.all(found.err >= 0)
    reached = 0.0
    for draw in range(draws):

        def point(a, draw=draw):
            if not isinstance(a, Ball):
                return jnp.asarray(a)
            place = rng.choice([-1.0, 1.0], a.shape) if draw % 2 else rng.uniform(-1, 1, a.shape)
            return jnp.asarray(a.mid + place * a.err)

        with double():
            given = {k: v.resolve(np.dtype("float64")) if isinstance(v, Dtype) else v for k, v in kwargs.items()}
            value = np.asarray(OPERATORS[f"lax.{name}"](*map(point, args), **given))
        assert value.dtype == np.float64 and value.shape == found.shape
        off = np.where(value == found.mid, 0.0, np.abs(value - found.mid))
        assert np.all(off <= found.err + 1e-14 * (1 + np.abs(value)))
        reached = max(reached, float(np.max(off / (found.err + 1e-300))))
    return reached


@pytest.mark.parametrize("name", CASES)
def test_rule_holds_the_primitive_on_its_balls(name):
    rng = np.random.default_rng(0)
    for case, kwargs in CASES[name]:
        args = [a.make(rng) if isinstance(a, B) else a for a in case]
        assert held(name, args, kwargs, rng) > 0.02  # a bound, and not an arbitrary one


EXACT = {
    "floor": ([2.7, -1.2],), "ceil": ([2.7, -1.2],), "sign": ([2.7, -1.2],), "is_finite": ([1.0, -np.inf],),
    "eq": ([1.0, 2.0], [1.0, 3.0]), "ne": ([1.0, 2.0], [1.0, 3.0]), "lt": ([1.0, 2.0], [1.0, 3.0]), "le": ([1.0, 2.0], [1.0, 3.0]),
    "gt": ([1.0, 2.0], [1.0, 3.0]), "ge": ([1.0, 2.0], [1.0, 3.0]),
    "not": (np.array([True, False]),), "and": (np.array([True, True]), np.array([True, False])),
    "or": (np.array([True, False]), np.array([False, False])), "xor": (np.array([True, True]), np.array([True, False])),
    "add": (whole(3, -4), whole(2, 7)), "sub": (whole(3, -4), whole(2, 7)), "mul": (whole(3, -4), whole(2, 7)),
    "div": (whole(7, -7, 7, -7), whole(2, 2, -2, -2)), "rem": (whole(7, -7, 7, -7), whole(2, 2, -2, -2)), "neg": (whole(3, -4),),
    "max": (whole(3, -4), whole(2, 7)), "min": (whole(3, -4), whole(2, 7)), "abs": (whole(3, -4),),
}  # fmt: skip
WITH = {
    "reduce_sum": ((np.arange(12, dtype=np.int32).reshape(3, 4),), {"axes": [1]}),
    "reduce_max": ((np.arange(12, dtype=np.int32).reshape(3, 4),), {"axes": [0]}),
    "reduce_and": ((np.array([[True, False], [True, True]]),), {"axes": [1]}),
    "reduce_or": ((np.array([[True, False], [False, False]]),), {"axes": [1]}),
    "argmax": (([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]],), {"axis": 1, "dtype": Dtype("int32")}),
    "argmin": (([[1.0, 0.0, 0.0], [2.0, 0.0, 1.0]],), {"axis": 1, "dtype": Dtype("int32")}),
    "iota": ((), {"shape": [2, 3], "dimension": 1, "dtype": Dtype("int32")}),
    "constant": ((), {"value": 0.1, "dtype": OWN}),
    "cumsum": ((np.arange(5, dtype=np.int32),), {"axis": 0, "reverse": True}),
    "convert_element_type": (([2.7, -2.7],), {"dtype": Dtype("int32")}),
    "integer_pow": ((whole(3, -4),), {"y": 3}),
}


@pytest.mark.parametrize("name", [*EXACT, *(f"{n}+" for n in WITH)])
def test_whole_numbers_and_decided_questions_are_exact(name):
    args, kwargs = WITH[name[:-1]] if name.endswith("+") else (EXACT[name], {})
    name = name.removesuffix("+")
    balls = [a if isinstance(a, np.ndarray) else exact(np.array(a)) for a in args]
    found = operate(f"lax.{name}", balls, kwargs)
    found = found.value if isinstance(found, Unsure) and not found.open.any() else found
    assert not isinstance(found, Ball) or not found.err.any()
    with double():
        given = {k: v.resolve(np.dtype("float64")) if isinstance(v, Dtype) else v for k, v in kwargs.items()}
        value = np.asarray(OPERATORS[f"lax.{name}"](*map(jnp.asarray, args), **given))
    np.testing.assert_array_equal(getattr(found, "mid", found), value)


def test_every_rule_has_a_case_and_every_primitive_of_a_program_a_rule():
    assert {name.removeprefix("lax.") for name in LAX} == set(CASES) | set(EXACT) | set(WITH)
    assert {name for name in OPERATORS if name.startswith("lax.")} == set(LAX)


NOT_DECIDED = {
    "float32": lambda: operate("lax.convert_element_type", [exact([0.1])], {"dtype": Dtype("single")}),
    "half": lambda: operate("lax.convert_element_type", [exact([0.1])], {"dtype": Dtype("bfloat16")}),
    "floor": lambda: operate("lax.floor", [Ball(np.ones(1), np.full(1, 1e-9))], {}),
    "wraps": lambda: operate("lax.add", [whole(2**31 - 1), whole(1)], {}),
    "sum-wraps": lambda: operate("lax.reduce_sum", [whole(2**31 - 1, 1)], {"axes": [0]}),
    "log1p": lambda: operate("lax.log1p", [exact([-0.7])], {}),
    "log": lambda: operate("lax.log", [exact([0.0])], {}),
    "remainder": lambda: operate("lax.rem", [exact([2.5]), exact([1.0])], {}),
    "bits": lambda: operate("lax.reduce_and", [whole(3, 1)], {"axes": [0]}),
    "beyond": lambda: operate(
        "lax.gather",
        [exact(np.ones((3, 2))), np.array([[3]])],
        {"offset": [1], "collapsed": [0], "start": [0], "batching": [], "places_batching": [], "sizes": [1, 2], "mode": "fill"},
    ),
    "places": lambda: operate("lax.dynamic_slice", [exact(np.ones(3)), exact(np.ones(()))], {"sizes": [1]}),
    "examples": lambda: operate(
        "lax.conv_general_dilated",
        [exact(np.ones((2, 1, 3))), np.ones((2, 1, 1))],
        {**LINE, "batch_groups": 2},
    ),
    "keyword": lambda: operate("lax.neg", [exact([1.0])], {"axis": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_DECIDED)
def test_what_is_not_decided_has_no_bound(name):
    with pytest.raises(NoBoundError):
        NOT_DECIDED[name]()


def test_log1p_of_what_underflows_and_of_balls_round_zero():
    small = Ball(np.array([0.0, 1e-12, -1e-12]), np.array([1e-304, 1e-9, 1e-3]))
    found = operate("lax.log1p", [small], {})
    for place in (-1.0, 0.0, 1.0):
        assert np.all(np.abs(np.log1p(small.mid + place * small.err) - found.mid) <= found.err)
    assert found.err[2] < 2e-3
    z = operate("lax.logaddexp", [exact([800.0, -900.0]), exact(np.zeros(2))], {})
    assert np.all(np.abs(z.mid - [800.0, 0.0]) <= z.err) and z.err.max() < 1e-12


def test_a_number_is_equal_to_itself_and_open_beside_another():
    x = Ball(np.ones(2), np.full(2, 1e-9))
    assert not operate("lax.ne", [x, x], {}).any()
    assert operate("lax.ne", [x, Ball(x.mid, x.err)], {}).open.all()
