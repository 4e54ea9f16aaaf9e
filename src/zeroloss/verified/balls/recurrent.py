"""Error bounds of recurrent layers: the loop over steps in ball arithmetic.

Sigmoid and tanh pass an error on by their slope over the ball, `|phi'(mid)| + sup|phi''| err`, not by their largest slope:
over many steps the difference decides whether a bound is of any use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from zeroloss.networks.pytorch.cells import cells
from zeroloss.verified import libm
from zeroloss.verified.balls.ball import Ball, NoBoundError, add, as_ball, multiply, negative
from zeroloss.verified.balls.rules import RULES, product
from zeroloss.verified.directed import SLOP, TINY

SIGMOID_CURVATURE = 0.0963
"""`sup |sigma''| = 1/(6 sqrt 3) = 0.09622...`"""
TANH_CURVATURE = 0.7699
"""`sup |tanh''| = 4/(3 sqrt 3) = 0.76980...`"""
EDGE = 2.0**-50
"""An upper bound on the rounding of a number `z` in [0, 1] and of `1 - z`."""

State = tuple[Ball, ...]
Cell = Callable[[Ball, State, tuple[Any, ...]], State]


def _local(name: str, largest: float, curvature: float) -> Callable[[Ball], Ball]:
    def apply(x: Ball) -> Ball:
        mid, own = libm.value(name, x.mid)
        at, off = libm.slope(name, x.mid)
        slope = np.minimum(largest, np.abs(at) + off + curvature * x.err)
        return Ball(mid, (slope * x.err + own) * SLOP + TINY)

    return apply


_sigmoid = _local("sigmoid", 0.25, SIGMOID_CURVATURE)
_tanh = _local("tanh", 1.0, TANH_CURVATURE)


def _relu(x: Ball) -> Ball:
    return Ball(np.maximum(x.mid, 0.0), x.err)


class OfRows(tuple[Any, ...]):
    """Outputs whose examples stand first, and states, whose examples do not: they are used one example at a time."""


def _linear(x: Ball, weight: Any, bias: Any) -> Ball:
    z = product(x, np.asarray(weight).T)
    return z if bias is None else add(z, np.asarray(bias))


def _split(x: Ball, parts: int) -> list[Ball]:
    return [Ball(m, e) for m, e in zip(np.split(x.mid, parts, -1), np.split(x.err, parts, -1), strict=True)]


def _lstm(gates: Ball, state: State, weights: tuple[Any, ...]) -> State:
    h, c = state
    _, w_hh, _, b_hh, w_hr = weights
    i, f, g, o = _split(add(gates, _linear(h, w_hh, b_hh)), 4)
    c = add(multiply(_sigmoid(f), c), multiply(_sigmoid(i), _tanh(g)))
    h = multiply(_sigmoid(o), _tanh(c))
    return (h if w_hr is None else product(h, np.asarray(w_hr).T)), c


def _gru(gates: Ball, state: State, weights: tuple[Any, ...]) -> State:
    """`(1 - z) n + z h`, each entry at most the larger of its two."""
    (h,) = state
    _, w_hh, _, b_hh, _ = weights
    (r, z, n), (rh, zh, nh) = _split(gates, 3), _split(_linear(h, w_hh, b_hh), 3)
    z = _sigmoid(add(z, zh))
    n = _tanh(add(n, multiply(_sigmoid(add(r, rh)), nh)))
    return (_mixed(z, n, h),)


def _mixed(z: Ball, n: Ball, h: Ball) -> Ball:
    """`(1 - z) n + z h` as `n + z (h - n)`: an error of z counts by `|h - n|`, those of n and h by `1 - z` and `z`."""
    mid = add(n, multiply(z, add(h, negative(n))))
    exact = _rounding_only(z, n, h)
    low, high = np.clip(z.mid - z.err, 0, 1), np.clip(z.mid + z.err, 0, 1)
    passed = (1 - low + EDGE) * n.err + (high + EDGE) * h.err + z.err * np.abs(h.mid - n.mid)
    return Ball(mid.mid, (passed + exact) * SLOP + TINY)


def _rounding_only(z: Ball, n: Ball, h: Ball) -> np.ndarray:
    """The rounding of `n + z (h - n)` on exact arguments."""
    zero = np.zeros(z.mid.shape)
    plain = [Ball(b.mid, zero) for b in (z, n, h)]
    return add(plain[1], multiply(plain[0], add(plain[2], negative(plain[1])))).err


def _elman(phi: Callable[[Ball], Ball]) -> Cell:
    def cell(gates: Ball, state: State, weights: tuple[Any, ...]) -> State:
        _, w_hh, _, b_hh, _ = weights
        return (phi(add(gates, _linear(state[0], w_hh, b_hh))),)

    return cell


def _rows(x: Ball, numbers: Any) -> Ball:
    return Ball(x.mid[numbers], x.err[numbers])


def _one_way(cell: Cell, x: Ball, state: State, weights: tuple[Any, ...], reverse: bool) -> tuple[Ball, State]:
    """Outputs `(steps, n, size)` and the state at the end."""
    flat = Ball(x.mid.reshape(-1, x.shape[-1]), x.err.reshape(-1, x.shape[-1]))
    gates = _linear(flat, weights[0], weights[2])
    gates = Ball(gates.mid.reshape(*x.shape[:2], -1), gates.err.reshape(*x.shape[:2], -1))
    outputs: list[Ball] = []
    steps = range(x.shape[0])
    for t in reversed(steps) if reverse else steps:
        state = cell(_rows(gates, t), state, weights)
        outputs.append(state[0])
    return _stacked(outputs[::-1] if reverse else outputs), state


def _stacked(balls: list[Ball], axis: int = 0) -> Ball:
    return Ball(np.stack([b.mid for b in balls], axis), np.stack([b.err for b in balls], axis))


def _turned(x: Ball) -> Ball:
    return Ball(np.swapaxes(x.mid, 0, 1), np.swapaxes(x.err, 0, 1))


def _layer(cell: Cell) -> Callable[..., Any]:
    """The rule of a layer, of `zeroloss.networks.pytorch.operators.recurrent`'s arguments."""

    def of_layer(
        x: Any,
        hx: Any,
        params: Any,
        has_biases: Any,
        num_layers: Any,
        dropout: Any,
        train: Any,
        bidirectional: Any,
        batch_first: Any,
    ) -> Any:
        if any(isinstance(p, Ball) for p in params):
            raise NoBoundError("a recurrent layer whose weights are computed")
        states = [as_ball(s) for s in (hx if isinstance(hx, list) else [hx])]
        x = as_ball(x)
        x = _turned(x) if batch_first else x
        projected = len(states) == 2 and states[0].shape[-1] != states[1].shape[-1]
        weights, directions, n = cells(params, has_biases, projected), 1 + bool(bidirectional), x.shape[1]
        ends: list[list[Ball]] = [[] for _ in states]
        for first in range(0, len(weights), directions):
            outputs = []
            for number in range(first, first + directions):
                begin = tuple(_of_all(_rows(s, number), n) for s in states)
                out, last = _one_way(cell, x, begin, weights[number], number > first)
                outputs.append(out)
                for place, state in zip(ends, last, strict=True):
                    place.append(state)
            x = Ball(np.concatenate([o.mid for o in outputs], -1), np.concatenate([o.err for o in outputs], -1))
        return OfRows((_turned(x) if batch_first else x, *(_stacked(e) for e in ends)))

    return of_layer


def _of_all(state: Ball, n: int) -> Ball:
    shape = (n, state.shape[-1])
    return Ball(np.broadcast_to(state.mid, shape), np.broadcast_to(state.err, shape))


def is_recurrent(name: str) -> bool:
    """Whether a rule of this module serves the operator."""
    return name in _NAMES


_NAMES: set[str] = set()
for _name, _cell in (("lstm", _lstm), ("gru", _gru), ("rnn_tanh", _elman(_tanh)), ("rnn_relu", _elman(_relu))):
    RULES[f"aten.{_name}.input"] = RULES[f"zeroloss.{_name}.default"] = _layer(_cell)
    _NAMES |= {f"aten.{_name}.input", f"zeroloss.{_name}.default"}
