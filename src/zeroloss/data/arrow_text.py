"""Cells of long tables as text, split by Arrow."""

from __future__ import annotations

import csv
import io
from typing import Any

_SAMPLE = 200_000


def plainly_quoted(text: str, separator: str) -> tuple[list[str], list[Any]] | None:
    """The first line and the columns of the others as the strict reader gives them, by Arrow, where each quotation mark begins or
    ends a cell; None: another text, or rows of several lengths."""
    import pyarrow as pa

    marked = text[: text.rfind('"') + 2]
    opening = marked.count(separator + '"') + marked.count('\n"') + marked.startswith('"')
    closing = marked.count('"' + separator) + marked.count('"\n') + marked.endswith('"')
    if opening != closing or 2 * opening != marked.count('"') or "\r" in text or "\n " in text or "\n\t" in text:
        return None
    reader = csv.reader(
        io.StringIO(text[:_SAMPLE], newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        first = next(reader)
        lines = reader.line_num
        second = next(reader)
    except (csv.Error, StopIteration):
        return None
    if (
        len(second) < 2
        or len(first) not in (len(second), len(second) - 1)
        or text.count("\n", 0, _SAMPLE) <= reader.line_num
    ):
        return None  # few rows, or long ones
    start = 0
    for _ in range(lines):
        start = text.index("\n", start) + 1
    try:
        return first, by_arrow(text[start:], separator, len(second), '"' if len(marked) > start else False)
    except pa.ArrowException:
        return None


def by_arrow(body: str, separator: str, width: int, quote: str | bool) -> list[Any]:
    """The columns of a text without a header, as Arrow texts."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = [f"f{k}" for k in range(width)]
    longest = 8 * len(body.partition("\n")[0])
    table = arrow_csv.read_csv(
        pa.BufferReader(body.encode()),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=max(2**22, longest)),
        parse_options=arrow_csv.ParseOptions(delimiter=separator, quote_char=quote, newlines_in_values=bool(quote)),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
        ),
    )
    return [column.combine_chunks() for column in table.columns]
