"""Audits: a Hessian product against PyTorch's, and the price of whole audits against what they took.

python benchmarks/audit.py                       # all networks: some ten minutes, 4 GB
python benchmarks/audit.py --only mlp --skip-audits

Needs PyTorch. The products are compared before they are timed (float32: 1e-4 of their norm). Each audit runs in a process of its
own, so that its peak memory is its own; Python with JAX and PyTorch takes .5 to 1 GB of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

EXAMPLES, CLASSES, ROUNDS = 128, 10, 5
HERE = Path(__file__).resolve()


def resnet():
    """ResNet-18 on 3 x 32 x 32 images, 11.2 million parameters."""
    sys.path.insert(0, str(HERE.parents[1] / "tests" / "networks"))
    from torch_modules import ResNet18

    return ResNet18(CLASSES, width=64), (3, 32, 32)


def convolutional():
    """Two convolutions and two dense layers, 8.5 million parameters."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(64, 128, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8192, 1024), nn.ReLU(), nn.Linear(1024, CLASSES),
    ), (3, 32, 32)  # fmt: skip


def mlp():
    """Two hidden layers of 2,048, 10.5 million parameters."""
    from torch import nn

    return nn.Sequential(
        nn.Linear(3072, 2048), nn.Tanh(), nn.Linear(2048, 2048), nn.Tanh(), nn.Linear(2048, CLASSES)
    ), (3072,)  # fmt: skip


NETWORKS = {"resnet": resnet, "convolutional": convolutional, "mlp": mlp}


def made(name: str):
    """The module in evaluation mode, its start, and data."""
    import torch

    import zeroloss as zl

    torch.manual_seed(0)
    module, shape = NETWORKS[name]()
    start, _ = NETWORKS[name]()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((EXAMPLES + 32, *shape)).astype(np.float32)
    labels = np.arange(len(x)) % CLASSES
    data = zl.from_arrays(x[:EXAMPLES], labels[:EXAMPLES], x_test=x[EXAMPLES:], y_test=labels[EXAMPLES:])
    return module.eval(), start.eval(), data, torch.tensor(x[:EXAMPLES])


def products(name: str) -> None:
    """One Hessian product of the squared loss on 128 examples, as an audit takes it, and PyTorch's two ways."""
    import torch

    import zeroloss as zl
    from zeroloss.audit.curvature import Hessian

    module, _, data, x = made(name)
    y = torch.tensor(data.y_train, dtype=torch.float32)
    weights = {k: p.detach() for k, p in module.named_parameters()}
    ours = Hessian(zl.from_torch(module, data, layers=False), data.x_train, data.y_train, "squared")
    flat = np.random.default_rng(1).standard_normal(ours.size).astype(np.float32)
    direction, at = {}, 0
    for key in sorted(weights):  # the order in which JAX flattens a dictionary
        direction[key] = torch.tensor(flat[at : at + weights[key].numel()].reshape(weights[key].shape))
        at += weights[key].numel()
    direction = {key: direction[key] for key in weights}

    def loss(w):
        return 0.5 * (torch.func.functional_call(module, w, (x,)) - y).square().sum(1).mean()

    def forward_over_reverse(_):
        return torch.func.jvp(torch.func.grad(loss), (weights,), (direction,))[1]

    live = {k: p.clone().requires_grad_() for k, p in weights.items()}

    def reverse_twice(_):
        names = list(live)
        first = torch.autograd.grad(loss(live), [live[k] for k in names], create_graph=True)
        inner = sum((g * direction[k]).sum() for k, g in zip(names, first, strict=True))
        return dict(zip(names, torch.autograd.grad(inner, [live[k] for k in names]), strict=True))

    ways = {
        "zeroloss": ours.multiply,
        "torch.func.jvp of grad": forward_over_reverse,
        "torch, grad twice": reverse_twice,
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    own = ours.multiply(flat)
    for way, function in list(ways.items())[1:]:
        found = function(flat)
        theirs = np.concatenate([found[key].detach().numpy().ravel() for key in sorted(found)])
        assert np.linalg.norm(theirs - own) <= 1e-4 * np.linalg.norm(theirs), way
    for _ in range(ROUNDS):
        for way, function in ways.items():
            begun = time.perf_counter()
            function(flat)
            times[way].append(time.perf_counter() - begun)
    ratio = statistics.median(times["zeroloss"])
    line = [
        f"{way} {statistics.median(t):.2f} s ({min(t):.2f}-{max(t):.2f}), {statistics.median(t) / ratio:.2f}x"
        for way, t in times.items()
    ]
    print(f"{name}: {'; '.join(line)}", flush=True)


def audited(name: str) -> None:
    """The whole audit with its start, in this process; prints a line of JSON."""
    import zeroloss as zl

    module, start, data, _ = made(name)
    network, initial = zl.from_torch(module, data), zl.from_torch(start, data)
    price = zl.audit.priced(network, data, initial)
    begun = time.perf_counter()
    found = zl.audit(network, data, initial, measures="all", step_size=0.1)
    took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    unknown = sum(m.value is None for m in found.measures)
    said = {"priced_s": price.seconds, "priced_gb": price.bytes / 1e9, "took_s": took, "peak_gb": peak / 1e9}
    print(json.dumps(said | {"measures": len(found.measures), "not_known": unknown}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS, help="one network")
    parser.add_argument("--skip-audits", action="store_true", help="the products only")
    parser.add_argument("--audit", choices=NETWORKS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.audit:
        return audited(asked.audit)
    names = [asked.only] if asked.only else list(NETWORKS)
    print(f"A Hessian product on {EXAMPLES} examples; median (least-most) of {ROUNDS} rounds, and times zeroloss's")
    for name in names:
        products(name)
    if asked.skip_audits:
        return None
    print("Whole audits (measures='all', with the start): priced and taken")
    for name in names:
        done = subprocess.run([sys.executable, str(HERE), "--audit", name], capture_output=True, text=True, check=True)
        said = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name}: priced {said['priced_s']:.0f} s and {said['priced_gb']:.1f} GB; took {said['took_s']:.0f} s, peak of the process "
            f"{said['peak_gb']:.1f} GB; {said['measures'] - said['not_known']} of {said['measures']} measures known",
            flush=True,
        )
    return None


if __name__ == "__main__":
    main()
