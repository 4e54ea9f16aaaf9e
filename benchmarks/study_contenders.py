"""What a user writes today for the XOR network: a PyTorch loop over seeds, full batch, until the loss is zero."""

from __future__ import annotations

import time

import numpy as np


def torch_seed(weights: np.ndarray, x: np.ndarray, labels: np.ndarray, gamma: float, step_size: float, most: int):
    """Train one network from `weights` (2, k, 2) on `x` (m, 2 d): (steps, weights, seconds).

    In float64: in float32 its sums over many filters round, and it stops up to 3 % early. The loss is
    `mean_positives max(gamma - N, 0) + mean_negatives max(1 + N, 0)`; it stops where that, or its gradient, is zero.
    """
    import torch

    points = torch.tensor(x.reshape(len(x), -1, 2), dtype=torch.float64)
    positive = torch.tensor(labels > 0)
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([w], lr=step_size)
    began = time.perf_counter()
    steps = 0
    while steps < most:
        response = torch.relu(torch.einsum("gkc,mdc->gmkd", w, points)).amax(3).sum(2)
        n = response[0] - response[1]
        loss = torch.relu(gamma - n[positive]).mean() + torch.relu(1 + n[~positive]).mean()
        optimiser.zero_grad()
        loss.backward()
        if loss.item() == 0 or not w.grad.any():
            break
        optimiser.step()
        steps += 1
    return steps, w.detach().numpy(), time.perf_counter() - began


def burn(parameters, keys):
    """A trial that keeps one core busy for 20 ms a key, whatever the machine does with several."""
    found = []
    for key in keys:
        until = time.process_time() + 0.02
        total = int(key)
        while time.process_time() < until:
            total = (total * 1103515245 + 12345) % 2**31
        found.append(float(key))
    return {"y": found}


def nothing(parameters, keys):
    """A trial that takes no time."""
    return {"y": keys * 1.0, "z": keys * 0.5}
