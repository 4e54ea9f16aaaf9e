"""Many examples at once, where every operation provably keeps them apart along the first axis.

A program is one of a batch of one. On a batch of B the same steps give each row's own result if each of them acts row by row:
checked here call by call, on the actual shapes. Where one might not, the examples go one at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zeroloss.verified.balls.ball import Ball, Unsure
from zeroloss.verified.balls.operate import operate
from zeroloss.verified.balls.recurrent import OfRows, is_recurrent


class NotRowwiseError(Exception):
    """A step that might mix rows, or is not known not to."""


_ENTRYWISE = {
    "add.Tensor", "add.Scalar", "sub.Tensor", "sub.Scalar", "rsub.Scalar", "mul.Tensor", "mul.Scalar", "div.Tensor", "div.Scalar",
    "neg.default", "abs.default", "maximum.default", "minimum.default", "clamp.default", "hardtanh.default", "relu.default",
    "tanh.default", "sigmoid.default", "erf.default", "silu.default", "gelu.default", "leaky_relu.default", "exp.default",
    "log1p.default", "rsqrt.default", "sqrt.default", "pow.Tensor_Scalar", "gt.Scalar", "ge.Scalar", "lt.Scalar", "le.Scalar",
    "gt.Tensor", "ge.Tensor", "lt.Tensor", "le.Tensor", "where.self", "clone.default", "alias.default", "detach.default",
    "eq.Scalar", "ne.Scalar", "eq.Tensor", "ne.Tensor", "logical_not.default", "bitwise_not.default", "logical_and.default",
    "logical_or.default", "where.ScalarOther", "where.ScalarSelf", "masked_fill.Scalar", "log.default", "sin.default", "cos.default",
    "expm1.default", "square.default", "reciprocal.default", "elu.default", "softplus.default", "mish.default", "log_sigmoid.default",
    "hardswish.default", "hardsigmoid.default", "relu6.default", "_to_copy.default", "addcmul.default",
}  # fmt: skip
_IMAGES = {"convolution.default", "_native_batch_norm_legit_no_training.default", "max_pool2d_with_indices.default"}
_IMAGES |= {"avg_pool2d.default", "_adaptive_avg_pool2d.default"}
_ALONG = {
    "mean.dim": 1,
    "sum.dim_IntList": 1,
    "_softmax.default": 1,
    "select.int": 1,
    "slice.Tensor": 1,
    "flip.default": 1,
}
_ALONG |= {
    "amin.default": 1,
    "any.dim": 1,
    "any.dims": 1,
    "all.dim": 1,
    "_log_softmax.default": 1,
    "logsumexp.default": 1,
}
_ALONG |= {
    "var.correction": 1,
    "cumsum.default": 1,
    "amax.default": 1,
    "squeeze.dims": 1,
    "squeeze.dim": 1,
    "split_with_sizes.default": 2,
}
"""Operators along given dimensions, and which argument names these."""


def call(name: str, args: list[Any], kwargs: dict[str, Any], count: int) -> Any:
    """The rule of `name` on `count` rows.

    Raises:
        NotRowwiseError: it is not shown to act row by row.
    """
    rows = [a for a in args if isinstance(a, Ball | Unsure)]
    if any(isinstance(a, list) and any(isinstance(v, Ball | Unsure) for v in a) for a in args) and name != "getitem":
        raise NotRowwiseError
    if any(isinstance(v, Ball | Unsure | list) for v in kwargs.values()):
        raise NotRowwiseError
    if name == "getitem" and isinstance(args[0], OfRows) and args[1] != 0:
        raise NotRowwiseError
    if not rows:
        return operate(name, args, kwargs)  # of parameters and constants alone, or an entry of several results
    if any(r.shape[:1] != (count,) for r in rows):
        raise NotRowwiseError
    x, kind = rows[0], name.removeprefix("aten.")
    if kind in _ENTRYWISE:
        _check_entrywise(args, rows, count)
    elif kind in _IMAGES or kind in ("mm.default", "linear.default", "addmm.default"):
        position = 1 if kind == "addmm.default" else 0
        if len(rows) != 1 or args[position] is not x or (kind not in _IMAGES and len(x.shape) != 2):
            raise NotRowwiseError
        if kind == "addmm.default" and np.ndim(args[0]) != 1:
            raise NotRowwiseError
    elif is_recurrent(name):
        if len(rows) != 1 or args[0] is not x or len(args) != 9 or not args[8]:
            raise NotRowwiseError  # the examples stand first only where the ninth argument, `batch_first`, is True
    elif kind == "native_layer_norm.default":
        if len(rows) != 1 or len(args[1]) >= len(x.shape):
            raise NotRowwiseError
    elif kind == "native_group_norm.default" and len(rows) == 1:
        args = [*args[:3], count, *args[4:]]
    elif kind in ("view.default", "_unsafe_view.default", "reshape.default"):
        args = [x, _viewed(x, args[1], count)]
    elif kind in _ALONG:
        _check_along(x, args, kwargs, _ALONG[kind])
    elif not _keeps_first(kind, x, args):
        raise NotRowwiseError
    return operate(name, args, kwargs)


def _keeps_first(kind: str, x: Any, args: list[Any]) -> bool:
    """A permutation or a new axis that leaves the rows where they are."""
    if kind == "permute.default":
        return bool(args[1][0] % len(x.shape) == 0)
    return kind == "unsqueeze.default" and bool(args[1] % (len(x.shape) + 1) != 0)


def _check_entrywise(args: list[Any], rows: list[Any], count: int) -> None:
    """Balls of one number of axes; others without the first axis, or with one entry along it."""
    dims = {len(r.shape) for r in rows}
    if len(dims) != 1:
        raise NotRowwiseError
    (ndim,) = dims
    for a in args:
        if isinstance(a, Ball | Unsure) or np.ndim(a) < ndim:
            continue
        if np.ndim(a) > ndim or np.shape(a)[0] != 1:
            raise NotRowwiseError


def _viewed(x: Any, size: list[int], count: int) -> list[int]:
    """The size with the rows in place of the one: each row is reshaped by itself, in row-major order."""
    if not size or size[0] not in (1, -1) or (size[0] == -1 and -1 in size[1:]):
        raise NotRowwiseError
    each = int(np.prod(x.shape[1:], dtype=np.int64))
    rest = [int(s) for s in size[1:]]
    if -1 in rest:
        known = -int(np.prod(rest, dtype=np.int64))
        rest[rest.index(-1)] = each // max(1, known)
    if int(np.prod(rest, dtype=np.int64)) != each:
        raise NotRowwiseError
    return [count, *rest]


def _check_along(x: Any, args: list[Any], kwargs: dict[str, Any], position: int) -> None:
    given = args[position] if len(args) > position else kwargs.get("dim")
    dims = given if isinstance(given, list) else [given]
    if not dims or any(not isinstance(d, int) or d % len(x.shape) == 0 for d in dims):
        raise NotRowwiseError
