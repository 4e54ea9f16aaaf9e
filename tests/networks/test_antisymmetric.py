"""The antisymmetric network: answers 0 at the start, signs, the kernel of a network without the pairing."""

import numpy as np
import pytest

from zeroloss.networks import AntisymmetricMLP, load_network, predict, save_network
from zeroloss.plumbing import InputError, double
from zeroloss.tangent import kernel

X = np.random.default_rng(0).standard_normal((5, 6))


@pytest.mark.parametrize("depth", [1, 2])
def test_answers_are_zero_and_the_readout_is_signs_in_pairs(depth):
    net = AntisymmetricMLP(6, 3, 8, depth, key=3)
    assert abs(predict(net, X)).max() < 1e-14
    readout, last = np.asarray(net.weights[-1]), np.asarray(net.weights[-2])
    assert set(readout.ravel()) == {-1.0, 1.0} and (readout[:, ::2] == -readout[:, 1::2]).all()
    assert (last[::2] == last[1::2]).all() and len(np.unique(last[::2], axis=0)) == 4


def test_the_hidden_kernel_is_that_of_the_definition():
    net = AntisymmetricMLP(6, 1, 64, 1, key=1)
    slopes = 1 - np.tanh(X @ np.asarray(net.weights[0]).T / np.sqrt(6)) ** 2
    wanted = (X @ X.T / 6) * (slopes @ slopes.T / 64)
    np.testing.assert_allclose(kernel(net, X, trainable="hidden")[..., 0, 0], wanted, rtol=1e-10)


def test_restarts_precision_and_files(tmp_path):
    net = AntisymmetricMLP(6, 1, 8, 1, dtype="float32", key=1)
    again = net.restarted(1)
    assert again.dtype == np.float32 and (again.weights[0] == net.weights[0]).all()
    assert not (net.restarted(2).weights[0] == net.weights[0]).all()
    with double():
        wide = AntisymmetricMLP(6, 1, 8, 1, key=1)
    np.testing.assert_array_equal(np.asarray(wide.weights[0], np.float32), net.weights[0])
    back = load_network(save_network(tmp_path / "net.npz", wide))
    np.testing.assert_array_equal(predict(back, X), predict(wide, X))


@pytest.mark.parametrize(("width", "depth"), [(7, 1), (8, 0), ((8, 5), None)])
def test_what_cannot_be_paired_is_refused(width, depth):
    with pytest.raises(InputError, match="even number"):
        AntisymmetricMLP(6, 1, width, depth)
