"""The layers of a function, read off its jaxpr: which parameters meet data by a rule, and which do not.

`f(leaves, x) -> (c,)` of one example is evaluated equation by equation. A parameter is followed as a view until it meets
data by a rule of `zeroloss.tangent.jaxpr.rules`. At the result `z` of each meeting a zero *delta* is added (a *slot*), so that the
derivative by the delta is the cotangent `g = df/dz` there. Sub-programs (`jit`, `remat`) are walked into; a `scan` is
rebuilt with its deltas as one more input and its meetings as one more output, so each turn is one more position (or, for
a leaf handed out slice by slice, one more group). A leaf that is met in any other way (a nonlinear function of it, a
`cond`, a custom derivative rule) is *plain*: computed with as usual, its gradient taken explicitly, per example.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from zeroloss.tangent.jaxpr.rules import Arrange, Meeting, meetings
from zeroloss.tangent.jaxpr.views import Data, Origin, View, known, move, value_of, view_of

_INLINE = {"jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "core_call": "call_jaxpr"}
_INLINE |= {"remat2": "jaxpr", "checkpoint": "jaxpr", "remat": "jaxpr"}


@dataclasses.dataclass(frozen=True, eq=False)
class Use:
    """A meeting, with the loops around it: `h` `(B, P, A)` and `g` `(B, P, F)` as in `zeroloss.tangent.jaxpr.rules`.

    Attributes:
        leaf, kind, slot: which leaf, by which rule, at which slot its cotangent is.
        arrange: from the result to `(B, P, F)` of one turn of the loops.
        index: `(B, A, F)`, loops that hand the leaf out slice by slice counted in B.
        loops: their lengths, outermost first; slices: for each whether the leaf is handed out by it.
        inner: `(B, P, A, F)` of one turn.
    """

    leaf: int
    kind: str
    slot: int
    arrange: Arrange
    index: np.ndarray
    loops: tuple[int, ...]
    slices: tuple[bool, ...]
    inner: tuple[int, int, int, int]

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """`B, P, A, F` with the loops counted."""
        b, p, a, f = self.inner
        groups = math.prod(t for t, s in zip(self.loops, self.slices, strict=True) if s)
        return b * groups, p * (math.prod(self.loops) // groups), a, f

    def stacked(self, array: Any) -> Any:
        """`(*loops, B, P, M)` of single turns as one `(B, P, M)`."""
        k = len(self.loops)
        sliced = [i for i in range(k) if self.slices[i]]
        turned = [i for i in range(k) if not self.slices[i]]
        b, p, _, _ = self.sizes
        return array.transpose(*sliced, k, *turned, k + 1, k + 2).reshape(b, p, array.shape[-1])

    def cotangent(self, g: Any) -> Any:
        """`(*loops, *z.shape)` as `(B, P, F)`."""
        k = len(self.loops)
        turns = g.reshape(math.prod(self.loops), *g.shape[k:])
        return self.stacked(jax.vmap(self.arrange)(turns).reshape(*self.loops, *self.arrange.last))


@dataclasses.dataclass
class _Tape:
    """What the walk records (`deltas` None) or puts in, at one depth of loops."""

    deltas: list | None
    loops: tuple[int, ...] = ()
    slots: list[tuple[tuple[int, ...], Any]] = dataclasses.field(default_factory=list)
    uses: list[Use] = dataclasses.field(default_factory=list)
    inputs: list[Any] = dataclasses.field(default_factory=list)
    plain: set[int] = dataclasses.field(default_factory=set)

    def meet(self, found: list[Meeting], z: Any) -> Data:
        """Record the meetings whose result is `z`; all share one slot."""
        origin = found[0].origin
        if origin is None:
            origin = Origin(len(self.slots), 1.0, found[0].arrange)
            self.slots.append((tuple(z.shape), z.dtype))
            if self.deltas is not None:
                z = z + self.deltas[origin.slot]
        for m in found:
            self._use(m, origin.slot)
        return Data(z, origin)

    def _use(self, m: Meeting, slot: int) -> None:
        h = m.h()
        b, p, f = m.arrange.last
        slices = tuple(level in m.view.levels for level in range(len(self.loops)))
        index = m.index.reshape(-1, *m.index.shape[-2:]) if m.view.levels else m.index
        inner = (b, p, m.index.shape[-2], f)
        self.uses.append(Use(m.view.leaf, m.kind, slot, m.arrange, index, self.loops, slices, inner))
        self.inputs.append(h)

    def within(self, inner: _Tape) -> None:
        """Take over what a loop's body recorded."""
        self.plain |= inner.plain
        start, length = len(self.slots), inner.loops[len(self.loops)]
        self.slots += [((length, *shape), dtype) for shape, dtype in inner.slots]
        self.uses += [dataclasses.replace(use, slot=use.slot + start) for use in inner.uses]


