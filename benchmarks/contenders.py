"""The same full-batch gradient descent, by zeroloss, PyTorch and scikit-learn.

Each contender starts from given weights; `losses(steps)` is `1/(2n) sum |f(x_i) - y_i|^2` after so many steps from there, and
`seconds(steps)` the mean time of a step of a run that is already compiled and warm.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import time
import warnings

import numpy as np


def have_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def fastest_threads(run) -> int:
    """1 or all cores, whichever makes `run(threads)` (seconds) shorter; small products are faster on one."""
    run(1)  # warm
    return min((1, os.cpu_count() or 1), key=lambda threads: min(run(threads) for _ in range(3)))


class Zeroloss:
    """`descend(..., method="gradient")`, one network or many seeds at once."""

    stacked = True

    def __init__(self, network, x, y, seeds: int | None):
        from zeroloss.descent import descend

        def run(steps, step_size=None):
            return descend(
                network, (x, y), step_size=step_size or self.step_size, steps=steps, tolerance=0, seeds=seeds
            )

        self._run = run
        self.step_size = float(
            descend(network, (x, y), steps=0).step_size
        )  # n / (largest eigenvalue of the tangent kernel)
        self._first = self._timed(1)

    def _timed(self, steps) -> float:
        began = time.perf_counter()
        self._run(steps)
        return time.perf_counter() - began

    def compile_seconds(self, steps: int) -> float:
        """What the first call took beyond a later one."""
        return max(0.0, self._first - min(self._timed(1), self._timed(1)))

    def losses(self, steps):
        return self._run(steps).loss

    def seconds(self, steps):
        """By the descent's own clock, from the first loss to the last."""
        history = self._run(steps).history
        return (history["seconds"][-1] - history["seconds"][0]) / (history["step"][-1] - history["step"][0])


class _Torch:
    """PyTorch with all threads, as it comes, or with one or all, whichever is faster here."""

    threads = 1

    def losses(self, steps):
        self._torch.set_num_threads(self.threads)
        return self._run(steps)[0]

    def seconds(self, steps):
        self._torch.set_num_threads(self.threads)
        return self._run(steps)[1] / steps

    def _choose(self):
        def run(threads):
            self._torch.set_num_threads(threads)
            return self._run(2)[1]

        self.threads = fastest_threads(run)


class TorchLoop(_Torch):
    """The loop a user would write: `nn.Sequential`, `nn.MSELoss`, `torch.optim.SGD`."""

    stacked = False

    def __init__(self, network, x, y, step: float, tuned: bool):
        import torch

        self._torch, self._network = torch, network
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self._half = y.shape[1] / 2  # MSELoss is a mean over the outputs too, without the half
        self._step = step
        self.threads = os.cpu_count() or 1
        if tuned:
            self._choose()

    def _run(self, steps):
        torch = self._torch
        model = torch_model(self._network)
        criterion, optimizer = torch.nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=self._step * self._half)
        began = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            loss = criterion(model(self._x), self._y)
            loss.backward()
            optimizer.step()
        took = time.perf_counter() - began
        with torch.no_grad():
            return float(criterion(model(self._x), self._y)) * self._half, took


def torch_model(network):
    """An `nn.Sequential` with the weights of a network in the standard parametrisation."""
    import torch

    layers: list = []
    for w, b in zip(network.weights, network.biases, strict=True):
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=getattr(torch, str(w.dtype)))
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(np.asarray(w)))
            linear.bias.copy_(torch.tensor(np.asarray(b)))
        layers += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


class TorchStacked(_Torch):
    """Many networks at once: `vmap` of `functional_call` over stacked states, or batched products with autograd."""

    stacked = True

    def __init__(self, networks, x, y, step: float, how: str):
        import torch

        self._torch, self._step = torch, step
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self._models = [torch_model(network) for network in networks]
        self._run = {"vmap": self._vmap, "bmm": self._bmm}[how]
        self._choose()

    def _vmap(self, steps):
        torch = self._torch
        base = self._models[0]
        weights, _ = torch.func.stack_module_state(self._models)
        weights = {name: leaf.detach() for name, leaf in weights.items()}

        def objective(weights):
            out = torch.func.functional_call(base, weights, (self._x,))
            return ((out - self._y) ** 2).sum() / (2 * len(self._y))

        gradient = torch.func.vmap(torch.func.grad(objective))
        began = time.perf_counter()
        for _ in range(steps):
            slopes = gradient(weights)
            weights = {name: leaf - self._step * slopes[name] for name, leaf in weights.items()}
        took = time.perf_counter() - began
        return torch.func.vmap(objective)(weights).numpy(), took

    def _bmm(self, steps):
        torch = self._torch
        linears = [[m for m in model if isinstance(m, torch.nn.Linear)] for model in self._models]
        weights = [
            torch.stack([m.weight.detach() for m in layer]).requires_grad_() for layer in zip(*linears, strict=True)
        ]
        biases = [
            torch.stack([m.bias.detach() for m in layer])[:, None].requires_grad_()
            for layer in zip(*linears, strict=True)
        ]
        optimizer = torch.optim.SGD([*weights, *biases], lr=self._step)

        def objective():
            h = self._x.expand(len(linears), *self._x.shape)
            for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
                h = torch.baddbmm(b, h, w.mT)
                h = torch.tanh(h) if layer < len(weights) - 1 else h
            return ((h - self._y) ** 2).sum((1, 2)) / (2 * len(self._y))

        began = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad()
            objective().sum().backward()
            optimizer.step()
        took = time.perf_counter() - began
        return objective().detach().numpy(), took


class SklearnLoop:
    """`MLPRegressor(solver="sgd", batch_size=n, momentum=0, alpha=0)`; an epoch is a step."""

    stacked = False

    def __init__(self, network, x, y, step: float):
        from sklearn.neural_network import MLPRegressor

        self._x, self._y, self._network = x, y, network
        self._model = MLPRegressor(
            hidden_layer_sizes=network.widths,
            activation="tanh",
            solver="sgd",
            alpha=0.0,
            batch_size=len(x),
            learning_rate_init=step,
            momentum=0.0,
            nesterovs_momentum=False,
            shuffle=False,
            max_iter=1,
            tol=0.0,
            n_iter_no_change=10**9,
            warm_start=True,
            random_state=0,
        )
        with self._quiet():
            self._model.fit(x, y)  # makes the arrays that the weights are put into
        self.threads = 1
        self.threads = fastest_threads(lambda threads: self._fit(2, threads))

    @staticmethod
    @contextlib.contextmanager
    def _quiet():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged; it was not meant to
            yield

    def _fit(self, steps, threads=None) -> float:
        from threadpoolctl import threadpool_limits

        self._model.coefs_ = [np.array(w).T.copy() for w in self._network.weights]
        self._model.intercepts_ = [np.array(b) for b in self._network.biases]
        self._model.set_params(max_iter=steps)
        with self._quiet(), threadpool_limits(threads or self.threads):
            began = time.perf_counter()
            self._model.fit(self._x, self._y)
            return time.perf_counter() - began

    def losses(self, steps):
        self._fit(steps)
        return 0.5 * float(((self._model.predict(self._x) - self._y) ** 2).sum()) / len(self._y)

    def seconds(self, steps):
        return self._fit(steps) / steps
