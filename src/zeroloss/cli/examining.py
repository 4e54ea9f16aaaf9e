"""`zeroloss examine`: run it, from the start or of a model as it is, and write what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from zeroloss.cli.show import Teller, bar
from zeroloss.plumbing.format import format_seconds


def examine_from_start(
    dataset: Any, net: Any, files: dict[str, Path], *, seed: int, json: bool, force: bool, settings: dict[str, str]
) -> None:
    """An MLP at its start: trained, proved, audited, twinned."""
    from zeroloss.examine import examine, make_plan

    plan = make_plan(dataset, net)
    tell = Teller(quiet=json)
    tell.line(repr(dataset))
    tell.line(f"Network {'-'.join(map(str, (net.in_size, *net.widths, net.out_size)))}; {plan.sentence}.")
    with bar(json) as progress:
        tell.attach(progress)
        result = examine(
            dataset, net, seed=seed, settings=settings, announce=tell.verdict, progress=progress, plan=plan
        )
        text = _write(result, files, force, progress)
    _finish(result, files, text, tell, json)


def examine_as_is(
    dataset: Any, model: Any, files: dict[str, Path], *, seed: int, json: bool, force: bool, settings: dict[str, str]
) -> None:
    """A trained model, or a black box: not trained further."""
    from zeroloss.examine import examine_given
    from zeroloss.networks.fingerprint import summary

    tell = Teller(quiet=json)
    tell.line(repr(dataset))
    tell.line(f"Model as it is: {summary(model)['description']}.")
    with bar(json) as progress:
        tell.attach(progress)
        result = examine_given(dataset, model, seed=seed, settings=settings, announce=tell.verdict, progress=progress)
        text = _write(result, files, force, progress)
    for why in result.examination.numbers["not_known"].values():
        tell.line(f"Not known: {why}")
    _finish(result, files, text, tell, json)


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


def _finish(result: Any, files: dict[str, Path], text: str, tell: Teller, json: bool) -> None:
    tell.line("")
    tell.line(result.examination.headline)
    tell.line(
        f"Wrote {files['report.html']} (open it in a browser), report.json and the networks, in "
        f"{format_seconds(result.examination.seconds)}."
    )
    if json:
        print(text)
    if result.interrupted:
        raise typer.Exit(130)
