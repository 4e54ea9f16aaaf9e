"""Recurrent layers (LSTM, GRU, Elman) as one loop over the steps for each layer and direction.

    LSTM:  i, f, g, o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh,   c_t = sigma(f) c_{t-1} + sigma(i) tanh(g),
           h_t = W_hr (sigma(o) tanh(c_t))   (W_hr where there is a projection)
    GRU:   r, z = sigma of its parts,  n = tanh(n_ih + r n_hh),   h_t = (1 - z) n + z h_{t-1}
    RNN:   h_t = phi(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   phi tanh or relu

The products with the inputs are one product over all steps, outside of the loop. A loop is compiled once, whatever the
number of steps; `zeroloss.tangent` reads its weights as used once a step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from zeroloss.networks.pytorch.operators.table import operator
from zeroloss.plumbing import InputError

Step = Callable[..., tuple[Any, Any]]


def _linear(x, weight, bias):
    z = x @ weight.T
    return z if bias is None else z + bias


def _lstm_step(gates, state, weights):
    h, c = state
    _, w_hh, _, b_hh, w_hr = weights
    i, f, g, o = jnp.split(gates + _linear(h, w_hh, b_hh), 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h if w_hr is None else h @ w_hr.T), c


def _gru_step(gates, state, weights):
    (h,) = state
    _, w_hh, _, b_hh, _ = weights
    (r, z, n), (rh, zh, nh) = (jnp.split(part, 3, axis=-1) for part in (gates, _linear(h, w_hh, b_hh)))
    z = jax.nn.sigmoid(z + zh)
    n = jnp.tanh(n + jax.nn.sigmoid(r + rh) * nh)
    return (n + z * (h - n),)


def _elman_step(phi):
    def step(gates, state, weights):
        _, w_hh, _, b_hh, _ = weights
        return (phi(gates + _linear(state[0], w_hh, b_hh)),)

    return step


def cells(params: Any, has_biases: bool, projected: bool) -> list[tuple[Any, ...]]:
    """`(w_ih, w_hh, b_ih, b_hh, w_hr)` of each layer and direction, from torch's flat list; None for what is not there."""
    each = 2 + 2 * has_biases + projected
    found = []
    for start in range(0, len(params), each):
        w_ih, w_hh, *rest = params[start : start + each]
        b_ih, b_hh = rest[:2] if has_biases else (None, None)
        found.append((w_ih, w_hh, b_ih, b_hh, rest[-1] if projected else None))
    return found


def refuse_dropout(dropout: float, train: bool, num_layers: int) -> None:
    """InputError where the layers between are random."""
    if train and dropout > 0 and num_layers > 1:
        raise InputError("a recurrent layer draws random numbers (dropout in training mode); call module.eval() first.")


def _recurrence(step: Step, x, states, all_weights, directions: int, batch_first: bool, lengths=None):
    """The last layer's outputs, and every state at the end `(layers * directions, n, size)`.

    Args:
        states: of the beginning, `(layers * directions, n, size)` each.
        lengths: None, or how many steps each example has `(n,)`: beyond them a state stays and an output is 0.
    """
    x = jnp.swapaxes(x, 0, 1) if batch_first else x
    going = None if lengths is None else jnp.arange(x.shape[0])[:, None] < lengths
    ends: list[list[Any]] = [[] for _ in states]
    for layer in range(0, len(all_weights), directions):
        outputs = []
        for direction in range(directions):
            number = layer + direction
            first = [s[number] for s in states]
            out, last = _one_way(step, x, first, all_weights[number], direction == 1, going)
            outputs.append(out)
            for place, state in zip(ends, last, strict=True):
                place.append(state)
        x = outputs[0] if directions == 1 else jnp.concatenate(outputs, axis=-1)
    return jnp.swapaxes(x, 0, 1) if batch_first else x, [jnp.stack(s) for s in ends]


def _one_way(step: Step, x, first, weights, reverse: bool, going):
    w_ih, _, b_ih, _, _ = weights
    gates = _linear(x, w_ih, b_ih)
    n = x.shape[1]
    first = tuple(jnp.broadcast_to(s, (n, s.shape[-1])).astype(x.dtype) for s in first)

    def turn(state, given):
        new = step(given if going is None else given[0], state, weights)
        if going is None:
            return new, new[0]
        goes = given[1][:, None]
        kept = tuple(jnp.where(goes, a, b) for a, b in zip(new, state, strict=True))
        return kept, jnp.where(goes, new[0], 0.0)

    last, out = jax.lax.scan(turn, first, gates if going is None else (gates, going), reverse=reverse)
    return out, last


@operator("lstm.input")
def _lstm(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    refuse_dropout(dropout, train, num_layers)
    weights = cells(params, has_biases, hx[0].shape[-1] != hx[1].shape[-1])
    out, (h, c) = _recurrence(_lstm_step, x, hx, weights, 1 + bidirectional, batch_first)
    return out, h, c


def _of_one_state(step: Step):
    def layer(x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
        refuse_dropout(dropout, train, num_layers)
        weights = cells(params, has_biases, False)
        out, (h,) = _recurrence(step, x, [hx], weights, 1 + bidirectional, batch_first)
        return out, h

    return layer


operator("gru.input")(_of_one_state(_gru_step))
operator("rnn_tanh.input")(_of_one_state(_elman_step(jnp.tanh)))
operator("rnn_relu.input")(_of_one_state(_elman_step(jax.nn.relu)))
