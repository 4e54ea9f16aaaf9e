"""A network as a list of operator calls: what is left of a torch module once it has been exported.

Plain values only (numbers, strings, references to earlier results), so that a converted network runs, and is written to a
file and read again, without torch.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from zeroloss.plumbing import InputError


@dataclasses.dataclass(frozen=True)
class Ref:
    """The result of an earlier step, or an input, by its number."""

    index: int


OWN_PRECISION = ("float", "float32", "float64", "double")
"""Types of numbers that mean the precision the network computes in."""


@dataclasses.dataclass(frozen=True)
class Dtype:
    """A type of numbers as torch names it.

    "float32" and "float64" mean the precision the network computes in. A cast below it rounds and keeps its type:
    "float16", "bfloat16", and "single" (what "float32" is called in a module of float64).
    """

    name: str

    def resolve(self, floating: Any) -> Any:
        import jax
        import jax.numpy as jnp

        if self.name in OWN_PRECISION:
            return floating
        if self.name.startswith("complex"):
            return jnp.result_type(floating, jnp.complex64)
        if self.name == "single":
            return jnp.float32
        if self.name.startswith(("float", "bfloat")):
            return getattr(jnp, self.name)
        return jax.dtypes.canonicalize_dtype(np.dtype(self.name))


@dataclasses.dataclass(frozen=True)
class Step:
    """One call: the operator's name (such as "aten.addmm.default"), its arguments, and the number of its result."""

    operator: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    out: int


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """Equal where text and translations are: a module exported before and after training is one program, compiled once.

    Attributes:
    inputs: what the first numbers are: ("parameter", name), ("constant", name), or ("input", "").
    steps: in order of evaluation.
    output: the number of the answer to a batch of one.
    input_shape: of one example; whole: whether it is of whole numbers (tokens).
    """

    inputs: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    output: int
    input_shape: tuple[int, ...]
    whole: bool

    @functools.cached_property
    def _functions(self) -> dict[str, Callable[..., Any]]:
        # Looked up once: later changes of the table are for programs made later.
        from zeroloss.networks.pytorch.operators import OPERATORS

        return {name: OPERATORS[name] for name in self.operators()}

    @functools.cached_property
    def _text(self) -> str:
        # Field by field, 1, 1.0 and True would be equal, and a number that is not one unequal to itself.
        return json.dumps(self.to_plain(), sort_keys=True, default=repr)

    @functools.cached_property
    def _hash(self) -> int:
        return hash(self._text)

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Program):
            return self is other
        return self._text == other._text and self._functions == other._functions

    def __hash__(self) -> int:
        return self._hash

    def run(self, values: Mapping[tuple[str, str], Any], floating: Any) -> Any:
        """The answer, with `values` for the inputs."""
        results: dict[int, Any] = {
            number: widest(values[key]) if key[0] == "constant" else values[key]
            for number, key in enumerate(self.inputs)
        }
        self.advance(self.steps, results, floating)
        return results[self.output]

    def advance(self, steps: Sequence[Step], results: dict[int, Any], floating: Any) -> None:
        """Carry out some of the steps: their results by number are entered beside those they are computed from."""
        for step in steps:
            args = [_resolved(a, results, floating) for a in step.args]
            kwargs = {name: _resolved(a, results, floating) for name, a in step.kwargs}
            results[step.out] = self._functions[step.operator](*args, **kwargs)

    def operators(self) -> list[str]:
        """The names of the operators it calls, sorted."""
        return sorted({step.operator for step in self.steps})

    def replaced(self) -> list[str]:
        """Names of operators whose translation is its user's own, by `register_operator`."""
        if "zeroloss.networks.pytorch.operators" not in sys.modules:
            return []  # nobody can have registered one
        from zeroloss.networks.pytorch.operators import TRANSLATIONS

        return [name for name, function in self._functions.items() if TRANSLATIONS.get(name) is not function]

    def check(self) -> None:
        """InputError that names the operators which have no translation."""
        from zeroloss.networks.pytorch.operators import OPERATORS

        missing = [name for name in self.operators() if name not in OPERATORS]
        if any("dropout" in name or "rand" in name or "bernoulli" in name for name in missing):
            raise InputError("the module draws random numbers (dropout in training mode?); call module.eval() first.")
        if missing:
            raise InputError(
                f"{', '.join(missing)}: no translation of {'this operator' if len(missing) == 1 else 'these operators'} into JAX yet; "
                f"add one by zeroloss.networks.register_operator({missing[0]!r}, function), a JAX function of the same arguments."
            )

    def to_plain(self) -> dict[str, Any]:
        """For JSON; `program_from_plain` reads it back."""
        return {
            "inputs": [list(key) for key in self.inputs],
            "steps": [
                [s.operator, [_plain(a) for a in s.args], {k: _plain(a) for k, a in s.kwargs}, s.out]
                for s in self.steps
            ],
            "output": self.output,
            "input_shape": list(self.input_shape),
            "whole": self.whole,
        }


