"""Balls hold what they must: every rule against the JAX operator of the same name, at random points of the argument balls."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from ball_cases import RADIUS, B, weights

from zeroloss.networks.pytorch import OPERATORS
from zeroloss.plumbing import double
from zeroloss.verified.balls import RULES, Ball, NoBoundError, Unsure
from zeroloss.verified.balls.ball import divide, exact, root
from zeroloss.verified.balls.recurrent import is_recurrent
from zeroloss.verified.balls.rules import product

IMAGE = B(2, 4, 7, 7)
CASES = {
    "add.Tensor": [(B(3, 4), B(3, 4)), (B(3, 4), 2.5)],
    "sub.Tensor": [(B(3, 4), B(1, 4))],
    "rsub.Scalar": [(B(3, 4), 2.5)],
    "mul.Tensor": [(B(3, 4), B(3, 4)), (B(3, 4), weights(4))],
    "mul.Scalar": [(B(3, 4), -0.3)],
    "div.Tensor": [(B(3, 4), B(3, 4, positive=True))],
    "neg.default": [(B(5),)],
    "abs.default": [(B(50),)],
    "maximum.default": [(B(50), B(50))],
    "minimum.default": [(B(50), B(50))],
    "clamp.default": [(B(50), -0.5), (B(50), None, 0.3), (B(50), -0.2, 0.2)],
    "hardtanh.default": [(B(50), -0.5, 0.5)],
    "relu.default": [(B(200),)],
    "tanh.default": [(B(200),)],
    "sigmoid.default": [(B(200),)],
    "erf.default": [(B(200),)],
    "silu.default": [(B(200),)],
    "gelu.default": [(B(200),), (B(200), "tanh")],
    "leaky_relu.default": [(B(200), 0.2), (B(200),)],
    "exp.default": [(B(200),)],
    "log1p.default": [(B(200, positive=True),)],
    "rsqrt.default": [(B(200, positive=True),)],
    "sqrt.default": [(B(200, positive=True),)],
    "pow.Tensor_Scalar": [(B(50), 2), (B(50), 3), (B(50, positive=True), -1.5), (B(50, positive=True), 0.5)],
    "pow.Scalar": [(2.5, B(50))],
    "reciprocal.default": [(B(50, positive=True),)],
    "square.default": [(B(50),)],
    "log.default": [(B(200, positive=True),)],
    "sin.default": [(B(200),)],
    "cos.default": [(B(200),)],
    "expm1.default": [(B(200),)],
    "softplus.default": [(B(200),), (B(200), 2.0, 1.0)],
    "elu.default": [(B(200),), (B(200), 0.7, 1.1, 0.9)],
    "mish.default": [(B(200),)],
    "log_sigmoid.default": [(B(200),)],
    "hardswish.default": [(B(200),)],
    "hardsigmoid.default": [(B(200),)],
    "relu6.default": [(B(200),)],
    "_prelu_kernel.default": [(B(3, 4), weights(1, 4))],
    "addcmul.default": [(B(3, 4), B(3, 4), weights(3, 4), 0.3)],
    "addcdiv.default": [(B(3, 4), B(3, 4), B(3, 4, positive=True), 0.3)],
    "lerp.Scalar": [(B(3, 4), B(3, 4), 0.3)],
    "cumsum.default": [(B(3, 4), 1)],
    "amin.default": [(B(3, 4, 5), [-1])],
    "max.dim": [(B(3, 4), 1)],
    "var.correction": [(B(3, 6), [1], 1, True)],
    "std.correction": [(B(3, 6), [1], 0)],
    "linalg_vector_norm.default": [(B(3, 6), 2, [1]), (B(3, 6), 1, [1]), (B(3, 6), float("inf"), [1])],
    "_log_softmax.default": [(B(3, 6), -1, False)],
    "logsumexp.default": [(B(3, 6), [-1])],
    "_fused_rms_norm.default": [(B(3, 6), [6], weights(6), 1e-5)],
    "sum.dim_IntList": [(B(3, 4, 5), [1, 2]), (B(3, 4), [-1], True)],
    "mean.dim": [(B(3, 4, 5), [1, 2]), (B(3, 4), [-1], True)],
    "amax.default": [(B(3, 4, 5), [-1])],
    "_softmax.default": [(B(3, 6), -1, False)],
    "mm.default": [(B(3, 4), B(4, 5)), (B(3, 4), weights(4, 5))],
    "bmm.default": [(B(2, 3, 4), B(2, 4, 5))],
    "addmm.default": [(weights(5), B(3, 4), weights(4, 5))],
    "linear.default": [(B(3, 4), weights(5, 4), weights(5))],
    "native_layer_norm.default": [(B(3, 6), [6], weights(6), weights(6), 1e-5)],
    "native_group_norm.default": [(IMAGE, weights(4), weights(4), 2, 4, 49, 2, 1e-5)],
    "_native_batch_norm_legit_no_training.default": [
        (IMAGE, weights(4), weights(4), weights(4), weights(4) ** 2 + 0.1, 0.1, 1e-5)
    ],
    "convolution.default": [
        (IMAGE, weights(6, 4, 3, 3), weights(6), [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
        (IMAGE, weights(6, 2, 3, 2), None, [2, 1], [1, 2], [2, 1], False, [0, 0], 2),
        (B(2, 3, 9), weights(6, 3, 3), None, [2], [1], [1], False, [0], 1),
        (IMAGE, weights(4, 3, 3, 3), weights(6), [2, 2], [1, 1], [1, 1], True, [1, 0], 2),
        (B(2, 3, 9), weights(3, 2, 3), None, [1], [0], [2], True, [0], 1),
    ],
    "avg_pool2d.default": [
        (IMAGE, [3, 3], [2, 2], [1, 1]),
        (IMAGE, [2, 2]),
        (IMAGE, [3, 2], [2, 3], [1, 1], True, False),
        (IMAGE, [3, 3], [3, 2], [1, 0], True, True),
        (IMAGE, [2, 2], [2, 2], [0, 0], True, True, 3),
    ],
    "avg_pool1d.default": [(B(1, 2, 9), [3], [2], [1])],
    "max_pool2d_with_indices.default": [
        (IMAGE, [3, 2], [2, 3], [1, 1], [1, 1], True),
        (IMAGE, [2, 2], [1, 1], [0, 0], [2, 2]),
    ],
    "adaptive_max_pool2d.default": [(IMAGE, [3, 2])],
    "_native_batch_norm_legit.no_stats": [(B(1, 4, 5, 5), weights(4), weights(4), True, 0.1, 1e-5)],
    "upsample_bilinear2d.vec": [
        (IMAGE, [10, 3], False, None),
        (IMAGE, None, True, [1.5, 2.0]),
        (IMAGE, None, False, [1.5, 2.0]),
    ],
    "_adaptive_avg_pool2d.default": [(IMAGE, [3, 2])],
    "constant_pad_nd.default": [(B(2, 3), [1, 2], 0.5)],
    "slice.Tensor": [(B(3, 9), 1, 2, 8, 2), (B(3, 9), 1, -3)],
    "select.int": [(B(3, 9), 1, -1)],
    "flip.default": [(B(3, 9), [1])],
    "permute.default": [(B(3, 9), [1, 0])],
    "unsqueeze.default": [(B(3, 9), 1)],
    "squeeze.dims": [(B(3, 1, 9), [1])],
    "view.default": [(B(3, 4), [2, 6])],
    "expand.default": [(B(3, 1), [3, 4])],
    "repeat.default": [(B(3, 1), [2, 3])],
    "repeat_interleave.self_int": [(B(3, 4), 2, 1)],
    "roll.default": [(B(3, 9), [2], [1]), (B(3, 9), [2])],
    "unfold.default": [(B(3, 9), 1, 3, 2)],
    "tril.default": [(B(4, 4), -1)],
    "diagonal.default": [(B(4, 5), 1)],
    "slice_scatter.default": [(B(3, 9), B(3, 2), 1, 2, 4)],
    "copy.default": [(B(3, 4), B(1, 4))],
    "reflection_pad2d.default": [(IMAGE, [1, 2, 0, 3])],
    "replication_pad1d.default": [(B(1, 2, 5), [1, 2])],
    "upsample_nearest2d.vec": [(IMAGE, [10, 3], None), (IMAGE, None, [1.5, 2.0])],
}


@pytest.mark.parametrize("name", CASES)
def test_rule_holds_the_operator_on_its_balls(name):
    rng = np.random.default_rng(0)
    for case in CASES[name]:
        args = [a.make(rng) if isinstance(a, B) else a for a in case]
        found = RULES[f"aten.{name}"](*args)
        found = found[0] if isinstance(found, tuple) else found
        assert np.all(found.err >= 0)
        reached = np.zeros(found.shape)
        for draw in range(40):

            def point(a, draw=draw):
                if not isinstance(a, Ball):
                    return jnp.asarray(a) if isinstance(a, np.ndarray) else a
                place = rng.choice([-1.0, 1.0], a.shape) if draw % 2 else rng.uniform(-1, 1, a.shape)
                return jnp.asarray(a.mid + place * a.err)

            with double():
                value = OPERATORS[f"aten.{name}"](*map(point, args))
                value = np.asarray(value[0] if isinstance(value, tuple) else value)
            assert value.dtype == np.float64
            off = np.abs(value - found.mid)
            assert np.all(off <= found.err + 1e-14 * (1 + np.abs(value)))
            reached = np.maximum(reached, off / (found.err + 1e-300))
        assert reached.max() > 0.02  # a bound, and not an arbitrary one


def test_every_rule_has_a_case_or_is_exact():
    untested = {name.removeprefix("aten.") for name in RULES} - set(CASES)
    others = {
        # the same functions under other names, or with their arguments in another place
        "rsub.Tensor", "maximum.Tensor", "minimum.Tensor", "clamp.Tensor", "clamp_min.default", "clamp_max.default", "prelu.default",
        "pow.Tensor_Tensor", "lerp.Tensor", "max.default", "min.default", "min.dim", "var.dim", "std.dim", "var_mean.correction",
        "norm.ScalarOpt_dim", "softmax.int", "log_softmax.int", "mv.default", "dot.default", "matmul.default", "addmv.default",
        "rms_norm.default", "argmax.default", "argmin.default", "floor.default", "ceil.default", "trunc.default", "round.default",
        "sign.default", "masked_fill.Scalar", "masked_fill.Tensor", "where.Scalar", "any.default", "all.dim", "all.dims", "all.default",
        # numbers that are only moved, or new (`test_whole`)
        "squeeze.default", "narrow.default", "index.Tensor", "_unsafe_index.Tensor", "index_select.default", "gather.default",
        "roll.default", "repeat_interleave.self_int", "diagonal.default", "tril.default", "triu.default", "unfold.default",
        "unbind.int", "split.Tensor", "lift_fresh_copy.default", "to.dtype", "stack.default", "copy.default", "slice_scatter.default",
        "zeros_like.default", "empty_like.default", "ones_like.default", "ones.default", "new_zeros.default", "new_ones.default",
        "new_full.default", "arange.start_step", "arange.start", "arange.default", "eye.default", "eye.m",
        *(f"{kind}_pad{n}d.default" for kind in ("reflection", "replication") for n in (1, 2, 3)),
        *(f"upsample_nearest{n}d.vec" for n in (1, 2, 3)), "upsample_linear1d.vec", "upsample_trilinear3d.vec",
        "avg_pool3d.default", "adaptive_max_pool1d.default", "adaptive_max_pool3d.default",
        "add.Scalar", "sub.Scalar", "div.Scalar", "sum.default", "mean.default", "baddbmm.default", "getitem", "cat.default",
        "full.default", "full_like.default", "zeros.default", "empty.memory_format", "scalar_tensor.default", "embedding.default",
        "_unsafe_view.default", "reshape.default", "t.default", "transpose.int", "squeeze.dim", "split_with_sizes.default",
        "clone.default", "alias.default", "detach.default", "_to_copy.default", "max_pool2d_with_indices.default",
        "max_pool3d_with_indices.default", "where.self", "where.ScalarOther", "where.ScalarSelf", "logical_not.default",
        "bitwise_not.default", "any.dim", "any.dims",
    }  # fmt: skip
    compared = {f"{op}.{kind}" for op in ("eq", "ne", "gt", "ge", "lt", "le") for kind in ("Scalar", "Tensor")}
    truths = {f"{op}_{name}" for op in ("logical", "bitwise") for name in ("and", "or", "xor")}
    logical = {f"{op}.{kind}" for op in truths for kind in ("default", "Tensor", "Scalar")}
    elsewhere = {name.removeprefix("aten.") for name in RULES if is_recurrent(name)} | {"as_strided.default"}
    assert untested <= others | compared | logical | elsewhere


def test_rounding_of_long_sums_is_inside():
    """Products and sums of mixed signs against extended precision: the true value is inside, the bound is small."""
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((20, 3000)) * 10.0 ** rng.integers(-8, 8, (20, 3000)), rng.standard_normal((3000, 7))
    found = product(exact(x), w)
    true = x.astype(np.longdouble) @ w.astype(np.longdouble)
    assert np.all(np.abs(found.mid - true) <= found.err)
    assert np.any(found.mid != true)
    total = RULES["aten.sum.dim_IntList"](exact(x), [1])
    assert np.all(np.abs(total.mid - x.astype(np.longdouble).sum(1)) <= total.err)


def test_max_pool_and_its_padding():
    rng = np.random.default_rng(2)
    x = Ball(rng.standard_normal((1, 2, 6, 6)) - 5, RADIUS * rng.uniform(0, 1, (1, 2, 6, 6)))
    found, _ = RULES["aten.max_pool2d_with_indices.default"](x, [3, 3], [2, 2], [1, 1])
    for _ in range(20):
        value = jnp.asarray(x.mid + rng.uniform(-1, 1, x.shape) * x.err)
        with double():
            true = np.asarray(OPERATORS["aten.max_pool2d_with_indices.default"](value, [3, 3], [2, 2], [1, 1])[0])
        assert np.all(np.abs(true - found.mid) <= found.err + 1e-6)  # float32 here
    assert np.all(found.mid < 0)  # padding is no zero


def test_an_open_comparison_holds_both_sides():
    x = Ball(np.array([0.0, 1.0]), np.array([0.1, 0.1]))
    above = RULES["aten.gt.Scalar"](x, 0.05)
    assert above.open.tolist() == [True, False]
    found = RULES["aten.where.self"](above, exact([3.0, 3.0]), exact([-1.0, -1.0]))
    assert abs(3.0 - found.mid[0]) <= found.err[0] and abs(-1.0 - found.mid[0]) <= found.err[0]
    assert found.mid[1] == 3.0 and found.err[1] == 0
    some = RULES["aten.any.dim"](Unsure(np.array([[False, False]]), np.array([[True, False]])), [1])
    assert some.open.all()


def test_no_bound_where_there_is_none():
    near = Ball(np.array([1e-3]), np.array([1e-2]))
    for attempt in (
        lambda: divide(1.0, near),
        lambda: root(near),
        lambda: RULES["aten.exp.default"](Ball(np.zeros(1), np.ones(1) * 2)),
        lambda: RULES["aten.gelu.default"](near, "cubic"),
        lambda: RULES["aten.pow.Tensor_Scalar"](near, 1.5),
        lambda: RULES["aten.log.default"](near),
        lambda: RULES["aten.linalg_vector_norm.default"](near, 3),
        lambda: RULES["aten.log1p.default"](near),
        lambda: RULES["aten.add.Tensor"](Unsure(np.ones(1, bool), np.ones(1, bool)), 1.0),
        lambda: RULES["aten.mul.Tensor"](exact([1e200]), exact([1e200])),
    ):
        with pytest.raises(NoBoundError), np.errstate(over="ignore"):
            attempt()
