"""Data from the user's own files: tables as text or Parquet, and .npz archives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.data.columns import Column, Signs, proven_signs, read_column
from zeroloss.data.delimited import PACKED, TEXTS, ending, read_delimited
from zeroloss.data.raw import Raw
from zeroloss.plumbing import InputError
from zeroloss.plumbing.containers import column_values, read_array
from zeroloss.plumbing.exact import as_float64
from zeroloss.plumbing.npz import read_npz

MOST_LEVELS = 100
"""A column of texts with more different ones than this is refused rather than one-hot encoded."""

KINDS = (*TEXTS, ".parquet", ".npz")


def is_data_file(path: Path) -> bool:
    """Whether `path` has the ending of a file that `read_file` takes."""
    return ending(path) in KINDS


def read_file(path: Path, target: str | None) -> Raw:
    """The data in a table (`.csv`, `.tsv`, `.txt`, `.parquet`; texts also packed) or a `.npz`, by its ending.

    Raises:
        InputError: the file is missing, empty, damaged or of another kind; the target column is missing; values are
            missing, or could be read in two ways.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a .csv, .parquet or .npz file in it.")
    if not path.exists():
        raise InputError(f"there is no file {path}; check the path.")
    kind = ending(path)
    packed = path.suffix.lower() in PACKED
    if kind not in KINDS or (packed and kind not in TEXTS):
        raise InputError(f"{path} ends in {path.suffix.lower() or 'nothing'}; give a .csv, .parquet or .npz file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; give a file with a header line and rows.")
    if kind == ".npz":
        return _npz(path, target)
    name = path.name[: -sum(map(len, path.suffixes[-2:]))] if packed else path.stem
    return _table(path, name, target, *(_parquet(path, target) if kind == ".parquet" else _text(path, target)))


Columns = tuple[list[str], list[Column], list[str]]


def _text(path: Path, target: str | None) -> Columns:
    found = read_delimited(path, target)
    names, cells, notes = _without_numbering(found.names, found.columns, path, target)
    _check_names(names, cells, target, path)
    _check_header(names, cells, path)
    signs = proven_signs(cells) if found.separator == ";" or _commas(cells) else Signs(False, False, False)
    semicolons = found.separator == ";"
    columns = [read_column(cell, name, path, signs, semicolons) for name, cell in zip(names, cells, strict=True)]
    return names, columns, found.notes + notes


def _commas(cells: Sequence[Any]) -> bool:
    import pyarrow.compute as pc

    return any(pc.any(pc.match_substring(column, ",")).as_py() for column in cells)


def _without_numbering(
    names: list[str], columns: list[Any], path: Path, target: str | None
) -> tuple[list[str], list[Any], list[str]]:
    """The columns without those that have no name: the numbers or names of rows, and empty ones."""
    kept, cells, notes = [], [], []
    for k, (name, column) in enumerate(zip(names, columns, strict=True)):
        unnamed = not name or name.startswith("Unnamed: ") or name == "__index_level_0__"
        if not unnamed or name == target:
            kept.append(name)
            cells.append(column)
            continue
        texts = column.unique().to_pylist()
        if texts == [""]:
            notes.append(f"column {k}, without name and empty, left out")
        elif len(texts) == len(column) and not any("." in text or "," in text for text in texts if text[-1:].isdigit()):
            notes.append(f"column {k}, without name, left out: it numbers or names the rows")
        else:
            raise InputError(f"column {k} of {path} has no name; name it in the header line, or remove it.")
    return kept, cells, notes


def _check_names(names: list[str], columns: Sequence[Any], target: str | None, path: Path) -> None:
    if names and all(_is_number(name) for name in names):
        raise InputError(f"the first line of {path} holds numbers only; add a header line that names the columns.")
    if not columns or len(columns[0]) == 0:
        raise InputError(f"{path} has no rows; give a file with a header line and at least 2 rows.")
    if target is None:
        raise InputError(f"{path} needs a target column (--target); it has: {_listed(names)}.")
    if target not in names:
        raise InputError(f"{path} has no column {target!r}; it has: {_listed(names)}.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{path} has two columns of the same name, {twice!r}; rename one, or add a header line.")
    if len(names) < 2:
        raise InputError(f"{path} has no column beside the target {target!r}; add feature columns.")


