"""Every torch operator that has a translation: values and vector-Jacobian products against torch's own."""

import jax
import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks.pytorch.export import export_program

torch = pytest.importorskip("torch")

from torch_operators import GROUPS, All  # noqa: E402


@pytest.mark.parametrize("kind", GROUPS)
def test_values_and_gradients(kind):
    check(GROUPS[kind])


def check(functions):
    """Both in float64; the module's answers are one example's at a time."""
    module = All(functions).eval()
    x = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    parts = [module.parts(one[None]) for one in x]
    sizes = [part.shape[1] for part in parts[0]]
    vs = [[torch.randn(p.shape, generator=torch.Generator().manual_seed(3 + i), dtype=p.dtype) for p in parts[i]] for i in (0, 1)]
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
            parts = [jax.numpy.zeros_like(v).at[:, a:b].set(v[:, a:b]) for a, b in zip(starts, starts[1:], strict=False)]
            return found, jax.lax.map(lambda u: back(u)[0], jax.numpy.stack(parts))

        found, own = map(np.asarray, both(parameters["p"], x.numpy(), v.numpy()))
    ends = np.cumsum(sizes)
    for name, start, end, gradient, ours in zip(functions, ends - sizes, ends, gradients, own, strict=True):
        np.testing.assert_allclose(found[:, start:end], wanted[:, start:end], rtol=1e-10, atol=1e-11, err_msg=name)
        atol = 1e-9 * max(1, np.abs(gradient).max())
        np.testing.assert_allclose(ours, gradient, rtol=1e-9, atol=atol, err_msg=f"gradient of {name}")
