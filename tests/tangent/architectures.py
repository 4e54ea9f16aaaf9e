"""Networks of every kind the kernel must serve, small: name -> (make(key), example shape, whole numbers or not)."""

import equinox as eqx
import jax
import jax.numpy as jnp


class Convolutional(eqx.Module):
    """Stride, padding, dilation and groups; a pooled, dense head."""

    layers: list
    head: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key, 4)
        self.layers = [
            eqx.nn.Conv2d(2, 4, 3, stride=2, padding=((1, 0), (2, 1)), key=keys[0]),
            eqx.nn.Conv2d(4, 6, (2, 3), padding=1, groups=2, key=keys[1]),
            eqx.nn.Conv2d(6, 4, 2, dilation=(1, 2), use_bias=False, key=keys[2]),
        ]
        self.head = eqx.nn.Linear(4, 3, key=keys[3])

    def __call__(self, x):
        for layer in self.layers:
            x = jnp.tanh(layer(x))
        return self.head(x.mean((1, 2)))


class Transposed(eqx.Module):
    """A transposed convolution (dilated input)."""

    down: eqx.nn.Conv2d
    up: eqx.nn.ConvTranspose2d

    def __init__(self, key):
        one, two = jax.random.split(key)
        self.down = eqx.nn.Conv2d(1, 3, 3, stride=2, key=one)
        self.up = eqx.nn.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1, key=two)

    def __call__(self, x):
        return jax.nn.silu(self.up(jax.nn.softplus(self.down(x)))).mean((1, 2))


class Residual(eqx.Module):
    """Residual sums, group norm and layer norm with their scales and shifts."""

    first: eqx.nn.Conv2d
    second: eqx.nn.Conv2d
    group: eqx.nn.GroupNorm
    layer: eqx.nn.LayerNorm
    head: eqx.nn.Linear

    def __init__(self, key):
        keys = jax.random.split(key, 5)
        self.first = eqx.nn.Conv2d(1, 4, 3, padding=1, key=keys[0])
        self.second = eqx.nn.Conv2d(4, 4, 3, padding=1, key=keys[1])
        self.group = eqx.nn.GroupNorm(2, 4)
        self.group = eqx.tree_at(lambda g: g.weight, self.group, jax.random.normal(keys[3], (4,)))
        self.layer = eqx.nn.LayerNorm((4, 5, 5))
        self.head = eqx.nn.Linear(4, 2, key=keys[2])

    def __call__(self, x):
        h = self.first(x)
        h = h + jax.nn.gelu(self.group(self.second(h)))
        h = h + self.second(jax.nn.relu(h))
        return self.head(jax.nn.silu(self.layer(h)).mean((1, 2)))


class Encoder(eqx.Module):
    """Two layers of multi-head attention with layer norms and feed-forward parts, on tokens of real numbers."""

    attention: list
    up: list
    down: list
    norms: list
    head: eqx.nn.Linear

    def __init__(self, key, size=8, heads=2, depth=2):
        keys = iter(jax.random.split(key, 3 * depth + 1))
        self.attention = [
            eqx.nn.MultiheadAttention(
                heads, size, use_query_bias=True, use_value_bias=True, use_output_bias=True, key=next(keys)
            )
            for _ in range(depth)
        ]
        self.up = [eqx.nn.Linear(size, 2 * size, key=next(keys)) for _ in range(depth)]
        self.down = [eqx.nn.Linear(2 * size, size, key=next(keys)) for _ in range(depth)]
        self.norms = [eqx.nn.LayerNorm(size) for _ in range(2 * depth)]
        self.head = eqx.nn.Linear(size, 2, key=next(keys))

    def __call__(self, x):
        for k, attention in enumerate(self.attention):
            h = jax.vmap(self.norms[2 * k])(x)
            x = x + attention(h, h, h)
            h = jax.vmap(self.norms[2 * k + 1])(x)
            x = x + jax.vmap(self.down[k])(jax.nn.gelu(jax.vmap(self.up[k])(h)))
        return self.head(x.mean(0))


class Tokens(eqx.Module):
    """An embedding of whole numbers, taken row by row, tied to the read-out."""

    table: eqx.nn.Embedding
    mixer: eqx.nn.Linear
    place: jax.Array
    tied: bool = eqx.field(static=True)

    def __init__(self, key, tied=False):
        one, two, three = jax.random.split(key, 3)
        self.table = eqx.nn.Embedding(7, 5, key=one)
        self.mixer = eqx.nn.Linear(5, 5, key=two)
        self.place = jax.random.normal(three, (4, 5))
        self.tied = tied

    def __call__(self, x):
        h = jnp.tanh(jax.vmap(self.mixer)(jax.vmap(self.table)(x) + self.place)).sum(0)
        return (self.table.weight @ h)[:3] if self.tied else h[:2]


class Autoencoder(eqx.Module):
    """The decoder's weights are the encoder's, transposed."""

    weight: jax.Array
    inner: jax.Array
    outer: jax.Array

    def __init__(self, key):
        self.weight = jax.random.normal(key, (3, 6))
        self.inner, self.outer = jnp.full(3, 0.1), jnp.full(6, -0.2)

    def __call__(self, x):
        return self.weight.T @ jnp.tanh(self.weight @ x + self.inner) + self.outer


