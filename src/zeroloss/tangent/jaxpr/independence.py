"""Does one example's answer depend on another? The batch axis is followed through the jaxpr, equation by equation.

A kernel, a proof or an audit of a function that mixes examples (batch statistics, attention across the batch) would be
about another function, so such a function is refused; so is one where independence cannot be shown.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import numpy as np
from jax.extend import core as jex

from zeroloss.networks import Wrapped, precision
from zeroloss.plumbing import InputError
from zeroloss.plumbing.outputs import one_array
from zeroloss.tangent.jaxpr.one_by_one import compare_one_by_one

_ELEMENTWISE = {
    "abs",
    "acos",
    "acosh",
    "add",
    "add_any",
    "and",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "bessel_i0e",
    "bessel_i1e",
    "clamp",
    "clz",
    "complex",
    "conj",
    "convert_element_type",
    "copy",
    "copy_p",
    "cos",
    "cosh",
    "digamma",
    "div",
    "eq",
    "erf",
    "erf_inv",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "ge",
    "gt",
    "igamma",
    "igammac",
    "imag",
    "integer_pow",
    "is_finite",
    "le",
    "lgamma",
    "log",
    "log1p",
    "logistic",
    "lt",
    "max",
    "min",
    "mul",
    "ne",
    "neg",
    "nextafter",
    "not",
    "or",
    "polygamma",
    "population_count",
    "pow",
    "real",
    "reduce_precision",
    "regularized_incomplete_beta",
    "rem",
    "round",
    "rsqrt",
    "select_n",
    "shift_left",
    "shift_right_arithmetic",
    "shift_right_logical",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "stop_gradient",
    "sub",
    "tan",
    "tanh",
    "xor",
    "zeta",
}
_REDUCE = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or", "argmax", "argmin"}
_LAST = {
    "cholesky": 2,
    "eig": 2,
    "eigh": 2,
    "hessenberg": 2,
    "householder_product": 2,
    "lu": 2,
    "lu_pivots_to_permutation": 1,
    "geqp3": 2,
    "geqrf": 2,
    "qr": 2,
    "schur": 2,
    "svd": 2,
    "triangular_solve": 2,
    "tridiagonal_solve": 1,
}
"""Linear algebra, and over how many of the last axes it runs; the axes before them are a stack of problems of their own."""
_ALONG = {"cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp", "rev"}
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "remat2": "jaxpr",
}
_CALLS |= {"custom_vjp_call": "call_jaxpr", "checkpoint": "jaxpr", "core_call": "call_jaxpr"}


class _MixesError(Exception):
    pass


def check_independent(network: Wrapped, x: np.ndarray) -> None:
    """Refuse a wrapped function that mixes examples, or that cannot be shown not to.

    Raises:
        InputError: with the operation at which examples meet, or the one that could not be followed.
    """
    batch = jax.ShapeDtypeStruct((2, *x.shape[1:]), x.dtype)
    arrays, static = eqx.partition(network.params, eqx.is_array)  # texts and functions among the leaves are no operands
    with precision(network):
        closed = jax.make_jaxpr(lambda p, v: one_array(network.function(eqx.combine(p, static), v)))(arrays, batch)
    axes = [None] * len(jax.tree.leaves(arrays)) + [0]
    try:
        (out,) = _follow(closed.jaxpr, axes)
    except _MixesError as error:
        raise InputError(
            f"in the wrapped function one example's output depends on another's, or may: {error}. "
            "Give a function in which every example is on its own (evaluation mode for batch statistics)."
        ) from None
    if out != 0:
        raise InputError("the wrapped function's answer does not keep the batch as its first axis; it must be (n, c).")
    compare_one_by_one(network, x)


def _follow(jaxpr, axes):
    env = dict.fromkeys(jaxpr.constvars)
    env.update(zip(jaxpr.invars, axes, strict=True))

    def read(var):
        return None if isinstance(var, jex.Literal) else env[var]

    for eqn in jaxpr.eqns:
        incoming = [read(var) for var in eqn.invars]
        outgoing = [None] * len(eqn.outvars) if all(a is None for a in incoming) else _rule(eqn, incoming)
        env.update(zip(eqn.outvars, outgoing, strict=True))
    return [read(var) for var in jaxpr.outvars]


def _rule(eqn, axes):
    name, params = eqn.primitive.name, eqn.params
    if name in _CALLS:
        inner = params[_CALLS[name]]
        return _follow(getattr(inner, "jaxpr", inner), axes)
    if name in _ELEMENTWISE:
        return [_same(axes, eqn)] * len(eqn.outvars)
    if name == "dot_general":
        return [_product(params["dimension_numbers"], axes, eqn)]
    if name == "concatenate":
        axis = _same(axes, eqn)
        return [_not_along(axis, (params["dimension"],), eqn)]
    if name in _PROGRAMS:
        return _PROGRAMS[name](eqn, axes)
    if name == "triangular_solve" and axes[0] is None:
        free = len(eqn.invars[1].aval.shape) - (1 if params["left_side"] else 2)
        if axes[1] == free:  # right-hand sides of one matrix, side by side
            return [free]
    if name in _LAST:
        return _stacked(_same_place(axes, eqn), eqn, _LAST[name])
    if name == "fft":
        return _stacked(_same_place(axes, eqn), eqn, len(params["fft_lengths"]))
    if name == "stack":
        axis = _same_place(axes, eqn)
        return [axis + (params["axis"] <= axis)]
    if name == "unstack":
        axis = _not_along(axes[0], (params["axis"],), eqn)
        return [axis - (params["axis"] < axis)] * len(eqn.outvars)
    if name == "optimization_barrier":
        return axes
    if name.startswith("scatter"):
        return [_scatter(eqn, *axes)]
    if name == "dynamic_update_slice":
        return [_updated(eqn, axes)]
    if name == "gather":
        return [_gather(eqn, *axes)]
    if name == "sort":
        return [_not_along(_same(axes, eqn), (params["dimension"],), eqn)] * len(eqn.outvars)
    axis = axes[0]
    if axis is None or any(a is not None for a in axes[1:]):
        raise _MixesError(f"'{name}' cannot be followed")
    if name == "split":
        return [_not_along(axis, (params["axis"],), eqn)] * len(eqn.outvars)
    if name == "top_k":
        return [_not_along(axis, (len(eqn.invars[0].aval.shape) - 1,), eqn)] * 2
    if name == "dynamic_slice":
        if params["slice_sizes"][axis] == eqn.invars[0].aval.shape[axis]:
            return [axis]
        raise _MixesError("'dynamic_slice' takes a part of the batch")
    if name in _REDUCE:
        removed = _not_along(axis, tuple(params["axes"]), eqn)
        return [removed - sum(a < axis for a in params["axes"])]
    if name in _ALONG:
        along = params["dimensions"] if name == "rev" else (params["axis"],)
        return [_not_along(axis, tuple(along), eqn)]
    return [_shape_rule(name, params, axis, eqn)]


def _scan(eqn, axes):
    """The body with one turn's slices; what it carries on may come to depend on the batch after some turns."""
    params = eqn.params
    fixed, carried = params["num_consts"], params["num_carry"]
    consts, carry, series = axes[:fixed], list(axes[fixed : fixed + carried]), axes[fixed + carried :]
    if 0 in series:
        return _along_the_batch(params, axes, fixed, carried)
    each = [a if a is None else a - 1 for a in series]
    for _ in range(carried + 1):
        out = _follow(params["jaxpr"].jaxpr, [*consts, *carry, *each])
        new = [_joined(a, b) for a, b in zip(carry, out[:carried], strict=True)]
        if new == carry:
            break
        carry = new
    return [*carry, *(a if a is None else a + 1 for a in out[carried:])]


