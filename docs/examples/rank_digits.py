"""Eight networks on digits, ranked by every measure that needs no start: the figure of docs/audit.md."""

import sys
from pathlib import Path

import zeroloss as zl
from zeroloss.figures.files import write_figure

data = zl.load_data("digits", n_train=300)
models = {}
for key, (width, steps) in enumerate(
    [(2, 300), (4, 300), (8, 300), (16, 300), (32, 300), (64, 100), (64, 400), (32, 30)]
):
    start = zl.MLP(64, 10, width=width, depth=2, key=key)
    models[f"width {width}, {steps} steps"] = zl.descend(start, data, steps=steps).network
ranking = zl.audit.rank(models, data)
print(ranking)
if len(sys.argv) > 1:
    write_figure(Path(sys.argv[1]), zl.figures.rank_correlations(ranking.table()), force=True)