def _check_header(names: list[str], cells: Sequence[Any], path: Path) -> None:
    """Raise `InputError` where the first line is a row of data: numbers, and a text that its column holds again."""
    numbers = [name for name in names if _is_number(name) and not name.isdigit()]
    texts = [(name, column) for name, column in zip(names, cells, strict=True) if not _is_number(name)]
    if numbers and any(name in column.unique().to_pylist() for name, column in texts):
        raise InputError(f"the first line of {path} holds {numbers[0]!r}, as rows of data do; add a header line.")


def _parquet(path: Path, target: str | None) -> Columns:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            table = file.read()
    except (
        OSError,
        ValueError,
        TypeError,
        MemoryError,
        pa.ArrowException,
    ) as error:  # pyarrow's errors are ValueErrors
        line = " ".join(str(error).split())[:120]
        raise InputError(f"{path} cannot be read as .parquet ({line}); mend or replace it.") from error
    names, notes = [str(name) for name in table.column_names], []
    described = (table.schema.pandas_metadata or {}).get("index_columns", [])
    index = [name for name in described if isinstance(name, str) and name in names and name != target]
    if index:
        notes.append(f"index left out: {', '.join(index)}")
    kept = [k for k, name in enumerate(names) if name not in index]
    names = [names[k] for k in kept]
    _check_names(names, [table.column(k) for k in kept], target, path)
    columns = [_typed(table.column(k), name, path, name == target) for k, name in zip(kept, names, strict=True)]
    return names, columns, notes


def _typed(column: Any, name: str, path: Path, is_target: bool) -> Column:
    """A column that brings its type."""
    what = f"values of column {name!r} of {path}"
    values = column_values(column, what)
    if values.dtype.kind == "b":
        return Column(values, "truth")
    if len(values) and isinstance(values[0], str):
        import pyarrow as pa

        texts = pa.array(values.tolist(), pa.large_string())
        found = read_column(texts, name, path, Signs(False, False, False))
        if is_target:  # numbers as texts may be names of classes, which is decided with the task
            return Column(values, "texts", found.notes if found.kind == "texts" else ())
        if found.kind != "texts":
            raise InputError(f"column {name!r} of {path} holds numbers written as texts; write it as numbers.")
        return Column(values, "texts", found.notes)
    numbers = as_float64(values, what)
    bad = int((~np.isfinite(numbers)).sum())
    gaps = int(np.isnan(numbers).sum())
    if gaps:
        row = int(np.flatnonzero(np.isnan(numbers))[0])
        raise InputError(
            f"column {name!r} of {path} has {gaps} missing values, the first in row {row}; "
            "fill them, or remove those rows or the column."
        )
    if bad:
        raise InputError(f"column {name!r} of {path} has {bad} infinite values; replace them or remove those rows.")
    return Column(numbers, "numbers")


def _table(
    path: Path, title: str, target: str | None, names: list[str], columns: list[Column], notes: list[str]
) -> Raw:
    """Features, one-hot where they are texts, and the target, with one line on what was decided."""
    assert target is not None  # `_check_names` has seen to it
    parts, features, encoded = [], [], []
    goal = columns[names.index(target)]
    for name, column in zip(names, columns, strict=True):
        if name == target:
            continue
        block, levels = _block(column, name, path)
        parts.append(block)
        features += [f"{name}={level}" for level in levels] if levels else [name]
        encoded += [name] if levels else []
    twice = next((name for name in features if features.count(name) > 1), None) if encoded else None
    if twice is not None:
        raise InputError(f"{path} has the column {twice!r} and another that one-hot encoding names so; rename one.")
    source = f"{path.name}, target column {target!r}"
    decided = [f"one-hot encoded: {', '.join(encoded)}"] if encoded else []
    decided += notes + _remarks(names, columns) + _suspicions(names, columns, target)
    y = goal.values.astype(str) if goal.kind == "texts" else goal.values
    return Raw(title, np.column_stack(parts), y, "; ".join([source, *decided]), tuple(features), in_order=True)


