"""A column of a table as numbers, truth values or texts. What could be meant in two ways is refused.

- Numbers: every cell is one, with a decimal point (or, where the column or the table proves it, a decimal comma), or with
  thousands separators that can be nothing else. Whole numbers are exact; decimals become the nearest float64.
- Truth values: every cell is True or False, in any of `TRUTH`.
- Texts: all else, unless half of the cells or more look like numbers or dates: then the rows that do not are named.
- Missing: an empty cell; in a column of numbers also each of `MISSING`. In a column of texts "NA" is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import listed_rows
from zeroloss.plumbing.float64 import WHOLE

MISSING = frozenset(
    [
        *("", "?", "-", "--", "---", "–", "—", ".", "*", "NA", "N/A", "n/a", "na", "NaN", "nan", "-nan", "-NaN", "NaT"),
        *("NULL", "Null", "null", "None", "none", "NONE", "#N/A", "#NA", "<NA>", "#N/A N/A", "-1.#IND", "1.#QNAN"),
        *("missing", "Missing", "MISSING", "unknown", "Unknown"),
    ]
)
"""Cells that stand for a missing value in a column of numbers."""

TRUTH = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}

_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_PLAIN = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_WHOLE = r"[+-]?\d+"
_COMMA_DECIMAL = r"[+-]?(?:\d+,\d*|,\d+|\d{1,3}(?:\.\d{3})+(?:,\d*)?)(?:[eE][+-]?\d+)?"
_COMMA_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?"
_DOT_THOUSANDS = r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+"
_UNITS = (
    "k m g s h l v cm mm km nm um in ft yd mi mg kg lb lbs oz ml cl dl gal ms us ns min hr hrs hz khz mhz ghz mv kv ma kw mw kwh "
    "kj cal kcal pa kpa bar psi mpg kmph kmpl cc bhp hp rpm deg usd eur gbp px pt kb mb gb tb"
)
_NUMBER_LIKE = re.compile(
    r"""['"(]?\s*[$€£¥~−+-]*\s*(?:0x[0-9a-f]+|(?:\d[\d.,'’_/\s]*|[.,]\d+)(?:[ed][+-]?\d+)?)"""
    rf"""(?:\s*[%‰°$€£¥]c?|\s+(?!st\b|nd\b|rd\b|th\b)[a-zµ°Ω²³/%]{{1,10}}|(?:{"|".join(_UNITS.split())}))?\s*['")]?""",
    re.IGNORECASE,
)
_MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
_DATE = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[T\s].*)?"
    r"|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[ap]m)?"
    rf"|(?:\d{{1,2}}[\s-])?(?:{_MONTH})\.?[\s-]+\d{{1,4}}(?:,?[\s-]+\d{{2,4}})?(?:\s.*)?",
    re.IGNORECASE,
)


class Column(NamedTuple):
    """`values` `(n,)`: float64, bool, or texts as objects; `kind`: "numbers", "truth" or "texts"; what was decided."""

    values: np.ndarray
    kind: str
    notes: tuple[str, ...] = ()


class Signs(NamedTuple):
    """What the columns of one table prove of its decimal sign: some column has decimal commas, points, thousands commas."""

    comma: bool
    point: bool
    thousands: bool


def proven_signs(columns: Iterable[Any]) -> Signs:
    """The decimal signs that the columns of texts prove: "1,5" is a decimal comma, "1,234" could be both."""
    comma = point = thousands = False
    for column in columns:
        if plain_numbers(column) is not None:
            point |= _has(column, ".") and not _only(column, rf"{_WHOLE}|{_DOT_THOUSANDS}")
            continue
        cells = _unique(column) - MISSING
        if not all(map(_numeric, cells)):
            continue
        if not any("," in cell for cell in cells):
            point |= any("." in cell and _full(_PLAIN, cell) and not _full(_DOT_THOUSANDS, cell) for cell in cells)
            continue
        decimal, grouped = _comma_readings(cells)
        comma |= decimal and not grouped
        thousands |= grouped and not decimal
    return Signs(comma, point or thousands, thousands)


def read_column(column: Any, name: str, path: Path, signs: Signs, semicolons: bool = False) -> Column:
    """A column of Arrow texts without spaces around them.

    Args:
        signs: what the table proves, for a column that does not: "1,234" alone could be either.
        semicolons: whether semicolons separate the cells, as where commas are decimal: then "1.234" could be either.

    Raises:
        InputError: missing or infinite values, dates, texts among numbers, or a column that could be read in two ways.
    """
    what = f"column {name!r} of {path}"
    values = plain_numbers(column)
    if values is not None:
        return _with_points(column, values, what, signs, semicolons)
    counts = _counts(column)
    cells = set(counts)
    others = cells - MISSING
    gaps = cells & (MISSING if others and all(map(_numeric, others)) else {""})
    if gaps:
        raise _missing(column, gaps, what)
    if others and others <= set(TRUTH):
        if cells & MISSING:
            raise _missing(column, cells & MISSING, what)
        return Column(np.array([TRUTH[cell] for cell in column.to_pylist()]), "truth")
    infinite = {cell for cell in others if _INFINITE.fullmatch(cell)}
    if infinite and all(_full(_PLAIN, cell) for cell in others - infinite):
        count = sum(counts[cell] for cell in infinite)
        raise InputError(f"{what} has {count} infinite values; replace them or remove those rows.")
    if any("," in cell for cell in others) and all(_numeric(cell) for cell in others):
        return _with_commas(column, others, what, signs)
    _check_texts(column, counts, what)
    return _texts(column, cells, name)


