"""Every torch operator that has a translation: values and vector-Jacobian products against torch's own."""

import itertools

import jax
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks.pytorch import OPERATORS
from zeroloss.networks.pytorch.export import export_program

torch = pytest.importorskip("torch")

from torch_operators import GROUPS, All  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("kind", GROUPS)
def test_values_and_gradients(kind):
    check(GROUPS[kind])


def check(functions):
    """Both in float64; the module's answers are one example's at a time."""
    module = All(functions).eval()
    x = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    parts = [module.parts(one[None]) for one in x]
    sizes = [part.shape[1] for part in parts[0]]
    vs = [
        [torch.randn(p.shape, generator=torch.Generator().manual_seed(3 + i), dtype=p.dtype) for p in parts[i]]
        for i in (0, 1)
    ]
    sums = [sum((parts[i][k] * vs[i][k]).sum() for i in (0, 1)) for k in range(len(sizes))]
    gradients = [torch.autograd.grad(s, [module.p], retain_graph=True)[0].numpy() for s in sums]
    wanted = torch.cat([torch.cat(row, 1) for row in parts]).detach().numpy()
    v = torch.cat([torch.cat(row, 1) for row in vs])
    program, parameters, constants = export_program(module, x[:1])
    with zl.double():
        values = {("constant", k): jax.numpy.asarray(a) for k, a in constants.items()}

        def answers(p, batch):
            def one(row):
                known = {**values, ("parameter", "p"): p, ("input", ""): row[None]}
                return program.run(known, np.dtype("float64"))[0]

            return jax.vmap(one)(batch)

        @jax.jit
        def both(p, batch, v):
            found, back = jax.vjp(lambda p: answers(p, batch), p)
            starts = np.cumsum([0, *sizes])
            parts = [jax.numpy.zeros_like(v).at[:, a:b].set(v[:, a:b]) for a, b in itertools.pairwise(starts)]
            return found, jax.lax.map(lambda u: back(u)[0], jax.numpy.stack(parts))

        found, own = map(np.asarray, both(parameters["p"], x.numpy(), v.numpy()))
    ends = np.cumsum(sizes)
    for name, start, end, gradient, ours in zip(functions, ends - sizes, ends, gradients, own, strict=True):
        np.testing.assert_allclose(found[:, start:end], wanted[:, start:end], rtol=1e-10, atol=1e-11, err_msg=name)
        atol = 1e-9 * max(1, np.abs(gradient).max())
        np.testing.assert_allclose(ours, gradient, rtol=1e-9, atol=atol, err_msg=f"gradient of {name}")


class Choosing(torch.nn.Module):
    """One of two functions, by the data, and one of two more within it; of one example at a time."""

    def __init__(self):
        super().__init__()
        self.one, self.two = torch.nn.Linear(3, 2).double(), torch.nn.Linear(3, 2).double()

    def forward(self, x):
        if len(x) != 1:
            raise ValueError("one example at a time")

        def positive(x):
            return torch.cond(x.prod() > 0, lambda x: (torch.tanh(self.one(x)),), lambda x: (2 * self.one(x),), (x,))[0]

        return torch.cond(x.sum() > 0, lambda x: (positive(x),), lambda x: (self.two(x),), (x,))[0]


@pytest.mark.slow
def test_branches_that_depend_on_the_data():
    torch.manual_seed(0)
    module = Choosing().eval()
    x = torch.tensor([[1.0, 2, 3], [-1, 2, 3], [-1, -2, -3]], dtype=torch.float64)
    network = zl.from_torch(module, x)
    wanted = torch.stack([module(one[None])[0] for one in x]).detach().numpy()
    np.testing.assert_allclose(zl.predict(network, x.numpy()), wanted, rtol=1e-12)


class Strided(torch.nn.Module):
    def forward(self, x):
        return x[:, 1:].as_strided((1, 3), (3, 1), 0) * torch.nn.functional.relu(x.sum())


def test_memory_beyond_a_tensor_is_refused():
    module = torch.nn.Sequential(torch.nn.Linear(4, 4), Strided()).eval()
    with pytest.raises(zl.plumbing.InputError, match="as_strided"):
        zl.from_torch(module, torch.randn(2, 4))
    assert "aten.as_strided.default" in OPERATORS


@pytest.mark.parametrize("module_last", [False, True])
def test_pooling_of_channels_last(module_last):
    """torch pools these by strides; nothing of it is left in the program."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    ).eval()
    x = torch.randn(3, 8, 8, 3).permute(0, 3, 1, 2)
    if module_last:
        module, x = module.to(memory_format=torch.channels_last), x.contiguous()
    network = zl.from_torch(module, x)
    assert "aten.as_strided.default" not in network.program.operators()
    np.testing.assert_allclose(zl.predict(network, x.numpy()), module(x).detach().numpy(), rtol=0, atol=1e-6)
