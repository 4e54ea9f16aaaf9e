"""`KinkWarning` counts the rows at which a choice among slopes, or among equal values, changes the derivative, and no others."""

import warnings

import pytest

import zeroloss as zl
from zeroloss.networks import KinkWarning

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional
X = torch.randn(3, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
X[1] = 0


class Net(nn.Module):
    """`b(f(a(x)))` whose bias is zero: at a row of zeros all hidden values are 0 and their derivatives are not."""

    def __init__(self, f, hidden=6):
        super().__init__()
        torch.manual_seed(1)
        self.a, self.f, self.b = nn.Linear(4, hidden), f, nn.Linear(6, 2)
        nn.init.zeros_(self.a.bias)

    def forward(self, x):
        return self.b(self.f(self.a(x)))


def warned(f, x=X, **options):
    """The text of the warning that counts rows, or ""."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        zl.from_torch(Net(f, **options).double().eval(), x)
    texts = [str(w.message) for w in found if issubclass(w.category, KinkWarning)]
    return " ".join(text for text in texts if text.startswith("rows of the example"))


def wide(f):
    return lambda z: f(z).expand(-1, 6)


TIES = {
    "relu": (functional.relu, "relu"),
    "elu": (lambda z: functional.elu(z, 0.5), "elu"),
    "selu": (functional.selu, "elu|selu"),
    "sort": (lambda z: z.sort(1)[0], "sort"),
    "topk": (lambda z: z.topk(6, 1)[0], "topk"),
    "topk of few": (lambda z: z.topk(2, 1)[0].repeat(1, 3), "topk"),
    "kthvalue": (wide(lambda z: z.kthvalue(2, 1, keepdim=True)[0]), "kthvalue"),
    "median": (wide(lambda z: z.median(1, keepdim=True)[0]), "median"),
    "max": (wide(lambda z: z.max(1, keepdim=True)[0]), "max"),
    "min": (wide(lambda z: z.min(1, keepdim=True)[0]), "min"),
    "amax": (wide(lambda z: z.amax(1, keepdim=True)), "amax"),
    "aminmax": (wide(lambda z: z.aminmax(dim=1, keepdim=True)[1]), "aminmax|amax"),
    "cummax": (lambda z: z.cummax(1)[0], "cummax"),
    "max pool 1d": (lambda z: functional.max_pool1d(z[:, None], 2)[:, 0].repeat(1, 2), "max_pool"),
    "max pool 2d": (lambda z: functional.max_pool2d(z.reshape(-1, 1, 2, 3), 2, 1, 1).flatten(1)[:, :6], "max_pool"),
    "max pool 3d": (
        lambda z: functional.max_pool3d(z.reshape(-1, 1, 1, 2, 3), (1, 2, 1)).flatten(1).repeat(1, 2),
        "max_pool",
    ),
    "adaptive": (lambda z: functional.adaptive_max_pool1d(z[:, None], 3)[:, 0].repeat(1, 2), "max_pool"),
    "scatter": (
        lambda z: torch.zeros_like(z).scatter_reduce(
            1, torch.zeros(z.shape, dtype=torch.int64), z, "amax", include_self=False
        ),
        "scatter_reduce",
    ),
    "maximum": (lambda z: torch.maximum(z, 2 * z), "maximum"),
    "norm": (wide(lambda z: z.norm(dim=1, keepdim=True)), "norm"),
    "largest": (wide(lambda z: z.norm(p=float("inf"), dim=1, keepdim=True)), "norm"),
    "std": (wide(lambda z: z.std(1, keepdim=True)), "std"),
    "distance": (lambda z: torch.cdist(z[:, None, :3], z[:, None, 3:])[:, 0].expand(-1, 6), "cdist"),
}
SILENT = {
    "relu of relu": lambda z: functional.relu(functional.relu(z - 1)),
    "pool of dead units": lambda z: functional.max_pool1d(functional.relu(z - 1)[:, None], 2)[:, 0].repeat(1, 2),
    "sort of dead units": lambda z: functional.relu(z - 1).sort(1)[0],
    "maximum of one value": lambda z: torch.maximum(z, z * 1),
    "topk of one value": lambda z: z[:, :1].expand(-1, 6).topk(6, 1)[0],
    "elu with one slope": functional.elu,
    "tie below the largest": lambda z: torch.cat([z * 0, z[:, :2] * 0, z[:, :1] + 1], 1).topk(1, 1)[0].expand(-1, 6),
}


@pytest.mark.parametrize("name", TIES)
def test_ties_are_counted(name):
    f, operator = TIES[name]
    text = warned(f)
    assert "(1 of 3 rows)" in text
    assert any(word in text.partition(". The derivatives")[0] for word in operator.split("|"))


@pytest.mark.parametrize("name", SILENT)
def test_a_choice_that_changes_nothing_is_no_kink(name):
    assert warned(SILENT[name]) == ""


@pytest.mark.parametrize("name", ["topk", "sort", "kthvalue", "median"])
def test_where_torch_has_no_rule_it_says_so(name):
    assert f"Which of equal values {name} takes" in warned(TIES[name][0])
    assert "Which of equal values" not in warned(TIES["max"][0])


@pytest.mark.slow
def test_away_from_zero_no_rule_speaks():
    x = X[[0, 2]]
    for f, _ in TIES.values():
        assert warned(f, x) == ""


def test_behind_a_recurrent_layer_kinks_are_counted():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.GRU(4, 3, bias=False, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.b(functional.relu(self.a(x)[0][:, -1]))

    x = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    x[1] = 0
    with pytest.warns(KinkWarning, match=r"relu \(1 of 3 rows\)"):
        zl.from_torch(Recurrent().eval(), x)


@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("start", [0.0, 5.0, -1.0])
def test_scattered_extremes_share_the_derivative_as_torch_does(included, start):
    def f(z):
        places = torch.zeros((len(z), 6), dtype=torch.int64)
        return (z * 0 + start).scatter_reduce(1, places, z, "amax", include_self=included) + 0 * z

    module = Net(f).double().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KinkWarning)
        network = zl.from_torch(module, X)
    (row,) = torch.autograd.grad(module(X[1:2])[0, 0], module.a.bias)
    (own,) = torch.autograd.grad(module(X[1:2])[0, 1], module.a.bias)
    found = zl.tangent.kernel_matrix(network, X[1:2].numpy(), trainable=["a.bias"])
    assert found[0, 1] == pytest.approx(float(row @ own), rel=1e-12, abs=1e-15)