class Reader:
    """The layers of `f(leaves, x)`.

    Attributes:
        uses: the uses found, in the order of evaluation; slots: shape and dtype of each delta.
        plain: indices of the trained leaves that no rule serves.
        consts: arrays that the function closes over, to be handed to `run`.
        compiled: the contractions for which the passes have run in this process.
    """

    def __init__(self, function: Callable, leaves: Sequence[Any], x: Any, trained: Sequence[int]):
        shapes = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
        closed = jax.make_jaxpr(function)(shapes, x)
        self.jaxpr, self.consts = closed.jaxpr, closed.consts
        self.trained = tuple(trained)
        self.out_size = int(closed.out_avals[0].shape[0])
        self._plain: set[int] = set()
        while True:  # a leaf found plain on the way is followed no more: start again without it
            tape = _Tape(None)
            found = len(self._plain)
            # Everything is abstract here as it is in `run`, so that both take the same turns.
            jax.eval_shape(lambda cs, ls, v, tape=tape: self._evaluate(cs, ls, v, tape), self.consts, shapes, x)
            self._plain |= tape.plain
            self._plain |= set(self.trained) - {use.leaf for use in tape.uses}
            if len(self._plain) == found:
                break
        self.uses, self.slots = tuple(tape.uses), tuple(tape.slots)
        self.plain = tuple(sorted(self._plain))
        self.compiled: set[Any] = set()

    def run(self, consts: Sequence[Any], leaves: Sequence[Any], x: Any, deltas: Sequence[Any]) -> tuple[Any, list[Any]]:
        """`f` with `deltas` added at the slots: `(f(x), inputs)`, one input `(*loops, B, P, A)` per use."""
        tape = _Tape(list(deltas))
        out = self._evaluate(consts, leaves, x, tape)
        if len(tape.inputs) != len(self.uses):
            raise RuntimeError("the function was read otherwise than it runs; please report it")
        return out, tape.inputs

    def _evaluate(self, consts, leaves, x, tape):
        follow = set(self.trained) - self._plain
        args: list[Any] = [view_of(i, v) if i in follow else v for i, v in enumerate(leaves)]
        args = [Data(a) if i in self._plain else a for i, a in enumerate(args)]
        args += [Data(leaf) for leaf in jax.tree.leaves(x)]
        (out,) = _walk(self.jaxpr, consts, args, tape)
        if isinstance(out, View):
            tape.plain.add(out.leaf)
        return value_of(out)


def _walk(jaxpr, consts, args, tape: _Tape):
    """Evaluate `jaxpr` on entries: views, data, or constants."""
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    places = [v for eqn in jaxpr.eqns for v in eqn.invars] + list(jaxpr.outvars)
    count = collections.Counter(v for v in places if not isinstance(v, jex.Literal))

    def read(var):
        if isinstance(var, jex.Literal):
            return var.val
        entry = env[var]
        # Only a value that goes to one place has the cotangent of that place.
        return Data(entry.value) if isinstance(entry, Data) and count[var] > 1 else entry

    for eqn in jaxpr.eqns:
        results = _equation(eqn, [read(var) for var in eqn.invars], tape)
        env.update(zip(eqn.outvars, results, strict=True))
    return [read(var) for var in jaxpr.outvars]


def _equation(eqn, entries, tape: _Tape):
    views = [e for e in entries if isinstance(e, View)]
    name = eqn.primitive.name
    if name in _INLINE and (views or any(isinstance(e, Data) and e.origin for e in entries)):
        inner = eqn.params[_INLINE[name]]
        return _walk(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), entries, tape)
    if name == "scan" and views:
        return _scan(eqn, entries, tape)
    out = bind(eqn, *map(value_of, entries))
    results = list(out) if eqn.primitive.multiple_results else [out]
    if views:
        moved = move(eqn, name, entries, results)
        if moved is not None:
            return moved
        found = meetings(eqn, name, entries)
        if found:
            return [tape.meet(found, results[0])]
        tape.plain.update(view.leaf for view in views)
    elif not any(isinstance(e, Data) for e in entries):
        return results
    origin = _kept(eqn, name, entries)
    return [Data(r, origin) for r in results]


