"""Tables as text (.csv, .tsv, .txt, packed or not): which bytes, which characters, which separator, which cells.

What was decided is reported; what could be read in two ways, or has rows of different lengths, is refused.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from zeroloss.data.arrow_text import by_arrow, plainly_quoted
from zeroloss.data.columns import plain_numbers
from zeroloss.plumbing import InputError
from zeroloss.plumbing.format import format_bytes
from zeroloss.plumbing.memory import available_bytes

TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
"""Endings of tables that are text."""
PACKED = (".gz", ".bz2", ".xz", ".zip")
"""Endings, after one of those, of packed tables."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_SAMPLE = 200_000
_RECORDS = 200


class Delimited(NamedTuple):
    """The cells of a table: the names in its first line, Arrow columns of texts without spaces around, what was decided."""

    names: list[str]
    columns: list[Any]
    separator: str
    notes: list[str]


def ending(path: Path) -> str:
    """The ending that tells the format of `path`: ".csv" of "t.csv.gz"."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in PACKED and len(suffixes) > 1:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def read_delimited(path: Path, target: str | None) -> Delimited:
    """The cells of the table at `path`.

    Raises:
        InputError: the file cannot be unpacked or decoded, no separator or several fit, rows have different lengths, or
            a quotation is not closed.
    """
    text, notes = _decoded(_unpacked(path), path)
    if '"' not in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text, separator = _declared(text)
    text, skipped = _without_comments(text)
    if skipped:
        notes.append(f"{skipped} comment lines left out")
    if not text.strip():
        raise InputError(f"{path} is empty; give a file with a header line and rows.")
    separator = separator or _sniffed(text, path, target)
    if separator == " ":
        text = "\n".join("\t".join(line.split()) for line in text.split("\n"))
    if separator != ",":
        notes.append(f"separated by {SEPARATORS.get(separator, repr(separator))}")
    names, columns = _cells(text, "\t" if separator == " " else separator, path)
    if len(columns) > len(names) and _is_empty(columns[-1]):
        columns.pop()
        notes.append("the empty column after the last separator left out")
    names = [""] * (len(columns) - len(names)) + names  # R writes no name above the row names
    return Delimited(names, columns, separator, notes)


def _unpacked(path: Path) -> bytes:
    suffix = path.suffix.lower()
    budget = (available_bytes() or 2**36) // 6  # the text, its cells and their numbers are in memory together
    try:
        if suffix == ".zip":
            return _zipped(path, budget)
        openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
        with openers.get(suffix, open)(path, "rb") as file:
            return _limited(file, path, budget)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        line = " ".join(str(error).split())[:120]
        raise InputError(f"{path} cannot be read as {suffix} ({line}); mend or replace it.") from error


def _limited(file: IO[bytes], path: Path, budget: int) -> bytes:
    content = file.read(budget + 1)
    if len(content) > budget:
        raise InputError(f"{path} holds over {format_bytes(budget)} of text, more than memory allows; take fewer rows.")
    return content


def _zipped(path: Path, budget: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(members) != 1:
            raise InputError(f"{path} holds {len(members)} files; pack the table alone, or unpack it.")
        with archive.open(members[0]) as file:
            return _limited(file, path, budget)


def _decoded(content: bytes, path: Path) -> tuple[str, list[str]]:
    notes = []
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    coding = next((coding for mark, coding in marks.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(coding)
        if coding == "utf-16":
            notes.append("decoded from UTF-16")
    except UnicodeDecodeError:
        if b"\0" in content or coding != "utf-8":
            raise InputError(f"{path} is not text; give a table as text, or end its name in its format.") from None
        try:
            text = content.decode("cp1252")
            notes.append("not UTF-8: decoded as Windows-1252 (Latin-1)")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
            notes.append("not UTF-8: decoded as Latin-1")
    if "\0" in text:
        raise InputError(f"{path} holds NUL characters and is no table; give a table as text.")
    return text, notes


def _declared(text: str) -> tuple[str, str]:
    """The text after a first line `sep=;`, as Excel writes it, and that separator; or the text and nothing."""
    found = re.match(r'"?sep=(.)"?\r?\n', text)
    return (text[found.end() :], found[1]) if found else (text, "")


def _without_comments(text: str) -> tuple[str, int]:
    """The text after the lines that start with "#" before the header, and how many.

    A last such line that is the header itself, as of `numpy.savetxt`, stays, without its mark.
    """
    start, lines = 0, []
    while text.startswith("#", start):
        end = text.find("\n", start)
        lines.append(text[start : end if end >= 0 else len(text)])
        if end < 0:
            break
        start = end + 1
    if not lines:
        return text, 0
    rest = text[start:]
    following = rest.split("\n", 1)[0].strip()
    if following and not any(_is_number(part) for part in re.split(r"[,;\t| ]+", following)):
        return rest, len(lines)
    header = lines[-1].lstrip("#").strip()
    return header + "\n" + rest, len(lines) - 1


def _sniffed(text: str, path: Path, target: str | None) -> str:
    """The separator that splits every one of the first lines alike; by the target's name where several do."""
    usual = "\t" if ending(path) in (".tsv", ".tab") else ","
    fitting, headers = [], {}
    for separator in (*",;\t|", " "):
        records = _records(text[:_SAMPLE], separator)
        if len(text) > _SAMPLE and 2 < len(records) <= _RECORDS:
            records.pop()  # cut short
        if not records:
            continue
        headers[separator] = [name.strip() for name in records[0]]
        widths = {len(record) for record in records[1:]} or {len(records[0])}
        if len(widths) == 1 and max(widths) > 1 and len(records[0]) in (max(widths), max(widths) - 1):
            fitting.append(separator)
    if len(fitting) > 1 and fitting[-1] == " ":  # texts hold spaces, so that they separate only where nothing else does
        fitting.pop()
    named = [s for s in fitting if target in headers[s]]
    if usual in named or (usual in fitting and not named):
        return usual
    if len(named) == 1 or (len(fitting) == 1 and not named):
        return (named or fitting)[0]
    if len(fitting) > 1:
        several = " or ".join(SEPARATORS[s] for s in fitting)
        raise InputError(f"{path} can be read as separated by {several}; write it with commas, or quote the texts.")
    return next((s for s in (usual, *headers) if target in headers.get(s, ())), usual)


