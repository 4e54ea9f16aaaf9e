"""The gradients of a converted module are torch's own: stops are kept, and what an export cannot see is refused."""

import warnings

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import KinkWarning, TorchNetwork
from zeroloss.plumbing import InputError

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


def torch_kernel(module, x):
    """`J J^T` from torch's own backward passes, one output at a time."""
    parameters, rows = [p for p in module.parameters() if p.requires_grad], []
    for row in x:
        for out in module(row[None]).reshape(-1):
            found = torch.autograd.grad(out, parameters, retain_graph=True, allow_unused=True)
            parts = [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters, strict=True)]
            rows.append(torch.cat([part.reshape(-1) for part in parts]))
    jacobian = torch.stack(rows).detach().numpy()
    return jacobian @ jacobian.T


class Stopped(nn.Module):
    """A body and a head, with a stop between them that is written in one of torch's many ways."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.how = nn.Linear(3, 8), nn.Linear(8, 2), how

    def forward(self, x):
        return self.head(getattr(self, self.how)(x))

    def detached(self, x):
        return torch.tanh(self.body(x)).detach()

    def straight_through(self, x):
        h = self.body(x)
        return h + (torch.round(h) - h).detach()

    def no_grad(self, x):
        with torch.no_grad():
            return torch.relu(self.body(x))

    def part_of_it(self, x):
        with torch.no_grad():
            h = torch.tanh(self.body(x))
            with torch.enable_grad():
                g = self.body(h[:, :3])
        return h + g

    def inference(self, x):
        with torch.inference_mode():
            h = torch.relu(self.body(x))
        return h.clone()

    def disabled(self, x):
        with torch.set_grad_enabled(False):
            return torch.relu(self.body(x))

    def data(self, x):
        return torch.tanh(self.body(x)).data

    def weight(self, x):
        return torch.tanh(functional.linear(x, self.body.weight.detach(), self.body.bias))

    def one_branch(self, x):
        return torch.tanh(self.body(x)) * torch.sigmoid(self.body(x)).detach()

    def input(self, x):
        return torch.tanh(self.body(x.detach()))


STOPS = [
    "detached",
    "straight_through",
    "no_grad",
    "part_of_it",
    "inference",
    "disabled",
    "data",
    "weight",
    "one_branch",
]


@pytest.mark.parametrize("how", STOPS)
def test_a_stop_stops_here_too(how):
    module = Stopped(how).double().eval()
    x = torch.randn(4, 3, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    network = zl.from_torch(module, x)
    assert isinstance(network, TorchNetwork)
    found, expected = zl.tangent.kernel_matrix(network, x.numpy()), torch_kernel(module, x)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_what_is_stopped_everywhere_is_no_parameter_and_is_not_trained():
    module = Stopped("detached").double().eval()
    x = torch.randn(5, 3, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    network = zl.from_torch(module, x)
    assert network.parameter_names == ("head.weight", "head.bias")
    assert all(step.operator != "aten.detach.default" for step in network.program.steps)
    before = module.body.weight.detach().clone(), module.head.weight.detach().clone()
    fit = zl.descend(network, zl.from_arrays(x.numpy(), np.eye(5)[:, :2]), steps=3, step_size=1e-2)
    zl.to_torch(fit.network, module, x)
    assert torch.equal(module.body.weight, before[0]) and not torch.equal(module.head.weight, before[1])


def test_a_stop_that_stops_nothing_is_left_out():
    network = zl.from_torch(Stopped("input").eval(), torch.randn(3, 3))
    assert isinstance(network, zl.FeedForward)


def test_a_read_out_that_is_used_behind_a_stop_too_is_no_read_out():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.w = nn.Parameter(torch.randn(8, 8))

        def forward(self, x):
            return torch.tanh(x @ self.w.detach().t()) @ self.w.t()

    x = np.random.default_rng(0).standard_normal((4, 8))
    network = zl.from_torch(Tied().double().eval(), x)
    proof = zl.prove(network, (x, np.random.default_rng(1).standard_normal((4, 8))))
    assert proof.status.name == "UNKNOWN"


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return torch.sign(z)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * (z.abs() <= 1)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        return z.view_as(z)

    @staticmethod
    def backward(ctx, g):
        return -g


class Swish(torch.autograd.Function):
    """Written to save memory; its backward is the derivative."""

    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * torch.sigmoid(z)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        s = torch.sigmoid(z)
        return g * (s + z * s * (1 - s))


class Own(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.function = nn.Linear(3, 8), nn.Linear(8, 2), function

    def forward(self, x):
        return self.head(self.function(self.body(x)))


def hooked(h, factor):
    if h.requires_grad:
        h.register_hook(factor)
    return h


REFUSED = {
    "sign": (lambda: Own(Sign.apply), "Sign has a backward of its own"),
    "reversal": (lambda: Own(Reversed.apply), "Reversed has a backward of its own"),
    "scaled by a hook": (lambda: Own(lambda h: hooked(h, lambda g: 2 * g)), "a hook on a tensor"),
    "clipped by a hook": (lambda: Own(lambda h: hooked(h, lambda g: g.clamp(-1e4, 1e4))), "a hook on a tensor"),
    "fake quantisation": (
        lambda: Own(lambda h: torch.fake_quantize_per_tensor_affine(h, 0.1, 0, -8, 7)),
        "fake_quantize|gradients of the module",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_gradients_that_are_not_those_of_what_is_computed_are_refused(name):
    make, words = REFUSED[name]
    with pytest.raises(InputError, match=words):
        zl.from_torch(make().eval(), torch.randn(4, 3))


def test_hooks_on_modules_and_parameters_are_named():
    module = Own(torch.tanh).eval()
    module.head.register_full_backward_hook(lambda part, given, got: tuple(2 * g for g in given if g is not None))
    with pytest.raises(InputError, match="head has a backward hook"):
        zl.from_torch(module, torch.randn(4, 3, requires_grad=True))
    module = Own(torch.tanh).eval()
    module.body.weight.register_hook(lambda g: 3 * g)
    with pytest.raises(InputError, match=r"body\.weight: body\.weight has a hook on its gradient"):
        zl.from_torch(module, torch.randn(4, 3))


def test_a_backward_of_ones_own_that_is_the_derivative_is_taken():
    module, x = Own(Swish.apply).double().eval(), torch.randn(3, 3, dtype=torch.double)
    found = zl.tangent.kernel_matrix(zl.from_torch(module, x), x.numpy())
    assert np.abs(found - torch_kernel(module, x)).max() <= 1e-12 * np.abs(found).max()


DRAW = iter(np.random.default_rng(0).standard_normal(1000).tolist())


class Small(nn.Module):
    """Answers of size 1e-6 or so, in one of several ways wrong for a network of one example."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.how = nn.Linear(3, 2), how

    def forward(self, x):
        z = self.a(x)
        z = z - z.mean(0) if self.how == "mixed" else z + next(DRAW) if self.how == "random" else z
        return 1e-6 * torch.tanh(z)


