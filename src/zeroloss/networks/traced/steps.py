"""A jaxpr as the steps of a `Program`: primitives under their names, calls walked into, loops of a known length unrolled.

Whatever only changes the shape and not the order of the numbers becomes one `lax.reshape`, and what changes nothing no step at
all. A primitive that is not in the tables below, a number computed in another floating type than the network's own, and a
derivative rule of the user's own (where `gradients` matter) have no step: `NotWritableError` names them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.extend import core as jex

from zeroloss.networks.pytorch.operators.lax import PREFIX
from zeroloss.networks.pytorch.program import Dtype, Ref, Step
from zeroloss.networks.traced.primitives import HANDLERS, NotWritableError
from zeroloss.networks.traced.rules import derivative_of

MOST_STEPS = 10_000
"""Steps of a program, loops unrolled; as many as a file of one may have (`zeroloss.networks.pytorch.validity`)."""
_CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
_CALLS |= {"remat2": "jaxpr", "checkpoint": "jaxpr", "remat": "jaxpr"}
_CUSTOM = {"custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "custom_vjp_call_jaxpr": "fun_jaxpr"}
_PLAIN = {
    "neg", "sign", "floor", "ceil", "exp", "log", "log1p", "expm1", "tanh", "logistic", "sin", "cos", "sqrt", "rsqrt", "erf",
    "erfc", "abs", "square", "is_finite", "not", "stop_gradient", "add", "sub", "mul", "div", "rem", "max", "min", "pow", "eq",
    "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "select_n", "clamp",
}  # fmt: skip
"""Primitives without parameters but such as choose an accuracy, which must be left to JAX."""
_ORDER: dict[str, Callable[..., bool]] = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
_RANDOM = ("random_", "threefry", "rng_")


class Writer:
    """Writes equations as steps; values are known by their numbers.

    Attributes:
        steps: written so far.
        arrays: constants that were met inside; the i-th has the number `-1 - i`.
    """

    def __init__(self, first: int, floating: np.dtype, gradients: bool):
        self.steps: list[Step] = []
        self.arrays: list[Any] = []
        self.floating, self.gradients = np.dtype(floating), gradients
        self._next = first
        self._literals: dict[Any, int] = {}
        self._numbers: dict[int, Any] = {}  # of the constants written

    def step(self, primitive: str, args: list[int], **kwargs: Any) -> int:
        """One more step; the number of its result."""
        if len(self.steps) >= MOST_STEPS:
            raise NotWritableError(f"it takes more than {MOST_STEPS:,} steps (loops are unrolled)")
        fixed = tuple((key, _fixed(value)) for key, value in kwargs.items())
        self.steps.append(Step(PREFIX + primitive, tuple(map(Ref, args)), fixed, self._next))
        self._next += 1
        return self._next - 1

    def walk(self, jaxpr: Any, consts: list[int], args: list[int]) -> list[int]:
        """The numbers of the results of `jaxpr`, its constants and arguments given by number."""
        env: dict[Any, int] = dict(zip(jaxpr.constvars, consts, strict=True))
        env.update(zip(jaxpr.invars, args, strict=True))

        def number(var: Any) -> int:
            return self.constant(var.val, _dtype_of(var)) if isinstance(var, jex.Literal) else env[var]

        for eqn in jaxpr.eqns:
            self._check_types(eqn)
            found = self._equation(eqn, [number(v) for v in eqn.invars])
            env.update(zip(eqn.outvars, found, strict=True))
        return [number(v) for v in jaxpr.outvars]

    def constant(self, value: Any, dtype: Any) -> int:
        """A single number, written once."""
        array = np.asarray(value)
        if array.shape != () or not (array.dtype.kind in "iub" or jax.numpy.issubdtype(array.dtype, np.floating)):
            raise NotWritableError(f"the constant {str(value)[:40]} inside it")
        number = array.item()
        key = (repr(number), str(dtype))
        if key not in self._literals:
            self._literals[key] = self.step("constant", [], value=number, dtype=self.dtype(dtype))
            self._numbers[self._literals[key]] = number
        return self._literals[key]

    def array(self, value: Any) -> int:
        """An array that a sub-program closes over."""
        self.arrays.append(value)
        return -len(self.arrays)

    def dtype(self, dtype: Any) -> Dtype:
        """A type by the name it has in programs: the network's own precision, or another."""
        name = np.dtype(dtype).name
        return Dtype("single" if name == "float32" and self.floating == np.float64 else name)

    def _equation(self, eqn: Any, args: list[int]) -> list[int]:
        name = eqn.primitive.name
        if name in _CALLS:
            return self._inner(eqn.params[_CALLS[name]], args)
        if name in _CUSTOM:
            return self._custom(eqn, args)
        if name == "scan":
            return self._scan(eqn, args)
        folded = self._folded(eqn, args)
        if folded is not None:
            return [folded]
        if name == "split":
            return self._split(eqn, args)
        if name in ("copy", "copy_p", "optimization_barrier"):
            return args
        if name == "add_any":
            name = "add"
        if name in _PLAIN:
            if eqn.params.get("accuracy") is not None:
                raise NotWritableError(f"{name} of a chosen accuracy")
            return [self.step(name, args)]
        if name in HANDLERS:
            return [HANDLERS[name](self, eqn, args)]
        if name.startswith(_RANDOM):
            raise NotWritableError(f"it draws random numbers ({name})")
        raise NotWritableError(f"the primitive {name}")

    def _folded(self, eqn: Any, args: list[int]) -> int | None:
        """What follows from constants alone, where it is exact, as whether there are enough numbers for a variance."""
        name, known = eqn.primitive.name, [self._numbers.get(a) for a in args]
        first: Any = known[0] if known else None
        if name == "select_n" and isinstance(first, bool) and len(args) == 3:
            return args[1 + first]
        if None in known or eqn.outvars[0].aval.shape != ():
            return None
        dtype = np.dtype(eqn.outvars[0].aval.dtype)
        if name == "convert_element_type" and isinstance(first, int) and dtype.kind == "f":
            return self.constant(dtype.type(first), dtype) if dtype.type(first) == first else None
        if name == "sub" and all(map(_small_and_whole, known)):
            return self.constant(dtype.type(first - known[1]), dtype)
        if name in _ORDER and all(v == v for v in known):
            return self.constant(np.bool_(_ORDER[name](*known)), np.dtype(bool))
        return None

    def _inner(self, closed: Any, args: list[int]) -> list[int]:
        jaxpr = getattr(closed, "jaxpr", closed)
        consts = [self.array(c) for c in getattr(closed, "consts", ())]
        return self.walk(jaxpr, consts, args)

    def _custom(self, eqn: Any, args: list[int]) -> list[int]:
        """A function with a derivative rule: by the operator that has the same rule, or by what it computes where the rule
        is that of its body. Without `gradients` only what it computes matters."""
        rule = derivative_of(eqn)
        if rule:
            return [self.step(rule, args)]
        if rule is None and self.gradients:
            raise NotWritableError(f"a derivative rule of its own ({eqn.primitive.name})")
        return self._inner(eqn.params[_CUSTOM[eqn.primitive.name]], args)

    def _check_types(self, eqn: Any) -> None:
        """No number is computed in another floating type than the network's own, only cast."""
        name = eqn.primitive.name
        if name in _CALLS or name in _CUSTOM or name in ("scan", "convert_element_type"):
            return
        # A product of two types is one in the wider: its handler casts the narrower factor first.
        avals = [v.aval for v in ((() if name == "dot_general" else tuple(eqn.invars)) + tuple(eqn.outvars))]
        for aval in avals:
            dtype = getattr(aval, "dtype", None)
            if dtype is None or not isinstance(dtype, np.dtype):
                raise NotWritableError(
                    f"it draws random numbers ({name} of keys)" if dtype else f"the primitive {name}"
                )
            if dtype.kind == "c" or (jax.numpy.issubdtype(dtype, jax.numpy.floating) and dtype != self.floating):
                raise NotWritableError(f"it computes in {dtype.name} ({name})")

    def _split(self, eqn: Any, args: list[int]) -> list[int]:
        shape, axis, found, at = eqn.invars[0].aval.shape, eqn.params["axis"], [], 0
        for size in eqn.params["sizes"]:
            start, limit = [0] * len(shape), list(shape)
            start[axis], limit[axis] = at, at + size
            found.append(self.step("slice", args, start=start, limit=limit, strides=[1] * len(shape)))
            at += size
        return found

    def _scan(self, eqn: Any, args: list[int]) -> list[int]:
        """Turn by turn."""
        params = eqn.params
        body, length, fixed, carried = params["jaxpr"], params["length"], params["num_consts"], params["num_carry"]
        if length * max(1, len(body.jaxpr.eqns)) > MOST_STEPS:
            raise NotWritableError(f"a loop of {length:,} turns: more than {MOST_STEPS:,} steps, unrolled")
        consts, carry, series = args[:fixed], args[fixed : fixed + carried], args[fixed + carried :]
        shapes = [v.aval.shape for v in eqn.invars[fixed + carried :]]
        made: list[list[int]] = []
        for turn in reversed(range(length)) if params["reverse"] else range(length):
            given = [self._entry(a, shape, turn) for a, shape in zip(series, shapes, strict=True)]
            out = self._inner(body, [*consts, *carry, *given])
            carry = out[:carried]
            made.append(out[carried:])
        if params["reverse"]:
            made.reverse()
        return [*carry, *(self._stacked([m[i] for m in made], v) for i, v in enumerate(eqn.outvars[carried:]))]

    def _entry(self, array: int, shape: tuple[int, ...], turn: int) -> int:
        start, limit = [turn, *(0 for _ in shape[1:])], [turn + 1, *shape[1:]]
        cut = self.step("slice", [array], start=start, limit=limit, strides=[1] * len(shape))
        return self.step("reshape", [cut], sizes=shape[1:])

    def _stacked(self, parts: list[int], var: Any) -> int:
        if not parts:
            raise NotWritableError("a loop of no turn")
        shape = (1, *var.aval.shape[1:])
        return self.step("concatenate", [self.step("reshape", [p], sizes=shape) for p in parts], dimension=0)


def _dtype_of(var: Any) -> Any:
    return var.aval.dtype


def _small_and_whole(number: Any) -> bool:
    """Whether sums of two such are exact in float32."""
    return isinstance(number, float) and number.is_integer() and abs(number) < 2**23


def _fixed(value: Any) -> Any:
    """Lists as tuples, numbers of NumPy as Python's."""
    if isinstance(value, list | tuple):
        return tuple(_fixed(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value
