"""Before training, of a converted torch module: does zero loss exist?"""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import TorchNetwork
from zeroloss.verdict import Status

torch = pytest.importorskip("torch")
nn = torch.nn
N = 12
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 1, 8, 8)).astype(np.float32)
Y = RNG.standard_normal((N, 2))


def convolutional(width, *rest):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(108, width), nn.ReLU(), nn.Linear(width, 2), *rest
    ).eval()  # fmt: skip


def certified(module, x=X, **options):
    network = zl.from_torch(module, x)
    assert isinstance(network, TorchNetwork)
    return zl.certify(network, (x.reshape(len(x), -1), Y[: len(x)]), **options)


def test_a_wide_readout_fits_any_targets():
    module = convolutional(40)
    found = certified(module).verdicts
    assert found["exists"].status is Status.PROVED and found["generic"].status is Status.PROVED
    features = module[:-1](torch.tensor(X)).detach().double().numpy()
    matrix = np.column_stack([features, np.ones(N)])
    smallest = np.linalg.svd(matrix, compute_uv=False)[-1]
    assert 0.99 * smallest < found["exists"].evidence["singular_value_lower"] <= smallest * (1 + 1e-6)
    weights = np.linalg.lstsq(matrix, Y, rcond=None)[0]
    np.testing.assert_allclose(matrix @ weights, Y, atol=1e-9)


@pytest.mark.slow
def test_only_what_is_trained_counts():
    assert certified(convolutional(11)).verdicts["exists"].status is Status.PROVED  # 11 and the bias
    narrow = certified(convolutional(10)).verdicts["exists"]
    assert narrow.status is Status.UNKNOWN and "11 weights per output, 1 fewer" in narrow.reason
    without = certified(convolutional(11), trainable=["6.weight", "0"]).verdicts["exists"]
    assert without.status is Status.UNKNOWN and "11 weights per output, 1 fewer" in without.reason
    frozen = certified(convolutional(40), trainable="0").verdicts["exists"]
    assert frozen.status is Status.UNKNOWN and "its read-out is not trained" in frozen.reason


@pytest.mark.slow
def test_never_where_it_is_not_so():
    alike = np.concatenate([X[:11], X[:1] + np.float32(1e-7)])  # nearly a repeat: independent by less than rounding
    near = certified(convolutional(40), alike).verdicts["exists"]
    assert near.status is Status.UNKNOWN and "lost in rounding" in near.reason
    twice = np.concatenate([X[:11], X[:1]])
    clash = certified(convolutional(40), twice).verdicts["exists"]
    assert clash.status is Status.REFUTED and clash.reason.startswith("1 group of equal inputs has")
    bounded = certified(convolutional(40, nn.Tanh())).verdicts["exists"]  # answers between -1 and 1
    assert bounded.status is Status.UNKNOWN and "not known to end in a linear read-out" in bounded.reason
