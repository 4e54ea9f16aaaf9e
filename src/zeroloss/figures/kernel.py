"""The spectrum of a tangent kernel and the enclosure of its smallest eigenvalue."""

from __future__ import annotations

from typing import Any

from zeroloss.figures.axes import finish, log_channel
from zeroloss.figures.palette import BLUE, VERMILLION
from zeroloss.figures.tables import columns, plain, rows

MOST = 700
"""So many eigenvalues are drawn at most; both ends are always among them."""


def spectrum(table: Any, lower: float | None = None, upper: float | None = None) -> Any:
    """Eigenvalues in descending order, on a logarithmic axis, with the enclosure `[lower, upper]` of `lambda_min`.

    An eigenvalue that is not positive has no place on a logarithmic axis and is left out; likewise the enclosure's
    end.

    Args:
        table: columns index (from 1) and eigenvalue.
        lower: enclosure of the smallest eigenvalue from below, and `upper` from above; None: not drawn.
    """
    import altair as alt

    cols = columns(table, ("index", "eigenvalue"), "spectrum")
    data = [r for r in rows(cols) if r["eigenvalue"] is not None and r["eigenvalue"] > 0]
    data = _thinned(sorted(data, key=lambda r: r["index"]))
    ends = [plain(float(v)) for v in (lower, upper) if v is not None and v > 0]
    y = log_channel(alt.Y, "eigenvalue", [r["eigenvalue"] for r in data] + ends, "eigenvalue (log scale)")
    count = max(cols["index"])
    x = alt.X(
        "index:Q",
        title="index, largest first",
        scale=alt.Scale(domain=[0, count * 1.01], nice=False),
        axis=alt.Axis(format=",d", tickCount=6),
    )
    base = alt.Chart(alt.Data(values=data)).encode(
        x=x,
        y=y,
        tooltip=[alt.Tooltip("index:Q", format=",d"), alt.Tooltip("eigenvalue:Q", format=".4g")],
    )
    layers = [base.mark_line(color=BLUE, strokeWidth=2.5)]
    if len(data) <= 60:
        layers.append(base.mark_point(color=BLUE, filled=True, size=30))
    if ends:
        layers += _enclosure(ends, y, both=len(ends) == 2)
    return finish(alt.layer(*layers))


def _enclosure(ends: list[float], y: Any, *, both: bool) -> list[Any]:
    import altair as alt

    label = ["smallest eigenvalue", "of the full kernel" if both else "of the full kernel: at most"]
    data = alt.Data(values=[{"eigenvalue": min(ends), "upper": max(ends), "label": label}])
    base = alt.Chart(data).encode(tooltip=[alt.Tooltip("eigenvalue:Q", title="lower"), alt.Tooltip("upper:Q")])
    band = base.mark_rect(color=VERMILLION, opacity=0.25).encode(y=y, y2="upper:Q")
    edge = base.mark_rule(color=VERMILLION, strokeDash=[6, 3], strokeWidth=2)
    words = base.mark_text(
        align="left", baseline="bottom", dy=-19, lineHeight=14, color=VERMILLION, fontSize=12
    ).encode(x=alt.value(6), y=alt.Y("upper:Q"), text="label:N")
    return [band, edge.encode(y=y), edge.encode(y=alt.Y("upper:Q")), words]


def _thinned(data: list[dict]) -> list[dict]:
    if len(data) <= MOST:
        return data
    stride = (len(data) - 1) / (MOST - 1)
    return [data[round(k * stride)] for k in range(MOST)]