def _along_the_batch(params, axes, fixed, carried):
    """A loop over the examples (`lax.map`): each turn sees one of them, and must carry nothing of it to the next."""
    if any(a is not None for a in axes[: fixed + carried]) or not set(axes[fixed + carried :]) <= {None, 0}:
        raise _MixesError("'scan' runs along the batch and sees all of it")
    own = [False] * (fixed + carried) + [a == 0 for a in axes[fixed + carried :]]
    out = _reached(params["jaxpr"].jaxpr, own)
    if any(out[:carried]):
        raise _MixesError("'scan' hands on from one example to the next")
    return [None] * carried + [0 if mine else None for mine in out[carried:]]


def _reached(jaxpr, own):
    """Which results depend on the inputs marked `own`."""
    known = {v for v, mine in zip(jaxpr.invars, own, strict=True) if mine}
    for eqn in jaxpr.eqns:
        if any(not isinstance(v, jex.Literal) and v in known for v in eqn.invars):
            known |= set(eqn.outvars)
    return [not isinstance(v, jex.Literal) and v in known for v in jaxpr.outvars]


def _while(eqn, axes):
    """The body, until it changes nothing any more; when to stop must not depend on the batch."""
    params = eqn.params
    n_condition, fixed = params["cond_nconsts"], params["body_nconsts"]
    condition, consts, carry = (
        axes[:n_condition],
        axes[n_condition : n_condition + fixed],
        list(axes[n_condition + fixed :]),
    )
    for _ in range(len(carry) + 1):
        out = _follow(params["body_jaxpr"].jaxpr, [*consts, *carry])
        new = [_joined(a, b) for a, b in zip(carry, out, strict=True)]
        if new == carry:
            break
        carry = new
    seen = [a is not None for a in (*condition, *carry)]
    if any(_reached(params["cond_jaxpr"].jaxpr, seen)):
        raise _MixesError("'while' stops by the batch")
    return carry