def _kept(eqn, name, entries) -> Origin | None:
    """The origin of `z` times a number, or of `z` plus something else."""
    data = [e for e in entries if isinstance(e, Data) and e.origin is not None]
    if not data or len(entries) != 2 or np.shape(data[0].value) != eqn.outvars[0].aval.shape:
        return None
    origin, first = data[0].origin, entries[0] is data[0]
    assert origin is not None
    if name in ("add", "add_any") or (name == "sub" and first):
        return origin
    other = entries[1] if first else entries[0]
    if name in ("mul", "div") and (name == "mul" or first) and known(other) and np.shape(other) == ():
        number = float(other)
        if number != 0 and math.isfinite(number):
            return dataclasses.replace(origin, factor=origin.factor * (number if name == "mul" else 1 / number))
    return None


def _scan(eqn, entries, tape: _Tape):
    """A loop with views among its operands, rebuilt with the deltas as inputs and the meetings as outputs."""
    params, depth = eqn.params, len(tape.loops)
    body, length = params["jaxpr"], params["length"]
    fixed, carried = params["num_consts"], params["num_carry"]
    entries = [Data(e.value) if isinstance(e, Data) else e for e in entries]
    consts, start, series = entries[:fixed], entries[fixed : fixed + carried], entries[fixed + carried :]
    # A carried leaf that the body returns untouched is still a view; any other carried leaf is plain.
    kept = [isinstance(e, View) and body.jaxpr.outvars[i] is body.jaxpr.invars[fixed + i] for i, e in enumerate(start)]
    lost = {e.leaf for e, k in zip(start, kept, strict=True) if isinstance(e, View) and not k}
    tape.plain |= lost
    sliced = [_slice_of(e, depth) if isinstance(e, View) else e for e in series]

    def turn(inner: _Tape, carry, values):
        own = [e if k else Data(c) for e, k, c in zip(start, kept, carry, strict=True)]
        given = [
            dataclasses.replace(e, value=v) if isinstance(e, View) else (Data(v) if isinstance(e, Data) else v)
            for e, v in zip(sliced, values, strict=True)
        ]
        out = _walk(body.jaxpr, body.consts, [*consts, *own, *given], inner)
        returned = out[:carried] + out[carried:]
        inner.plain |= {e.leaf for i, e in enumerate(returned) if isinstance(e, View) and not (i < carried and kept[i])}
        return [value_of(e) for e in out[:carried]], [value_of(e) for e in out[carried:]]

    first, values = (
        [jnp.asarray(value_of(e), var.aval.dtype) for e, var in zip(part, avals, strict=True)]
        for part, avals in ((start, eqn.invars[fixed : fixed + carried]), (series, eqn.invars[fixed + carried :]))
    )
    # A first walk on shapes alone finds the slots of the body, so that the deltas can be cut to them.
    inner = _Tape(None, (*tape.loops, length))
    one = [jax.ShapeDtypeStruct(np.shape(v)[1:], v.dtype) for v in values]
    jax.eval_shape(lambda c, v: turn(inner, c, v), first, one)
    begin = len(tape.slots)
    tape.within(inner)
    deltas = None if tape.deltas is None else tape.deltas[begin : begin + len(inner.slots)]

    def step(carry, given):
        each = _Tape(None if deltas is None else list(given[1]), (*tape.loops, length))
        new, made = turn(each, carry, given[0])
        return new, (made, each.inputs)

    series_in = (values, deltas)
    last, (made, inputs) = jax.lax.scan(
        step, first, series_in, length=length, reverse=params["reverse"], unroll=params["unroll"]
    )
    tape.inputs += inputs
    ends = [e if k else Data(c) for e, k, c in zip(start, kept, last, strict=True)]
    return [*ends, *(Data(m) for m in made)]


def _slice_of(view: View, level: int) -> View:
    """A leaf handed out slice by slice along its first axis by the loop `level`."""
    return dataclasses.replace(view, levels=(*view.levels, level))


def bind(eqn, *values):
    """The equation on values; JAX before 0.10 hands sub-functions apart from the other parameters."""
    bound = eqn.primitive.get_bind_params(eqn.params)
    subfuns, params = bound if isinstance(bound, tuple) else ((), bound)
    return eqn.primitive.bind(*subfuns, *values, **params)
