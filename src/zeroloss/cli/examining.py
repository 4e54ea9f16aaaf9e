"""`zeroloss examine`: examine a network from its start or a model as it is, and write the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from zeroloss.cli.show import Printer, bar
from zeroloss.plumbing.format import format_seconds


def examine_from_start(
    dataset: Any, net: Any, files: dict[str, Path], *, seed: int, json: bool, force: bool, settings: dict[str, str]
) -> None:
    """Examine an MLP from its start: train it, prove, audit, build the twin."""
    from zeroloss.examine import examine, make_plan

    plan = make_plan(dataset, net)
    printer = Printer(quiet=json)
    printer.line(repr(dataset))
    printer.line(f"Network {'-'.join(map(str, (net.in_size, *net.widths, net.out_size)))}; {plan.sentence}.")
    with bar(json) as progress:
        printer.attach(progress)
        result = examine(
            dataset, net, seed=seed, settings=settings, announce=printer.verdict, progress=progress, plan=plan
        )
        text = _write(result, files, force, progress)
    _finish(result, files, text, printer, json)


def examine_as_is(
    dataset: Any, model: Any, files: dict[str, Path], *, seed: int, json: bool, force: bool, settings: dict[str, str]
) -> None:
    """Examine a trained model, or a black box, without training it further."""
    from zeroloss.examine import examine_given
    from zeroloss.networks.fingerprint import summary

    printer = Printer(quiet=json)
    printer.line(repr(dataset))
    printer.line(f"Model as it is: {summary(model)['description']}.")
    with bar(json) as progress:
        printer.attach(progress)
        result = examine_given(
            dataset, model, seed=seed, settings=settings, announce=printer.verdict, progress=progress
        )
        text = _write(result, files, force, progress)
    for why in result.examination.numbers["not_known"].values():
        printer.line(f"Not known: {why}")
    _finish(result, files, text, printer, json)


def _write(result: Any, files: dict[str, Path], force: bool, progress: Any) -> str:
    from zeroloss.networks import FeedForward, TorchNetwork, save_network
    from zeroloss.plumbing import write_whole
    from zeroloss.report import write_report

    progress.stage("writing the report")
    files["report.html"].parent.mkdir(parents=True, exist_ok=True)
    text = result.examination.to_json(indent=1)
    write_whole(files["report.json"], text, force=force)
    for name, network in (("fitted.npz", result.fitted), ("twin.npz", result.twin)):
        if isinstance(network, FeedForward | TorchNetwork):
            save_network(files[name], network, force=force)
    write_report(files["report.html"], result.examination, force=force)
    return text


def _finish(result: Any, files: dict[str, Path], text: str, printer: Printer, json: bool) -> None:
    printer.line("")
    printer.line(result.examination.headline)
    printer.line(
        f"Wrote {files['report.html']} (open it in a browser), report.json and the networks, in "
        f"{format_seconds(result.examination.seconds)}."
    )
    if json:
        print(text)
    if result.interrupted:
        raise typer.Exit(130)
