"""Data from the user's own files: .csv, .parquet and .npz."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from zeroloss.data.raw import Raw
from zeroloss.plumbing import InputError

MOST_LEVELS = 100
"""A column of texts with more different ones than this is refused rather than one-hot encoded."""


def read_file(path: Path, target: str | None) -> Raw:
    """The data in a `.csv`, `.parquet` or `.npz` file, by its ending.

    Raises:
        InputError: the file is missing, empty, damaged or of another kind; the target column is missing; values are.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a .csv, .parquet or .npz file in it.")
    if not path.exists():
        raise InputError(f"there is no file {path}; check the path.")
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet", ".npz"):
        raise InputError(f"{path} ends in {kind or 'nothing'}; give a .csv, .parquet or .npz file.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; give a file with a header line and rows.")
    return _npz(path, target) if kind == ".npz" else _table(path, target)


def _table(path: Path, target: str | None) -> Raw:
    table = _frame(path)
    columns = [str(c) for c in table.columns]
    table.columns = columns
    if table.empty:
        raise InputError(f"{path} has no rows; give a file with a header line and at least 2 rows.")
    if target is None:
        raise InputError(f"{path} needs a target column (--target); it has: {_listed(columns)}.")
    if target not in columns:
        raise InputError(f"{path} has no column {target!r}; it has: {_listed(columns)}.")
    if len(set(columns)) < len(columns):
        raise InputError(f"{path} has two columns of the same name; rename one.")
    if len(columns) < 2:
        raise InputError(f"{path} has no column beside the target {target!r}; add feature columns.")
    gaps = table.isna().sum()
    for column in columns:
        if gaps[column]:
            raise InputError(
                f"column {column!r} of {path} has {int(gaps[column])} missing values; "
                "fill them, or remove those rows or the column."
            )
    parts, names, encoded = [], [], []
    for column in columns:
        if column == target:
            continue
        block, levels = _column(table[column], column, path)
        parts.append(block)
        names += [f"{column}={level}" for level in levels] if levels else [column]
        encoded += [column] if levels else []
    source = f"{path.name}, target column {target!r}"
    if encoded:
        source += f"; one-hot encoded: {', '.join(encoded)}"
    y = _target(table[target], target, path)
    return Raw(path.stem, np.column_stack(parts), y, source, tuple(names))


def _frame(path: Path) -> Any:
    import pandas as pd

    try:
        table = pd.read_csv(path, low_memory=False) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, pd.errors.ParserError) as error:  # pyarrow's and pandas' own errors are ValueErrors
        line = " ".join(str(error).split())[:120]
        raise InputError(f"{path} cannot be read as {path.suffix.lower()} ({line}); mend or replace it.") from error
    if path.suffix.lower() == ".csv" and all(_is_number(c) for c in table.columns):
        raise InputError(f"the first line of {path} holds numbers only; add a header line that names the columns.")
    return table


def _column(values: Any, name: str, path: Path) -> tuple[np.ndarray, list[str]]:
    """A feature column as numbers `(n, 1)`, or one-hot `(n, levels)` with the names of its levels."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        if pd.api.types.is_complex_dtype(values):
            raise InputError(f"column {name!r} of {path} holds complex numbers; split it into real columns.")
        numbers = values.to_numpy(np.float64)
        bad = int((~np.isfinite(numbers)).sum())
        if bad:
            raise InputError(f"column {name!r} of {path} has {bad} infinite values; replace them or remove those rows.")
        return numbers[:, None], []
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        raise InputError(f"column {name!r} of {path} holds times; turn it into numbers or remove it.")
    texts = values.astype(str).to_numpy(dtype=object)
    levels, which = np.unique(texts.astype(str), return_inverse=True)
    if len(levels) > MOST_LEVELS or (len(levels) == len(texts) and len(texts) > 2):
        raise InputError(f"column {name!r} of {path} has {len(levels)} different texts; remove it or make it numbers.")
    return np.eye(len(levels))[which], [str(level) for level in levels]


def _target(values: Any, name: str, path: Path) -> np.ndarray:
    import pandas as pd

    if pd.api.types.is_bool_dtype(values):
        return values.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy()
        numbers = numbers.astype(np.float64) if numbers.dtype.kind not in "iuf" else numbers
        bad = int((~np.isfinite(numbers)).sum())
        if bad:
            raise InputError(f"target {name!r} of {path} has {bad} infinite values; replace them or remove those rows.")
        return numbers
    if pd.api.types.is_datetime64_any_dtype(values):
        raise InputError(f"target {name!r} of {path} holds times; turn it into numbers.")
    return values.astype(str).to_numpy(dtype=object).astype(str)


def _npz(path: Path, target: str | None) -> Raw:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise InputError(f"{path} cannot be read as .npz without pickles; write plain arrays.") from error
    inputs = next((key for key in ("x", "X", "x_train", "X_train", "images") if key in arrays), None)
    wanted = (target,) if target is not None else ("y", "Y", "y_train", "Y_train", "labels")
    targets = next((key for key in wanted if key in arrays), None)
    if inputs is None or targets is None:
        lacks = f"no array {target!r}" if inputs and target else "no arrays x and y (or x_train and y_train)"
        raise InputError(f"{path} has {lacks}; it has: {_listed(list(arrays))}.")
    x = arrays[inputs]
    unit: float | str | None = None
    if x.ndim > 2:
        unit = 255.0 if x.dtype == np.uint8 else "range"
    more = (arrays.get(inputs.replace("train", "test")), arrays.get(targets.replace("train", "test")))
    if not inputs.endswith("train") or not targets.endswith("train") or None in [v if v is None else 0 for v in more]:
        more = (None, None)
    return Raw(
        path.stem,
        x,
        arrays[targets],
        f"{path.name}, arrays {inputs} and {targets}",
        unit=unit,
        x_test=more[0],
        y_test=more[1],
    )


def _is_number(text: Any) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