def _block(column: Column, name: str, path: Path) -> tuple[np.ndarray, list[str]]:
    """A feature column as numbers `(n, 1)`, or one-hot `(n, levels)` with the names of its levels."""
    if column.kind != "texts":
        return column.values.astype(np.float64)[:, None], []
    import pyarrow as pa

    encoded = pa.array(column.values, pa.large_string()).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    levels = sorted(found)
    if len(levels) > MOST_LEVELS or (len(levels) == len(column.values) and len(levels) > 2):
        raise InputError(f"column {name!r} of {path} has {len(levels)} different texts; remove it or make it numbers.")
    place = {level: k for k, level in enumerate(levels)}
    rank = np.array([place[level] for level in found], int)
    return np.eye(len(levels))[rank[np.asarray(encoded.indices)]], levels


def _remarks(names: list[str], columns: list[Column]) -> list[str]:
    """What was decided on columns, each decision once, with the names of the columns."""
    found: dict[str, list[str]] = {}
    for name, column in zip(names, columns, strict=True):
        for note in column.notes:
            found.setdefault(note, []).append(name)
    return [note.replace("{name}", _some(where)) for note, where in found.items()]


def _suspicions(names: list[str], columns: list[Column], target: str) -> list[str]:
    """Features that equal the target or another feature, or that number the rows."""
    notes: list[str] = []
    seen: dict[tuple[str, int], tuple[str, np.ndarray]] = {}
    goal = columns[names.index(target)]
    for name, column in zip(names, columns, strict=True):
        if name == target:
            continue
        if column.kind == goal.kind and np.array_equal(column.values, goal.values):
            notes.append(f"{name} equals the target")
        values = column.values
        key = (column.kind, hash(tuple(values)) if column.kind == "texts" else hash((values + 0).tobytes()))
        if key in seen and np.array_equal(seen[key][1], values):
            notes.append(f"{name} equals {seen[key][0]}")
        seen.setdefault(key, (name, values))
        counts = column.kind == "numbers" and len(values) > 2 and values[0] in (0, 1)
        if counts and np.array_equal(values, values[0] + np.arange(len(values))):
            notes.append(f"{name} numbers the rows")
    return notes


def _npz(path: Path, target: str | None) -> Raw:
    arrays = read_npz(path)
    inputs = next((key for key in ("x", "X", "x_train", "X_train", "images") if key in arrays), None)
    wanted = (target,) if target is not None else ("y", "Y", "y_train", "Y_train", "labels")
    targets = next((key for key in wanted if key in arrays), None)
    if inputs is None or targets is None:
        lacks = f"no array {target!r}" if inputs and target else "no arrays x and y (or x_train and y_train)"
        raise InputError(f"{path} has {lacks}; it has: {_listed(list(arrays))}.")
    x, features, _ = read_array(arrays[inputs], "inputs")
    unit: float | str | None = None
    if x.ndim > 2:
        unit = 255.0 if x.dtype == np.uint8 else "range"
    more = (arrays.get(inputs.replace("train", "test")), arrays.get(targets.replace("train", "test")))
    if not inputs.endswith("train") or not targets.endswith("train") or None in [v if v is None else 0 for v in more]:
        more = (None, None)
    left = inputs.replace("train", "test") if inputs.endswith("train") and more[0] is None else ""
    left_out = f"; {left} left out: it has no targets" if left in arrays else ""
    return Raw(
        path.stem,
        x,
        arrays[targets],
        f"{path.name}, arrays {inputs} and {targets}{left_out}",
        features,
        unit=unit,
        x_test=more[0],
        y_test=more[1],
        in_order=True,
    )


def _is_number(text: Any) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
