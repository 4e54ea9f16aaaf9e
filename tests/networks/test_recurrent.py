"""Recurrent layers run as loops: answers, gradients and kernels of the module, at a cost that does not grow with the steps."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import predict
from zeroloss.networks.pytorch.export import export_program
from zeroloss.plumbing import InputError
from zeroloss.verified.balls import find_readout, readout_features

torch = pytest.importorskip("torch")
nn = torch.nn
packing = nn.utils.rnn


class Layer(nn.Module):
    """A recurrent layer of any kind; what is read out: the last output, or the states at the end."""

    def __init__(self, kind, states=False, learned=False, **options):
        super().__init__()
        self.rnn, self.states = kind(3, 4, **options).double(), states
        self.first = options.get("batch_first", False)
        size = options.get("proj_size") or 4
        both = 1 + options.get("bidirectional", False)
        layers = options.get("num_layers", 1) * both
        self.start = nn.Parameter(torch.randn(layers, 1, size, dtype=torch.float64)) if learned else None
        width = sum(layers * s for s in ((size, 4) if kind is nn.LSTM else (size,))) if states else both * size
        self.head = nn.Linear(width, 2).double()

    def forward(self, x):
        x = x if self.first else x.transpose(0, 1)
        hx = None if self.start is None else self.start.expand(-1, 1, -1).contiguous()
        if hx is not None and isinstance(self.rnn, nn.LSTM):
            hx = (hx, torch.tanh(hx) if not self.rnn.proj_size else hx.new_ones(len(hx), 1, 4))
        out, end = self.rnn(x, hx)
        if self.states:
            ends = end if isinstance(end, tuple) else (end,)
            return self.head(torch.cat([e.transpose(0, 1).flatten(1) for e in ends], 1))
        return self.head(out[:, -1] if self.first else out[-1])


LAYERS = {
    "lstm": (nn.LSTM, {"batch_first": True}),
    "lstm, everything": (
        nn.LSTM,
        {"num_layers": 2, "bidirectional": True, "proj_size": 2, "states": True, "learned": True, "dropout": 0.5},
    ),
    "lstm, no bias": (nn.LSTM, {"bias": False, "learned": True, "batch_first": True}),
    "gru": (nn.GRU, {"bidirectional": True, "num_layers": 2, "batch_first": True}),
    "gru, states": (nn.GRU, {"states": True, "learned": True, "bias": False}),
    "tanh": (nn.RNN, {"num_layers": 2, "states": True, "bidirectional": True}),
    "relu": (nn.RNN, {"nonlinearity": "relu", "batch_first": True, "learned": True}),
}


def layer(name):
    torch.manual_seed(0)
    kind, options = LAYERS[name]
    return Layer(kind, **options).eval(), torch.randn(3, 5, 3, dtype=torch.float64)


def jacobian(module, x):
    """`(n, c, parameters)` by torch, one example and output at a time."""
    rows = [
        [torch.autograd.grad(a, list(module.parameters()), retain_graph=True) for a in module(one[None])[0]]
        for one in x
    ]
    return np.stack([[np.concatenate([g.numpy().ravel() for g in grads]) for grads in row] for row in rows])


QUICK = {"lstm, everything"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in LAYERS]
)
def test_answers_and_kernel(name):
    """The kernel holds every gradient, and the products of the uses of one weight at different steps."""
    module, x = layer(name)
    network = zl.from_torch(module, x)
    assert sum(s.operator.startswith("zeroloss.") for s in network.program.steps) == 1
    expected = np.concatenate([module(one[None]).detach().numpy() for one in x])
    np.testing.assert_allclose(predict(network, x.numpy()), expected, rtol=0, atol=1e-12)
    j = jacobian(module, x)
    found = zl.tangent.kernel(network, x.numpy())
    np.testing.assert_allclose(found, np.einsum("iap,jbp->ijab", j, j), rtol=1e-10, atol=1e-12)


def test_steps_cost_nothing_in_the_program():
    module = layer("lstm")[0]
    lengths = [len(export_program(module, torch.zeros(1, n, 3, dtype=torch.float64))[0].steps) for n in (2, 300)]
    assert lengths[0] == lengths[1] < 10


class Packed(nn.Module):
    """The layer on the first steps of a padded sequence, as many as its last column counts."""

    def __init__(self, total=True):
        super().__init__()
        self.rnn = nn.GRU(2, 4, batch_first=True, bidirectional=True).double()
        self.head, self.total = nn.Linear(16, 2).double(), total

    def forward(self, x):
        lengths = (x[..., 2] > 0).sum(1)
        packed = packing.pack_padded_sequence(x[..., :2], lengths.cpu(), batch_first=True, enforce_sorted=False)
        out, end = self.rnn(packed)
        padded, _ = packing.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1] if self.total else None)
        return self.head(torch.cat([padded.sum(1), end.transpose(0, 1).flatten(1)], 1))


@pytest.mark.slow
def test_packed_sequences():
    torch.manual_seed(0)
    module, x = Packed().eval(), torch.randn(3, 5, 3, dtype=torch.float64)
    x[..., 2] = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    network = zl.from_torch(module, x)
    np.testing.assert_allclose(predict(network, x.numpy()), module(x).detach().numpy(), rtol=0, atol=1e-12)
    j = jacobian(module, x)
    np.testing.assert_allclose(
        zl.tangent.kernel(network, x.numpy()), np.einsum("iap,jbp->ijab", j, j), rtol=1e-10, atol=1e-12
    )
    with pytest.raises(InputError, match="total_length="):
        zl.from_torch(Packed(total=False).eval(), x)


def longdouble(module, x):
    """The last hidden state of a one-layer LSTM, GRU or tanh layer at one example, with 64 bits of precision."""
    w_ih, w_hh, b_ih, b_hh = (p.detach().numpy().astype(np.longdouble) for p in module.rnn.parameters())
    h = c = np.zeros(w_hh.shape[1], np.longdouble)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for row in x.numpy().astype(np.longdouble):
        a, b = w_ih @ row + b_ih, w_hh @ h + b_hh
        if isinstance(module.rnn, nn.LSTM):
            i, f, g, o = np.split(a + b, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        elif isinstance(module.rnn, nn.GRU):
            (r, z, n), (rh, zh, nh) = np.split(a, 3), np.split(b, 3)
            z = sigmoid(z + zh)
            h = (1 - z) * np.tanh(n + sigmoid(r + rh) * nh) + z * h
        else:
            h = np.tanh(a + b)
    return h


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (nn.GRU, True),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [(nn.LSTM, True), (nn.LSTM, False), (nn.GRU, False), (nn.RNN, True)]
        ),
    ],
)
def test_the_bound_on_rounding_holds(kind, first):
    """Rounded weights, 40 steps: the error bound is above the true error and of its order."""
    torch.manual_seed(0)
    module = Layer(kind, batch_first=first).eval()
    x = torch.randn(3, 40, 3, dtype=torch.float64)
    network = zl.from_torch(module, x)
    h, error = readout_features(network, find_readout(network.program), x.numpy().reshape(3, -1))
    gap = np.abs(h - np.stack([longdouble(module, one) for one in x]).astype(np.longdouble))
    assert (gap <= error).all()
    assert error.max() < 1e-11


def test_training_mode_between_layers_is_refused():
    module = Layer(nn.LSTM, num_layers=2, dropout=0.5)
    with pytest.raises(InputError, match=r"call module.eval\(\)"):
        zl.from_torch(module, torch.randn(3, 5, 3, dtype=torch.float64))