def _linear_solve(eqn, axes):
    """`custom_linear_solve`: its result is that of its `solve`; the other programs are the same equations for derivatives."""
    lengths, programs = eqn.params["const_lengths"], eqn.params["jaxprs"]
    before = lengths.matvec + lengths.vecmat
    own = axes[before : before + lengths.solve]
    given = axes[sum(lengths) :]
    return _follow(programs.solve.jaxpr, [*own, *given])


def _cond(eqn, axes):
    """Every branch; which one is taken must not depend on the batch."""
    if axes[0] is not None:
        raise _MixesError("'cond' branches by the batch")
    outs = [_follow(branch.jaxpr, axes[1:]) for branch in eqn.params["branches"]]
    joined = outs[0]
    for out in outs[1:]:
        joined = [_joined(a, b) for a, b in zip(joined, out, strict=True)]
    return joined


def _joined(a, b):
    if a is not None and b is not None and a != b:
        raise _MixesError("a loop or a branch moves the batch to another axis")
    return b if a is None else a


_PROGRAMS = {"scan": _scan, "cond": _cond, "while": _while, "custom_linear_solve": _linear_solve}


def _same_place(axes, eqn):
    """The one axis at which every operand that depends on the batch has it."""
    places = {a for a in axes if a is not None}
    if len(places) > 1:
        raise _MixesError(f"'{eqn.primitive.name}' brings two examples together")
    return places.pop()


def _stacked(axis, eqn, last):
    """Operations over the last axes of each operand, one problem for each place of the axes before."""
    for var in eqn.invars:
        if var.aval.shape and axis >= len(var.aval.shape) - last:
            raise _MixesError(f"'{eqn.primitive.name}' runs along the batch")
    return [axis if axis < len(v.aval.shape) else _lost(eqn) for v in eqn.outvars]


def _lost(eqn):
    raise _MixesError(f"'{eqn.primitive.name}' cannot be followed")


def _updated(eqn, axes):
    """A part written over: the batch must be whole in both, or the part be the same for all examples."""
    operand, update, *starts = axes
    if any(a is not None for a in starts):
        raise _MixesError("'dynamic_update_slice' writes where the batch says")
    axis = _same_place([operand, update], eqn)
    if eqn.invars[0].aval.shape[axis] != eqn.invars[1].aval.shape[axis]:
        raise _MixesError("'dynamic_update_slice' writes a part of the batch")
    return axis


def _scatter(eqn, operand, indices, updates):
    """Entries written or added at places that are the same for all examples, the batch being taken whole."""
    numbers = eqn.params["dimension_numbers"]
    shape = eqn.invars[0].aval.shape
    paired = list(numbers.operand_batching_dims)
    kept = [a for a in range(len(shape)) if a not in numbers.inserted_window_dims and a not in paired]
    if indices is not None:
        with_ = list(numbers.scatter_indices_batching_dims)
        if indices not in with_ or updates is None or paired[with_.index(indices)] != operand:
            raise _MixesError(f"'{eqn.primitive.name}' writes where the batch says")
        others = [a for a in range(len(eqn.invars[2].aval.shape)) if a not in numbers.update_window_dims]
        if others[indices] != updates:
            raise _MixesError(f"'{eqn.primitive.name}' cannot be followed")
        return operand
    if updates is not None:
        if updates not in numbers.update_window_dims:
            raise _MixesError(f"'{eqn.primitive.name}' adds examples up, or cannot be followed")
        at = kept[list(numbers.update_window_dims).index(updates)]
        if operand is not None and at != operand:
            raise _MixesError(f"'{eqn.primitive.name}' brings two examples together")
        if eqn.invars[2].aval.shape[updates] != shape[at]:
            raise _MixesError(f"'{eqn.primitive.name}' writes a part of the batch")
        return at
    if operand in numbers.scatter_dims_to_operand_dims or operand not in kept:
        raise _MixesError(f"'{eqn.primitive.name}' writes to a part of the batch")
    window = numbers.update_window_dims[kept.index(operand)]
    if eqn.invars[2].aval.shape[window] != shape[operand]:
        raise _MixesError(f"'{eqn.primitive.name}' writes to a part of the batch")
    return operand