@pytest.mark.parametrize(("how", "words"), [("mixed", "one by one"), ("random", "otherwise")])
def test_tolerances_are_relative_to_how_much_the_answers_vary(how, words):
    with pytest.raises(InputError, match=words):
        zl.from_torch(Small(how).eval(), torch.randn(4, 3))


def test_a_wrong_operator_is_noticed_behind_a_read_out_of_zeros(monkeypatch):
    import jax.numpy as jnp

    from zeroloss.networks.pytorch import OPERATORS

    module = nn.Sequential(nn.Linear(3, 4), nn.Softsign(), nn.Linear(4, 2)).eval()
    nn.init.zeros_(module[2].weight)
    assert zl.from_torch(module, torch.randn(3, 3)) is not None
    monkeypatch.setitem(OPERATORS, "aten.div.Tensor", lambda x, y: jnp.divide(x, y) * (1 + 1e-6))
    with pytest.raises(InputError, match=r"otherwise|gradients"):
        zl.from_torch(module, torch.randn(3, 3))


def at_zero(f):
    class AtZero(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)
            nn.init.zeros_(self.a.bias)

        def forward(self, x):
            return self.b(f(self.a(x)))

    return AtZero().double().eval()


KINKS = {
    "many": lambda z: (
        z.abs()
        + functional.leaky_relu(z, 0.2)
        + functional.relu6(z)
        + functional.hardtanh(z, 0, 1)
        + torch.sinc(z)
        + torch.atan2(z, z)
        + torch.pow(z.abs(), z.abs())
        + functional.hardswish(z - 3)
        + functional.hardsigmoid(z + 3)
    ),
    "norms": lambda z: torch.cat(
        [z.norm(p=p, dim=1, keepdim=True) for p in (1, 1.5, 3, 0.5)]
        + [z.std(1, keepdim=True), z.norm(p=float("inf"), dim=1, keepdim=True)],
        1,
    ),
    "distances": lambda z: torch.cat(
        [torch.cdist(z.reshape(-1, 2, 3), z.reshape(-1, 2, 3) * 1.0, p=p)[:, 0] for p in (1, 2, 3)], 1
    ),
    "two": lambda z: functional.logsigmoid(z) + torch.fmax(z, 2 * z) + torch.fmin(z, 3 * z),
}


@pytest.mark.parametrize("name", KINKS)
def test_derivatives_at_a_kink_are_those_of_torch(name):
    module = at_zero(KINKS[name])
    x = torch.randn(3, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    x[1] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KinkWarning)
        network = zl.from_torch(module, x)
    found, expected = zl.tangent.kernel_matrix(network, x.numpy()), torch_kernel(module, x)
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()


def test_hardtanh_with_the_usual_upper_end():
    module, x = at_zero(lambda z: functional.hardtanh(z, 0, 1)), 10 * torch.randn(8, 4, dtype=torch.double)
    with torch.no_grad():
        assert np.allclose(zl.predict(zl.from_torch(module, x), x.numpy()), module(x).numpy(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("act", [nn.LeakyReLU(0.2), nn.LeakyReLU()])
def test_a_chain_follows_torch_at_a_kink_too_and_says_so(act):
    module = at_zero(act)
    x = torch.randn(3, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    x[1] = 0
    with pytest.warns(KinkWarning, match=r"leaky_relu \(1 of 3 rows\)"):
        network = zl.from_torch(module, x)
    assert isinstance(network, zl.FeedForward)
    found, expected = zl.tangent.kernel_matrix(network, x.numpy()), torch_kernel(module, x)
    assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_what_descends_by_no_gradient_has_no_sharpness():
    x = np.random.default_rng(0).standard_normal((5, 3))
    data = zl.from_arrays(x, np.arange(5) % 2, scaling="none", test_fraction=0)
    network = zl.from_torch(Stopped("straight_through").eval(), data)
    assert network.stops and not zl.from_torch(Stopped("no_grad").eval(), data).stops
    found = zl.audit(network, data, measures="sharpness", points=2)
    (measure,) = [m for m in found.measures if m.name == "sharpness"]
    assert measure.value is None and "no Hessian" in measure.reason