class Recurrent(eqx.Module):
    """An LSTM or a GRU by `scan`, read out at the end."""

    cell: eqx.Module
    head: eqx.nn.Linear
    kind: str = eqx.field(static=True)

    def __init__(self, key, kind="lstm"):
        one, two = jax.random.split(key)
        self.kind = kind
        self.cell = (eqx.nn.LSTMCell if kind == "lstm" else eqx.nn.GRUCell)(3, 4, key=one)
        self.head = eqx.nn.Linear(4, 2, key=two)

    def __call__(self, x):
        start = (jnp.zeros(4, x.dtype), jnp.zeros(4, x.dtype)) if self.kind == "lstm" else jnp.zeros(4, x.dtype)
        end, _ = jax.lax.scan(lambda s, v: (self.cell(v, s), None), start, x)
        return self.head(end[0] if self.kind == "lstm" else end)


class Mixture(eqx.Module):
    """Experts, all computed, weighed by a gate."""

    gate: eqx.nn.Linear
    experts: jax.Array
    shifts: jax.Array
    outputs: jax.Array

    def __init__(self, key):
        keys = jax.random.split(key, 4)
        self.gate = eqx.nn.Linear(4, 3, key=keys[0])
        self.experts = jax.random.normal(keys[1], (3, 4, 5))
        self.shifts = jax.random.normal(keys[2], (3, 5))
        self.outputs = jax.random.normal(keys[3], (3, 5, 2))

    def __call__(self, x):
        h = jnp.tanh(jnp.einsum("d,edf->ef", x, self.experts) + self.shifts)
        return jnp.einsum("e,ef,efc->c", jax.nn.softmax(self.gate(x)), h, self.outputs)


class Stacked(eqx.Module):
    """Layers handed out by `scan`, a loop within the loop, and a weight that all turns share."""

    weights: jax.Array
    shifts: jax.Array
    shared: jax.Array
    head: jax.Array

    def __init__(self, key):
        keys = jax.random.split(key, 4)
        self.weights = jax.random.normal(keys[0], (3, 2, 4, 4))
        self.shifts = jax.random.normal(keys[1], (3, 4))
        self.shared = jax.random.normal(keys[2], (4, 4))
        self.head = jax.random.normal(keys[3], (2, 4))

    def __call__(self, x):
        def turn(h, layer):
            weights, shift = layer
            h, _ = jax.lax.scan(lambda u, w: (jnp.tanh(w @ u + self.shared @ u), None), h, weights)
            return jax.nn.sigmoid(h + shift), h.sum()

        h, sums = jax.lax.scan(turn, x, (self.weights, self.shifts))
        return self.head @ h + sums.sum()


class Odd(eqx.Module):
    """Sub-programs: `remat`, `jit`, a custom derivative, a branch; slices of one fused weight; a carried weight."""

    fused: jax.Array
    inner: jax.Array
    branch: jax.Array
    carried: jax.Array
    head: jax.Array

    def __init__(self, key):
        keys = jax.random.split(key, 5)
        self.fused = jax.random.normal(keys[0], (9, 4))
        self.inner = jax.random.normal(keys[1], (3, 3))
        self.branch = jax.random.normal(keys[2], (3, 3))
        self.carried = jax.random.normal(keys[3], (3, 3))
        self.head = jax.random.normal(keys[4], (3, 2))

    def __call__(self, x):
        q, k, v = jnp.split(self.fused, 3)
        h = jax.checkpoint(lambda u: jax.nn.silu(q @ u) * jnp.tanh(k @ u) + v[::-1] @ u)(x)
        h = jax.jit(lambda w, u: jnp.sin(w.T @ u))(self.inner, h)
        h = _steep(h) + self.inner[0] * h
        h = jax.lax.cond(h.sum() > 0, lambda u: self.branch @ u, lambda u: -self.branch.T @ u, h)
        _, h = jax.lax.fori_loop(0, 3, lambda _, s: (s[0], jnp.cos(s[0] @ s[1])), (self.carried, h))
        return h @ self.head


@jax.custom_jvp
def _steep(x):
    return jnp.tanh(x)


@_steep.defjvp
def _(values, directions):
    (x,), (dx,) = values, directions
    return jnp.tanh(x), 2.0 * dx  # not the derivative of tanh: the kernel must take this one


ARCHITECTURES = {
    "convolutional": (Convolutional, (2, 9, 11), False),
    "transposed convolution": (Transposed, (1, 7, 7), False),
    "residual": (Residual, (1, 5, 5), False),
    "encoder": (Encoder, (5, 8), False),
    "tokens": (Tokens, (4,), True),
    "tied tokens": (lambda key: Tokens(key, tied=True), (4,), True),
    "autoencoder": (Autoencoder, (6,), False),
    "lstm": (Recurrent, (6, 3), False),
    "gru": (lambda key: Recurrent(key, "gru"), (6, 3), False),
    "mixture": (Mixture, (4,), False),
    "stacked": (Stacked, (4,), False),
    "odd": (Odd, (4,), False),
}
