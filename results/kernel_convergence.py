"""Finite tangent kernels against infinite width: the table, the slope and the figure that docs/tangent-kernel.md shows.

    python results/kernel_convergence.py            # about half a minute; writes kernel_convergence.csv and the figure

Two hidden layers, tanh, NTK parametrisation, 40 digits, 20 seeds a width.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import zeroloss as zl
from zeroloss.figures.files import write_figure
from zeroloss.plumbing import write_whole
from zeroloss.tangent import convergence, convergence_rate

HERE = Path(__file__).parent
WIDTHS, SEEDS = (64, 128, 256, 512, 1024, 2048), range(20)


def main() -> None:
    data = zl.load_data("digits")
    network = zl.MLP(data.in_size, 1, 64, 2, "tanh", key=0)
    table = convergence(network, data.x_train[:40], WIDTHS, SEEDS)
    rate = convergence_rate(table)
    print(f"slope {rate.slope:.3f}, 95 % interval [{rate.lower:.3f}, {rate.upper:.3f}] from {rate.seeds} seeds")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    write_whole(HERE / "kernel_convergence.csv", text.getvalue(), force=True)
    figure = zl.figures.kernel_convergence(table)
    write_figure(HERE.parent / "docs" / "kernel-convergence.png", figure, force=True)


if __name__ == "__main__":
    main()