def plain_numbers(column: Any) -> np.ndarray | None:
    """The column as float64 if every cell is a finite number with a decimal point at most, else None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.cast(column.slice(0, 64), pa.float64())  # a long column that fails takes longer than one that does not
        values = np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None
    if np.isfinite(values).all():
        return values
    return values if _only(column, _PLAIN) else None


def exact_numbers(column: Any, values: np.ndarray, what: str) -> np.ndarray:
    """`values`, the nearest float64 of the cells, if whole numbers are exact and different numbers stay different.

    Raises:
        InputError: a number too large or too small for float64, a whole number that it lacks, or two different numbers
            that become equal.
    """
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(column)).as_py() or 0
    large = np.flatnonzero(~np.isfinite(values) | (np.abs(values) >= WHOLE))
    zero = np.flatnonzero(values == 0) if longest > 5 else large[:0]
    suspects = np.concatenate([large, zero])
    for row, cell in zip(suspects.tolist(), column.take(suspects).to_pylist(), strict=True):
        value, exact = float(values[row]), Decimal(cell)
        whole = re.fullmatch(r"[+-]?\d+(\.0*)?", cell) is not None
        if not np.isfinite(value) or (value == 0) != (exact == 0) or (whole and exact != Decimal(value)):
            raise InputError(
                f"{what} holds {cell[:40]} in row {row}, which float64 cannot hold exactly; "
                "subtract an offset, scale the column, or remove it if it is an identifier."
            )
    tiny = ((np.abs(values) < 1e-300) & (values != 0)).any()
    if longest > 15 or tiny:
        _check_apart(column, values, what)
    return values


def _check_apart(column: Any, values: np.ndarray, what: str) -> None:
    """Raise `InputError` if two cells are different numbers and one float64. Up to 15 digits always stay distinct."""
    import pyarrow.compute as pc

    ordered = np.sort(values)
    if not (ordered[1:] == ordered[:-1]).any():
        return
    order = np.argsort(values, kind="stable")
    same = values[order][1:] == values[order][:-1]
    rows = np.sort(order[np.append(same, False) | np.append(False, same)])  # whose float64 another row has as well
    encoded = pc.dictionary_encode(column.take(rows))
    first = np.unique(np.asarray(encoded.indices), return_index=True)[1]
    seen: dict[float, tuple[str, int]] = {}
    for cell, row in zip(encoded.dictionary.to_pylist(), rows[first].tolist(), strict=True):
        other, earlier = seen.setdefault(float(values[row]), (cell, row))
        if other != cell and Decimal(other) != Decimal(cell):
            raise InputError(
                f"{what} holds {other[:40]} in row {earlier} and {cell[:40]} in row {row}, different numbers "
                "that float64 cannot distinguish; subtract an offset, or scale or remove the column."
            )


def _with_points(column: Any, values: np.ndarray, what: str, signs: Signs, semicolons: bool) -> Column:
    unproven = signs.comma or (semicolons and not signs.point)
    if unproven and _has(column, ".") and _only(column, rf"{_WHOLE}|{_DOT_THOUSANDS}"):
        row = _first(column, ".")
        raise InputError(
            f"{what} holds '{column[row].as_py()}' in row {row}, where the point could be a decimal sign or separate "
            "thousands; write decimals with a point and leave thousands together."
        )
    exact_numbers(column, values, what)
    notes: tuple[str, ...] = ()
    if _is_padded(column):
        _check_padding(column, what)
        notes = ("zeros before numbers dropped in {name}",)
    return Column(values, "numbers", notes)


def _check_padding(column: Any, what: str) -> None:
    """Raise `InputError` where cells such as "01" and "1" both occur: as codes they differ, as numbers they do not."""
    seen: dict[str, str] = {}
    for cell in _unique(column):
        if not re.fullmatch(_WHOLE, cell):
            continue
        other = seen.setdefault(re.sub(r"^\+?(-?)0*(?=\d)", r"\1", cell), cell)
        if other != cell:
            both = "' and '".join(sorted((cell, other)))
            raise InputError(
                f"{what} holds '{both}', which are one number and may be two codes; write numbers without zeros "
                "before them, and codes with a letter."
            )


def _with_commas(column: Any, cells: set[str], what: str, signs: Signs) -> Column:
    import pyarrow.compute as pc

    decimal, grouped = _comma_readings(cells)
    if decimal and grouped:
        decimal, grouped = (
            signs.comma and not signs.point,
            (signs.point or signs.thousands) and not signs.comma,
        )
    if decimal == grouped:
        row = _first(column, ",")
        raise InputError(
            f"{what} holds '{column[row].as_py()}' in row {row}, where the comma could be a decimal sign or separate "
            "thousands; write decimals with a point and leave thousands together."
        )
    plain = pc.replace_substring(pc.replace_substring(column, ".", ""), ",", ".")
    plain = plain if decimal else pc.replace_substring(column, ",", "")
    values = plain_numbers(plain)
    assert values is not None
    note = "decimal commas in {name}" if decimal else "commas between thousands in {name}"
    return Column(exact_numbers(plain, values, what), "numbers", (note,))


def _comma_readings(cells: set[str]) -> tuple[bool, bool]:
    """Whether all cells can be read with decimal commas, and with commas between thousands."""
    decimal = all(_full(rf"{_WHOLE}|{_COMMA_DECIMAL}", cell) for cell in cells)
    return decimal, all(_full(rf"{_PLAIN}|{_COMMA_THOUSANDS}", cell) for cell in cells)


def _numeric(cell: str) -> bool:
    return bool(_full(rf"{_PLAIN}|{_COMMA_DECIMAL}|{_COMMA_THOUSANDS}", cell))


def _check_texts(column: Any, counts: dict[str, int], what: str) -> None:
    """Raise `InputError` where half of the cells or more look like numbers or dates."""
    total = sum(counts.values())
    dates = {cell for cell in counts if _DATE.fullmatch(cell) and not _full(_PLAIN, cell)}
    if 2 * sum(counts[cell] for cell in dates) >= total:
        cell = next(iter(sorted(dates)))
        raise InputError(
            f"{what} holds dates or times ('{cell}' in row {_row(column, cell)}); turn them into numbers, such as days since "
            "the first, or remove the column."
        )
    alike = {cell for cell in counts if _NUMBER_LIKE.fullmatch(cell)}
    if 2 * sum(counts[cell] for cell in alike) < total:
        return
    bad = {cell for cell in counts if not _full(_PLAIN, cell)}
    rows = np.flatnonzero(_is_in(column, bad))
    shown = ", ".join(f"'{column[int(row)].as_py()[:30]}'" for row in rows[:3])
    raise InputError(
        f"{what} holds numbers, but what is no plain number in {listed_rows(rows)} ({shown}); write numbers alone, without "
        "units or signs, or names that start with a letter."
    )


def _texts(column: Any, cells: set[str], name: str) -> Column:
    notes = []
    marks = sorted(cells & MISSING)
    if marks:
        notes.append(f"""taken as texts in {{name}}: {", ".join(f"'{mark}'" for mark in marks)}""")
    if any(_full(_PLAIN, cell) for cell in cells):
        notes.append("some texts in {name} look like numbers")
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_pylist()
    return Column(values, "texts", tuple(notes))


def _missing(column: Any, gaps: set[str], what: str) -> InputError:
    rows = np.flatnonzero(_is_in(column, gaps))
    marks = "".join(f", written '{gap}'" for gap in sorted(gaps - {""})[:3])
    return InputError(
        f"{what} has {len(rows)} missing values ({listed_rows(rows)}{marks}); fill them, or remove those rows or the column."
    )


def _full(pattern: str, cell: str) -> bool:
    return re.fullmatch(pattern, cell, re.ASCII) is not None


def _only(column: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(column, rf"^(?:{pattern})$")).as_py() in (True, None))


def _any(column: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, pattern)).as_py())


def _has(column: Any, part: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring(column, part)).as_py())


def _is_padded(column: Any) -> bool:
    """Whether a cell begins with a zero before another digit, a sign aside: `^[+-]?0\\d`, on the bytes, which is much faster."""
    import pyarrow as pa

    if not isinstance(column, pa.LargeStringArray) or column.null_count or not len(column):
        return _any(column, r"^[+-]?0\d")
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    text = np.concatenate([np.frombuffer(data or b"", np.uint8), np.zeros(3, np.uint8)])
    start, end = places[:-1], places[1:]
    start = start + ((start < end) & ((text[start] == ord("+")) | (text[start] == ord("-"))))
    after = text[start + 1]
    return bool(((text[start] == ord("0")) & (start + 1 < end) & (after >= ord("0")) & (after <= ord("9"))).any())


def _first(column: Any, part: str) -> int:
    import pyarrow.compute as pc

    return int(np.flatnonzero(np.asarray(pc.match_substring(column, part)))[0])


def _is_in(column: Any, cells: set[str]) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.is_in(column, value_set=pa.array(sorted(cells), column.type)))


def _row(column: Any, cell: str) -> int:
    return int(np.flatnonzero(_is_in(column, {cell}))[0])


def _unique(column: Any) -> set[str]:
    return set(column.unique().to_pylist())


def _counts(column: Any) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in column.value_counts().to_pylist()}