class ProgramNetwork(Protocol):
    """A network that is a program and its numbers, such as `TorchNetwork`."""

    @property
    def program(self) -> Program: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...

    @property
    def constants(self) -> Mapping[str, Any]: ...


def program_from_plain(found: Mapping[str, Any]) -> Program:
    """What `Program.to_plain` wrote (KeyError, TypeError, ValueError where it is something else)."""
    steps = tuple(
        Step(name, tuple(_unplain(a) for a in args), tuple((k, _unplain(a)) for k, a in kwargs.items()), int(out))
        for name, args, kwargs, out in found["steps"]
    )
    inputs = tuple((str(kind), str(name)) for kind, name in found["inputs"])
    shape = tuple(int(s) for s in found["input_shape"])
    return Program(inputs, steps, int(found["output"]), shape, bool(found["whole"]))


def widest(constant: Any) -> Any:
    """A constant of 32-bit whole numbers in the 64 bits that torch computes in, where JAX has them."""
    import jax
    import jax.numpy as jnp

    kind = jax.dtypes.canonicalize_dtype(np.int64)
    return (
        jnp.asarray(constant, kind) if getattr(constant, "dtype", None) == np.int32 and kind == np.int64 else constant
    )


def _resolved(value: Any, results: Mapping[int, Any], floating: Any) -> Any:
    if isinstance(value, Ref):
        return results[value.index]
    if isinstance(value, Dtype):
        return value.resolve(floating)
    if isinstance(value, tuple):
        return [_resolved(v, results, floating) for v in value]
    return value


def references(value: Any) -> list[int]:
    """The numbers that an argument refers to."""
    if isinstance(value, Ref):
        return [value.index]
    if isinstance(value, tuple):
        return [index for v in value for index in references(v)]
    return []


def _plain(value: Any) -> Any:
    if isinstance(value, Ref):
        return {"ref": value.index}
    if isinstance(value, Dtype):
        return {"dtype": value.name}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict):
        return Ref(int(value["ref"])) if "ref" in value else Dtype(str(value["dtype"]))
    if isinstance(value, list):
        return tuple(_unplain(v) for v in value)
    return value


def renamed(step: Step, names: Mapping[int, int]) -> Step:
    """The step on other results: number by number, where `names` has another."""
    args = tuple(_renamed(a, names) for a in step.args)
    return dataclasses.replace(step, args=args, kwargs=tuple((k, _renamed(a, names)) for k, a in step.kwargs))


def _renamed(value: Any, names: Mapping[int, int]) -> Any:
    if isinstance(value, Ref):
        return Ref(names.get(value.index, value.index))
    if isinstance(value, tuple):
        return tuple(_renamed(v, names) for v in value)
    return value


def live_steps(steps: Sequence[Step], output: int) -> tuple[Step, ...]:
    """Those that the output depends on."""
    needed, kept = {output}, []
    for step in reversed(steps):
        if step.out in needed:
            kept.append(step)
            needed.update(index for a in (*step.args, *(v for _, v in step.kwargs)) for index in references(a))
    return tuple(reversed(kept))


def transposes(step: Step) -> bool:
    """Whether the step is the transpose of a matrix."""
    if step.kwargs:
        return False
    if step.operator == "aten.permute.default":
        return tuple(step.args[1]) in {(1, 0), (-1, 0), (1, -2), (-1, -2)}
    if step.operator == "aten.transpose.int":
        return tuple(step.args[1:]) in {(0, 1), (1, 0), (0, -1), (-1, 0), (-2, 1), (1, -2), (-2, -1), (-1, -2)}
    return step.operator == "aten.t.default"


def as_batch_of_one(x: Any, shape: tuple[int, ...], whole: bool, floating: Any) -> Any:
    """One example, flat or in its shape, as the program takes it; tokens may come as floats that are whole.

    Raises:
        InputError: an example of another shape: in which order its numbers would be is not known.
    """
    import jax
    import jax.numpy as jnp

    x = jnp.asarray(x)
    if x.ndim > 1 and [s for s in x.shape if s != 1] != [s for s in shape if s != 1]:
        raise InputError(
            f"an example of shape {x.shape}; this network takes {shape}, or its numbers in that order in one row "
            "(images as they were in the data it was converted with: channels last or first)."
        )
    x = jnp.reshape(x, (1, *shape))
    return x.astype(jax.dtypes.canonicalize_dtype(np.int64) if whole else floating)


Operator = Callable[..., Any]
