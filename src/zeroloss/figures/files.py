"""A chart as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError, write_whole

FORMATS = (".png", ".svg", ".html")


def check_format(path: Path) -> None:
    """`InputError` for a name that does not end in a format there is."""
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f"{path}: a figure is written as {', '.join(FORMATS)}; end the name in one of them.")


def write_figure(path: Path, chart: Any, *, width: int = 560, force: bool = False) -> Path:
    """The chart, `width` points wide, as .png (twice the resolution), .svg or .html (one file, needs no network).

    Several panels under one another keep their own width.
    """
    check_format(path)
    if not hasattr(chart, "vconcat"):
        chart = chart.properties(width=width)
    kind = Path(path).suffix.lower()
    if kind == ".html":
        return write_whole(path, chart.to_html(inline=True), force=force)
    import vl_convert

    specification = chart.to_dict()
    if kind == ".svg":
        return write_whole(path, vl_convert.vegalite_to_svg(specification), force=force)
    return write_whole(path, vl_convert.vegalite_to_png(specification, scale=2), force=force)