def _gather(eqn, operand, indices):
    """Rows by numbers: the batch among the numbers, in a dimension taken whole, or in both as a batching dimension."""
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    shape, ndim = eqn.invars[0].aval.shape, len(eqn.outvars[0].aval.shape)
    others = [a for a in range(ndim) if a not in numbers.offset_dims]
    paired, with_ = list(numbers.operand_batching_dims), list(numbers.start_indices_batching_dims)
    if indices is not None:
        if indices == len(eqn.invars[1].aval.shape) - 1:
            raise _MixesError("'gather' takes an index from each example")
        together = operand is not None and operand in paired and with_[paired.index(operand)] == indices
        if operand is None or together:
            return others[indices]
        raise _MixesError("'gather' takes from one example by another's numbers")
    if operand in numbers.start_index_map or operand in paired or sizes[operand] != shape[operand]:
        raise _MixesError("'gather' takes a part of the batch")
    kept = [a for a in range(len(shape)) if a not in numbers.collapsed_slice_dims and a not in paired]
    return numbers.offset_dims[kept.index(operand)]


def _shape_rule(name, params, axis, eqn):
    before = eqn.invars[0].aval.shape
    if name == "broadcast_in_dim":
        return params["broadcast_dimensions"][axis]
    if name == "transpose":
        return params["permutation"].index(axis)
    if name == "squeeze":
        _not_along(axis, tuple(params["dimensions"]), eqn)
        return axis - sum(d < axis for d in params["dimensions"])
    if name == "reshape":
        after = params["new_sizes"]
        for place, size in enumerate(after):
            if size == before[axis] and math.prod(after[:place]) == math.prod(before[:axis]):
                return place
        raise _MixesError("'reshape' joins the batch with another axis")
    if name == "slice":
        if params["limit_indices"][axis] - params["start_indices"][axis] == before[axis]:
            return axis
        raise _MixesError("'slice' takes a part of the batch")
    if name == "pad":
        if params["padding_config"][axis] == (0, 0, 0):
            return axis
        raise _MixesError("'pad' pads the batch")
    if name == "conv_general_dilated":
        numbers = params["dimension_numbers"]
        if axis == numbers.lhs_spec[0] and params["batch_group_count"] == 1:
            return numbers.out_spec[0]
        raise _MixesError("a convolution runs across the batch")
    if name.startswith("reduce_window"):
        if params["window_dimensions"][axis] == 1:
            return axis
        raise _MixesError("a window runs across the batch")
    raise _MixesError(f"'{name}' cannot be followed")


def _same(axes, eqn):
    known = {a for a in axes if a is not None}
    if len(known) > 1:
        raise _MixesError(f"'{eqn.primitive.name}' brings two examples together")
    axis = known.pop()
    if eqn.primitive.name == "concatenate":
        return axis
    out = eqn.outvars[0].aval.shape
    for a, var in zip(axes, eqn.invars, strict=True):
        shape = var.aval.shape
        fits = not shape or (len(shape) == len(out) and all(s in (1, o) for s, o in zip(shape, out, strict=True)))
        if not fits or (a is not None and shape[axis] != out[axis]):
            raise _MixesError(f"'{eqn.primitive.name}' cannot be followed")
    return axis


def _not_along(axis, forbidden, eqn):
    if axis in forbidden:
        raise _MixesError(f"'{eqn.primitive.name}' runs along the batch")
    return axis


def _product(numbers, axes, eqn):
    (left, right), (batch_left, batch_right) = numbers
    a, b = axes
    if a is not None and b is not None:
        if a in batch_left and b in batch_right and list(batch_left).index(a) == list(batch_right).index(b):
            return list(batch_left).index(a)
        raise _MixesError("a matrix product of the batch with itself")
    if a is not None:
        if a in left:
            raise _MixesError("a matrix product sums over the batch")
        if a in batch_left:
            return list(batch_left).index(a)
        free = [i for i in range(len(eqn.invars[0].aval.shape)) if i not in left and i not in batch_left]
        return len(batch_left) + free.index(a)
    if b in right:
        raise _MixesError("a matrix product sums over the batch")
    if b in batch_right:
        return list(batch_right).index(b)
    free_left = len(eqn.invars[0].aval.shape) - len(left) - len(batch_left)
    free = [i for i in range(len(eqn.invars[1].aval.shape)) if i not in right and i not in batch_right]
    return len(batch_right) + free_left + free.index(b)
