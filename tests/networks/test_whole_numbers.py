"""Whole numbers in a converted module are those of torch: 64 bits, and every place within its table, or a sentence."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import load_network, save_network
from zeroloss.plumbing import InputError

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional
TOKENS = torch.arange(4).repeat(5, 1).flip(1).contiguous()


class Net(nn.Module):
    def __init__(self, f):
        super().__init__()
        torch.manual_seed(0)
        self.f, self.head, self.table = f, nn.Linear(4, 2), nn.Embedding(7, 4)
        self.register_buffer("ids", torch.arange(4))

    def forward(self, x):
        return self.head(self.f(self, x).to(self.head.weight.dtype))


def fill(x):
    return torch.zeros(len(x), 4)


TABLES = {
    "one_hot": lambda m, x: functional.one_hot(x, 4).sum(1),
    "one_hot by keyword": lambda m, x: functional.one_hot(x + 0, num_classes=4).sum(1),
    "embedding": lambda m, x: nn.functional.embedding(x, m.table.weight[:4]).sum(1),
    "gather": lambda m, x: m.table.weight[:1].expand(len(x), 4).gather(1, x),
    "take": lambda m, x: torch.take(m.table.weight[0], x),
    "index_select": lambda m, x: m.table.weight[:4].index_select(0, x.reshape(-1)).reshape(len(x), 4, 4).sum(1),
    "index": lambda m, x: m.table.weight[:4][x].sum(1),
    "scatter": lambda m, x: fill(x).scatter(1, x, 1.0),
    "scatter_add": lambda m, x: fill(x).scatter_add(1, x, fill(x) + 1),
    "scatter_reduce": lambda m, x: fill(x).scatter_reduce(1, x, fill(x) + 1, "amax"),
    "index_add": lambda m, x: fill(x).index_add(1, x.reshape(-1), torch.ones(len(x), 4)),
    "index_copy": lambda m, x: fill(x).index_copy(1, x.reshape(-1), torch.ones(len(x), 4)),
    "index_fill": lambda m, x: fill(x).index_fill(1, x.reshape(-1), 1.0),
    "index_put": lambda m, x: torch.zeros(4).index_put((x.reshape(-1),), torch.ones(4), accumulate=True)[None],
    "behind a parameter": lambda m, x: m.table.weight[:4][(x * (1 + 0 * m.table.weight[0, 0])).long()].sum(1),
}
MIXING = {"index_add", "index_copy", "index_fill", "index_put"}
"""Of one example only."""


@pytest.mark.parametrize("name", TABLES)
def test_places_beyond_a_table_are_refused_as_torch_does(name):
    module, x = Net(TABLES[name]).eval(), TOKENS[:1]
    network = zl.from_torch(module, x)
    assert np.allclose(zl.predict(network, x.numpy()), module(x).detach().numpy(), atol=1e-6)
    for token in (4, 9, -9):
        bad = torch.cat([x, x]) if name not in MIXING else x.clone()
        bad[-1, 2] = token
        with pytest.raises((IndexError, RuntimeError)):
            module(bad[-1:])
        with pytest.raises(InputError, match=f"row {len(bad) - 1} of the inputs looks up entry {token} of a table"):
            zl.predict(network, bad.numpy())


def test_take_along_dim_counts_round_as_in_torch():
    module = Net(lambda m, x: torch.take_along_dim(m.table.weight[:1].expand(len(x), 4), x, dim=1)).eval()
    network, beyond = zl.from_torch(module, TOKENS), 3 * TOKENS - 9
    assert np.allclose(zl.predict(network, beyond.numpy()), module(beyond).detach().numpy(), atol=1e-6)


def test_a_comparison_with_all_numbers_is_no_table():
    network = zl.from_torch(Net(lambda m, x: (x[..., None] == torch.arange(4)).sum(1)).eval(), TOKENS)
    assert (zl.predict(network, 9 + 0 * TOKENS.numpy()) == zl.predict(network, 8 + 0 * TOKENS.numpy())).all()


LARGE = {
    "products": lambda m, x: (x * 65536 * 65536) // 65536,
    "cumsum": lambda m, x: (x * 10**9).cumsum(1) // 10**9,
    "sum": lambda m, x: (x * 2**30).sum(1, keepdim=True) // 2**30 + x,
    "power": lambda m, x: (x + 1000) ** 4 // 10**9,
    "hash": lambda m, x: m.table((x * 2654435761) % 7).sum(1),
    "cast": lambda m, x: m.table((x.to(m.head.weight.dtype) * 1e9).long() % 7).sum(1),
    "buffer": lambda m, x: (m.ids * 2**31) // 2**30 + x,
    "buffer times numbers": lambda m, x: (m.ids * 65536 * 65536) // 2**30 + x,
    "sentinel": lambda m, x: torch.where(x > 1, x, torch.full_like(x, 2**40)) // 2**39,
}


@pytest.mark.parametrize("name", LARGE)
def test_whole_numbers_of_64_bits(name, tmp_path):
    with pytest.raises(InputError, match=r"2\^31.*module\.double\(\)"):
        zl.from_torch(Net(LARGE[name]).eval(), TOKENS)
    module = Net(LARGE[name]).double().eval()
    network = zl.from_torch(module, TOKENS)
    expected = module(TOKENS).detach().numpy()
    assert np.allclose(zl.predict(network, TOKENS.numpy()), expected, rtol=1e-12)
    save_network(tmp_path / "whole.npz", network)
    assert np.allclose(zl.predict(load_network(tmp_path / "whole.npz"), TOKENS.numpy()), expected, rtol=1e-12)


def test_rows_that_come_later_are_looked_at_too():
    module = Net(lambda m, x: m.table((x * 65536) % 7).sum(1)).eval()
    network = zl.from_torch(module, TOKENS)
    later = TOKENS.clone()
    later[3, 1] = 65536
    with pytest.raises(InputError, match=r"at row 3 of the inputs .* 4294967296 \(mul\)"):
        zl.predict(network, later.numpy())
    later[3, 1] = 32767
    assert np.allclose(zl.predict(network, later.numpy()), module(later).detach().numpy(), atol=1e-6)


def test_thirty_two_bits_that_torch_has_too_wrap_as_there():
    module = Net(lambda m, x: m.table((x.int() * 2**30) % 7).sum(1)).eval()
    network = zl.from_torch(module, TOKENS)
    assert np.allclose(zl.predict(network, TOKENS.numpy()), module(TOKENS).detach().numpy(), atol=1e-6)