def _records(sample: str, separator: str) -> list[list[str]]:
    if separator == " ":
        return [line.split() for line in sample.split("\n") if line.strip()][:_RECORDS]
    records = []
    try:
        for record in csv.reader(io.StringIO(sample, newline=""), delimiter=separator, skipinitialspace=True):
            if record and (len(record) > 1 or record[0].strip()):
                records.append(record)
            if len(records) > _RECORDS:
                break
    except csv.Error:
        return records
    return records


def _cells(text: str, separator: str, path: Path) -> tuple[list[str], list[Any]]:
    """The names in the first line and the columns, as Arrow texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first: list[str]
    found = plainly_quoted(text, separator) if '"' in text else None
    if found is not None:
        first, columns = found
    elif '"' in text:
        rows = _quoted(text, separator, path)
        _check_widths([len(row) for row in rows], path)
        first = rows[0]
        columns = [pa.array(column, pa.large_string()) for column in zip(*rows[1:], strict=True)]
        columns = columns or [pa.array([], pa.large_string()) for _ in first]
    else:
        first, columns = _split(text, separator, path)
    names = [name.strip() for name in first]
    if _is_tight(text, separator):
        return names, columns
    _check_spaces(names, columns, path)
    return names, [pc.utf8_trim_whitespace(column) for column in columns]


def _quoted(text: str, separator: str, path: Path) -> list[list[str]]:
    """Records of a text with quotations, strictly."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        records = [record for record in reader if record and (len(record) > 1 or record[0].strip())]
    except csv.Error as error:
        raise InputError(
            f"{path} cannot be read: line {reader.line_num} breaks the rules of quotations ({error}); mend that line."
        ) from error
    if not records:
        raise InputError(f"{path} has no rows; give a file with a header line and at least 2 rows.")
    return records


def _split(text: str, separator: str, path: Path) -> tuple[list[str], list[Any]]:
    """The cells of a text without quotations: the first line, and columns of the others."""
    import pyarrow as pa

    lines = (line for line in io.StringIO(text) if line.strip())
    header = next(lines).rstrip("\r\n")
    first = header.split(separator)
    second = next(lines, "").rstrip("\r\n")
    width = second.count(separator) + 1 if second else len(first)
    if not second:
        return first, [pa.array([], pa.large_string()) for _ in first]
    body = text[text.index(header) + len(header) :]
    if "\n " in body or body.endswith(" "):  # lines of spaces alone hold no row
        body = "\n".join(line for line in body.split("\n") if line.strip(" "))
    if width == 1:
        return first, [pa.array([line for line in body.split("\n") if line], pa.large_string())]
    try:
        columns = by_arrow(body.lstrip("\n"), separator, width, False)
    except (pa.ArrowInvalid, pa.ArrowException) as error:
        _check_widths([line.count(separator) + 1 for line in text.split("\n") if line.strip(" ")], path)
        line = " ".join(str(error).split())[:120]
        raise InputError(f"{path} cannot be read ({line}); mend or replace it.") from error
    _check_widths([len(first), width], path)
    return first, columns


def _check_widths(widths: list[int], path: Path) -> None:
    """Raise `InputError` unless all rows have as many cells, and the first line as many names or one less."""
    first, *others = widths
    usual = others[0] if others and others[0] in (first, first + 1) else first
    for row, width in enumerate(others):
        if width != usual:
            raise InputError(
                f"{path} cannot be read: row {row} (from 0, below the header) has {width} cells and the header {first}; "
                "mend that row."
            )


def _is_tight(text: str, separator: str) -> bool:
    """Whether no cell can have spaces around it."""
    spaces = " \v\f\x1c\x1d\x1e\x1f" + ("" if separator == "\t" else "\t")
    return text.isascii() and not any(space in text for space in spaces) and '"' not in text


def _check_spaces(names: list[str], columns: list[Any], path: Path) -> None:
    """Raise `InputError` where two texts of a column differ in the spaces around them alone, which are not read."""
    import pyarrow.compute as pc

    for k, column in enumerate(columns):
        trimmed = pc.utf8_trim_whitespace(column)
        if pc.all(pc.equal(trimmed, column)).as_py() is not False or plain_numbers(trimmed) is not None:
            continue
        seen: dict[str, str] = {}
        for cell in column.unique().to_pylist():
            other = seen.setdefault(cell.strip(), cell)
            if other != cell:
                name = names[k] if k < len(names) else str(k)
                raise InputError(
                    f"column {name!r} of {path} holds {other!r} and {cell!r}, which differ in spaces alone; write them alike."
                )


def _is_empty(column: Any) -> bool:
    import pyarrow.compute as pc

    return len(column) > 0 and not pc.any(pc.not_equal(column, "")).as_py()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
