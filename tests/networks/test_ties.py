"""Parameters of a torch module that are one: by their memory, under whatever names."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError

torch = pytest.importorskip("torch")
nn = torch.nn

from zeroloss.networks.pytorch.ties import module_ties, tied_names  # noqa: E402

SIZE = 6


class Two(nn.Module):
    """Two layers, tied as `tie` says."""

    def __init__(self, tie):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.unused = nn.Linear(SIZE, SIZE), nn.Linear(SIZE, SIZE), nn.Linear(1, 1)
        tie(self)

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


def same_object(m):
    m.b.weight = m.a.weight


def same_memory(m):
    m.b.weight.data = m.a.weight.data


def same_bias(m):
    m.b.bias.data = m.a.bias.data


def halves(m, start=SIZE):
    rows = torch.randn(2 * SIZE, SIZE) / 2
    m.a.weight.data, m.b.weight.data = rows[:SIZE], rows[start : start + SIZE]


def columns(m):
    wide = torch.randn(SIZE, 2 * SIZE) / 2
    m.a.weight.data, m.b.weight.data = wide[:, :SIZE], wide[:, SIZE:]


def turned(m):
    m.b.weight.data = m.a.weight.data.t()


def overlapping(m):
    halves(m, 2)


def within(m):
    m.b.bias.data = m.a.weight.data[0]


def expanded(m):
    m.b.bias.data = torch.zeros(1).expand(SIZE)


def frozen(m):
    same_memory(m)
    m.a.weight.requires_grad_(False)


def buffer(m):
    m.register_buffer("copy", m.b.weight.data)


def attribute(m):
    m.kept = m.b.weight.data
    m.forward = lambda x: m.b(torch.tanh(m.a(x) @ m.kept))


@pytest.mark.parametrize(
    ("tie", "names"), [(same_object, ("weight",)), (same_memory, ("weight",)), (same_bias, ("bias",))]
)
def test_one_parameter_is_one_leaf(tie, names):
    module = Two(tie).eval()
    ties = module_ties(module)
    assert {name for name, first in ties.items() if name != first} == {f"b.{n}" for n in names}
    x = np.random.default_rng(0).standard_normal((4, SIZE)).astype(np.float32)
    network = zl.from_torch(module, x)
    assert not isinstance(network, FeedForward)
    first = {name for name in ties if ties[name] == name and not name.startswith("unused")}
    assert {name for kind, name in network.program.inputs if kind == "parameter"} == first
    with zl.double():
        moved = {k: np.asarray(v, np.float64) + 0.25 for k, v in network.parameters.items()}
    import equinox as eqx

    wide = eqx.tree_at(lambda n: n.parameters, network, moved)
    zl.to_torch(wide, module)  # float64 now, and still one in memory
    for name in names:
        first, second = getattr(module.a, name), getattr(module.b, name)
        assert first.data_ptr() == second.data_ptr() and first.dtype == torch.float64
        assert np.array_equal(first.detach().numpy(), moved[f"a.{name}"])
    assert all(np.array_equal(dict(module.named_parameters())[k].detach().numpy(), v) for k, v in moved.items())


@pytest.mark.parametrize("tie", [halves, columns, lambda m: None])
def test_memory_of_ones_own_in_one_block_is_two_parameters(tie):
    ties = module_ties(Two(tie))
    assert all(name == first for name, first in ties.items())


@pytest.mark.parametrize(
    ("tie", "words"),
    [
        (turned, "a.weight and b.weight share memory without being the same"),
        (overlapping, "a.weight and b.weight share memory without being the same"),
        (within, "a.weight and b.bias share memory without being the same"),
        (expanded, "entries of b.bias are one number in memory"),
        (frozen, "a.weight is not trained and lies in the same memory as b.weight"),
        (buffer, "copy is not trained and lies in the same memory as b.weight"),
        (attribute, "kept is not trained and lies in the same memory as b.weight"),
    ],
)
def test_memory_shared_otherwise_is_refused(tie, words):
    with pytest.raises(InputError, match=words):
        zl.from_torch(Two(tie).eval(), np.zeros((2, SIZE), np.float32))


def test_networks_of_two_leaves_are_not_written_into_one_parameter():
    x = np.random.default_rng(0).standard_normal((4, SIZE)).astype(np.float32)
    apart = Two(lambda m: None).eval()
    network = zl.from_torch(apart, x, layers=False)
    with pytest.raises(InputError, match="are one parameter of the module and two of the network"):
        zl.to_torch(network, Two(same_memory))


def test_what_is_not_trained_may_share():
    shared = torch.ones(5)
    names = tied_names({"one": shared, "two": shared[1:], "three": shared.expand(2, 5)}, moved=())
    assert names == {"one": "one", "two": "two", "three": "three"}
    assert tied_names({"none": torch.zeros(0), "other": torch.zeros(0)}, moved=("none", "other"))["other"] == "other"
