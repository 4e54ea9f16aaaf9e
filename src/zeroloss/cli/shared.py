"""Steps that several commands share: check that a network fits and that a file may be written, and print or write a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.plumbing.files import check_free


def check_fits(net: Any, dataset: Any) -> None:
    from zeroloss.problem import matched

    dataset = matched(net, dataset)
    if hasattr(net, "in_size") and (net.in_size, net.out_size) != (dataset.in_size, dataset.out_size):
        raise InputError(
            f"the network maps {net.in_size} numbers to {net.out_size}, and {dataset.name} has {dataset.in_size} inputs and "
            f"{dataset.out_size} outputs; name a network made for these data."
        )


def check_output(out: Path | None, force: bool) -> None:
    if out is not None:
        check_free(out, force=force)


def print_or_write(record: Any, json: bool, out: Path | None, force: bool, *, written: Any = None) -> None:
    """Print the record with --json, and write it (or `written` in its place) to --out."""
    from zeroloss.plumbing import write_whole

    if out is not None:
        write_whole(out, (record if written is None else written).to_json(indent=1), force=force)
    if json:
        print(record.to_json())
    elif out is not None:
        print(f"Wrote {out}.")
