"""Tidy tables in, checked columns and rows of plain values out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from zeroloss.plumbing import InputError

DIGITS = 7
"""Significant digits a drawn number keeps."""


def columns(table: Any, required: Sequence[str], figure: str) -> dict[str, list]:
    """`table` (a dict of columns, or a pandas DataFrame) as a dict of lists of plain values.

    Numbers are rounded to `DIGITS` significant digits; what is not finite becomes None.

    Raises:
        InputError: no rows, a required column is missing, or the columns differ in length.
    """
    if not isinstance(table, Mapping):
        if not hasattr(table, "columns"):
            raise InputError(
                f"the {figure} figure takes a dict of columns or a DataFrame, not a {type(table).__name__}."
            )
        table = {str(name): table[name] for name in table.columns}
    missing = [name for name in required if name not in table]
    if missing:
        raise InputError(
            f"the {figure} figure needs the columns {', '.join(required)}; the table lacks {', '.join(missing)}."
        )
    result = {str(name): [plain(v) for v in _listed(values)] for name, values in table.items()}
    lengths = {len(values) for values in result.values()}
    if len(lengths) > 1:
        raise InputError(f"the columns of the {figure} table differ in length; give each one value per row.")
    if lengths <= {0}:
        raise InputError(f"the {figure} table has no rows; there is nothing to draw.")
    return result


def rows(table: Mapping[str, Sequence]) -> list[dict[str, Any]]:
    """The rows of a dict of columns."""
    names = list(table)
    return [dict(zip(names, values, strict=True)) for values in zip(*table.values(), strict=True)]


def plain(value: Any) -> Any:
    """A number, string, truth value or None that JSON can hold."""
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def series(values: Sequence[str], order: Sequence[str]) -> list[str]:
    """The distinct names in `values`: the known ones in the `order` given, then the others as they come."""
    present = list(dict.fromkeys(values))
    return [name for name in order if name in present] + [name for name in present if name not in order]


def _listed(values: Any) -> list:
    return values.tolist() if hasattr(values, "tolist") else list(values)
