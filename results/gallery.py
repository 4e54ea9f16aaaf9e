"""The figures of docs/gallery.md, with the settings that make them.

python results/gallery.py          # seconds; writes docs/gallery/*.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zeroloss import figures
from zeroloss.figures.files import write_figure
from zeroloss.minima.constructions import bound_table, bump_network, grid, line_table, network_table, plane_table

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
LINE, SIGNS = np.linspace(0, 1, 6), np.array([1.0, -1, -1, 1, 1, -1])
AXIS = np.linspace(0, 1, 1001)


def write(name: str, chart, width: int = 560) -> None:
    write_figure(FOLDER / f"{name}.png", chart, width=width, force=True)


def on_a_line() -> None:
    """One input: a hat and its sharpened forms, their sums through six points, and the network that computes one."""
    sharp = bump_network(LINE, SIGNS, 0.1, 0.9)
    layers = ["x", "hats, 3 units each", "6 bumps", "f(x)"]
    write("network", figures.network_diagram(network_table(sharp), layers))
    hats = {f"b = {b}": bump_network([0.5], [1.0], 0.1, b) for b in (0, 0.5, 0.9)}
    write("basis", figures.curves_on_line(line_table(hats, np.linspace(0.3, 0.7, 801))))
    sums = {"b = 0": bump_network(LINE, SIGNS, 0.1, 0), "b = 0.9": sharp}
    write("sums", figures.curves_on_line(line_table(sums, AXIS), {"x": LINE, "value": SIGNS}))


def in_the_plane() -> None:
    """Two inputs: bumps at 1, 3, 10 and 16 nodes of a grid, and two classifiers of its 16 random labels."""
    nodes = grid(4, 2)
    order = np.random.default_rng(0).permutation(16)
    for count in (1, 3, 10, 16):
        chosen = np.array([[0.5, 0.5]]) if count == 1 else nodes[order[:count]]
        network = bump_network(chosen, np.ones(count), 0.1, 1.0)
        write(f"plane-{count}", figures.map_on_plane(plane_table(network, 100)), 300)
    labels = np.where(np.random.default_rng(1).random(16) < 0.5, -1.0, 1.0)
    points = {"x1": nodes[:, 0], "x2": nodes[:, 1], "value": labels}
    for b in (1.0, 1.5):
        network = bump_network(nodes, labels, 1 / 6, b)
        write(f"map-{b:g}", figures.map_on_plane(plane_table(network, 96), points), 300)


def how_right() -> None:
    """The box bound on the accuracy and the share truly covered, in two and in five dimensions."""
    for d, low in ((2, 1.2), (5, 4.0)):
        threshold = np.linspace(low, d - 0.01, 80)
        write(f"bound-{d}", figures.accuracy_bound(bound_table([50, 10_000], threshold, d)))


def regression() -> None:
    """Zero training error on six points of a sine, and next to none of the sine, by three activations."""
    target = np.sin(2 * np.pi * AXIS) + 1
    values = np.sin(2 * np.pi * LINE) + 1
    for name in ("relu", "prelu(0.25)", "sigmoid"):
        table = line_table({f"network, {name}": bump_network(LINE, values, 0.1, 0.8, name)}, AXIS)
        table = {
            "x": [*AXIS.tolist(), *table["x"]],
            "value": [*target.tolist(), *table["value"]],
            "curve": ["target"] * len(AXIS) + table["curve"],
        }
        chart = figures.curves_on_line(table, {"x": LINE, "value": values})
        write(f"regression-{name.split('(')[0]}", chart)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    on_a_line()
    in_the_plane()
    how_right()
    regression()


if __name__ == "__main__":
    main()
