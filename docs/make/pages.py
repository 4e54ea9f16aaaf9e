"""The pages that are made from committed results and from the package, and the parts of pages that are.

python docs/make/pages.py          # writes what has changed; run it after results/ or the public names have changed

- docs/papers/*.md: a page a paper, from results/studies/*/claims.json and claims.md, results/examinations.csv and
  docs/make/papers.toml; a page each for studies after no paper of these; and the list of both;
- docs/figures.md: all figures of all studies;
- docs/reference/*.md: the public names of each folder, a sentence each; the build adds their docstrings;
- between `<!-- made: NAME -->` and `<!-- /made -->` in other pages: the lists of tutorials and of guides, tables from
  results/precision.csv.

Nothing is run here but the reading of files, so the same results give the same pages; a test holds the committed ones
against them.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DOCS, RESULTS = ROOT / "docs", ROOT / "results"
sys.path[:0] = [str(HERE), str(RESULTS)]

import collect  # noqa: E402  results/collect.py, which writes the tables of claims
import scripts  # noqa: E402  docs/make/scripts.py

MADE = "<!-- Made by docs/make/pages.py: edit that, or what it reads. -->\n\n"
PART = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- /made -->)", re.DOTALL)
FIGURE = re.compile(r"^!\[(.*?)\]\((\S+?\.png)\)\n\n(.*?)(?=\n\n|\Z)", re.DOTALL | re.MULTILINE)


def pages() -> dict[Path, str]:
    """Every page that is made, and every page with a part that is, with the text it should have."""
    found = dict(paper_pages()) | {DOCS / "figures.md": gallery()} | dict(reference_pages())
    for page in sorted(DOCS.glob("**/*.md")):
        text = page.read_text(encoding="utf-8")
        if page not in found and PART.search(text):
            found[page] = PART.sub(lambda part: f"{part[1]}\n{PARTS[part[2]]()}\n\n{part[3]}", text)
    return found


# Studies and papers


def studies() -> list[dict[str, Any]]:
    """What is committed of each study: its claims.json, `name`, `folder` and `figures` (title, file, caption)."""
    found = []
    for path in sorted((RESULTS / "studies").glob("*/claims.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        told = (path.parent / "claims.md").read_text(encoding="utf-8")
        figures = [f for f in FIGURE.findall(told) if (path.parent / f[1]).exists()]
        found.append(said | {"folder": path.parent.relative_to(ROOT).as_posix(), "figures": figures})
    return found


def papers() -> list[dict[str, Any]]:
    """The papers, each with its studies."""
    known = tomllib.loads((HERE / "papers.toml").read_text(encoding="utf-8"))["paper"]
    return [paper | {"studies": [s for s in studies() if paper["number"] in s["after"]]} for paper in known]


def others() -> list[dict[str, Any]]:
    """Studies after none of the papers."""
    numbers = [paper["number"] for paper in papers()]
    return [s for s in studies() if not any(number in s["after"] for number in numbers)]


def paper_pages() -> Iterator[tuple[Path, str]]:
    """The list, the papers' pages and those of other studies."""
    folder = DOCS / "papers"
    yield folder / "index.md", paper_list()
    for paper in papers():
        yield folder / f"{paper['slug']}.md", MADE + "\n\n".join(_paper(paper)) + "\n"
    for study in others():
        after = [f"After {study['after']}."] if study["after"] else []
        parts = [f"# {study['title']}", *after, *_study(study)]
        yield folder / f"{study['study']}.md", MADE + "\n\n".join(parts) + "\n"


def paper_list() -> str:
    """The papers with what their claims came out as."""
    lines = [
        "# Papers and studies",
        "",
        "Five papers ask what zero training loss means, and answer differently. Each has a page: what it says, what was asked of it here,",
        "with which command, and what came out. Numbers behind a verdict count claims.",
        "",
        "| question | after | verdicts |",
        "|---|---|---|",
    ]
    for paper in papers():
        counted = _counts([v for s in paper["studies"] for v in s["verdicts"].values()])
        lines.append(
            f"| [{paper['title']}]({paper['slug']}.md) | {paper['short']}, arXiv {paper['number']} | {counted} |"
        )
    for study in others():
        counted = _counts(list(study["verdicts"].values()))
        lines.append(
            f"| [{study['title']}]({study['study']}.md) | {_cell(study['after'] or 'a question of ours')} | {counted} |"
        )
    lines += [
        "",
        "*Standing* says who vouches for a claim: *paper* (a paper says so), *recalled* (remembered from a paper, not confirmed), *ours*",
        "(derived here, and never attributed to the authors it follows). [Studies](../studies.md) says how they are run again.",
    ]
    return MADE + "\n".join(lines) + "\n"


def _counts(verdicts: list[dict]) -> str:
    order = ("PROVED", "REFUTED", "SUPPORTED", "CONTRADICTED", "UNKNOWN")
    counted = [(status, sum(v["status"] == status for v in verdicts)) for status in order]
    return ", ".join(f"{status} {n}" for status, n in counted if n) or "no result yet"


def _paper(paper: dict) -> Iterator[str]:
    yield f"# {paper['title']}"
    yield f"{paper['cite']}. [arXiv {paper['number']}](https://arxiv.org/abs/{paper['number']})"
    yield f"**It says:** {paper['says']}"
    yield f"**Asked here:** {paper['asks']}"
    yield f"**Whose is what:** {paper['own']}"
    if paper["examined"]:
        yield "## On data sets"
        yield _examined(paper["examined"])
    for study in paper["studies"]:
        if len(paper["studies"]) > 1:
            yield f"## {study['title']}"
        yield from _study(study)
    if not paper["studies"]:
        yield "## The study"
        yield _missing(paper["study"])


def _missing(name: str) -> str:
    registry = (ROOT / "src/zeroloss/studies/registry.py").read_text(encoding="utf-8")
    if f'"{name}"' in registry:
        return f"No result of it is committed yet. It runs by `zeroloss study run {name}`."
    return "It is not in this version yet."


def _study(study: dict) -> Iterator[str]:
    """Command, claims, figures, notes."""
    made, name = study["settings"], study["study"]
    trials = ", ".join(f"{key} {found['finished']:,}" for key, found in study["trials"].items())
    yield "## Claims"
    yield f"```sh\nzeroloss study run {name} --scale {study['scale']}\nzeroloss study report {name} --scale {study['scale']}\n```"
    yield (
        f"Made by `{made['command']}`, version {made['version']}, on {made['date']}; trials: {trials}. "
        f"Every verdict with its reason and all intervals: [claims.md](../../{study['folder']}/claims.md); "
        f"with the evidence: [claims.json](../../{study['folder']}/claims.json)."
    )
    lines = ["| claim | verdict | figure | standing |", "|---|---|---|---|"]
    for key, verdict in study["verdicts"].items():
        shown = collect.measured(verdict["evidence"]).replace("see the report", "see the reason")
        lines.append(f"| {_cell(verdict['claim'])} | {verdict['status']} | {shown} | {study['standing'][key]} |")
    yield "\n".join(lines)
    open_ = [v for v in study["verdicts"].values() if v["status"] not in ("PROVED", "SUPPORTED")]
    if open_:
        yield "Where the verdict is another than hoped, the reason:"
        yield "\n".join(f"- *{_line(v['claim'])}* {v['status']}: {_line(v['reason'])}" for v in open_)
    if study["figures"]:
        yield "## Figures"
        for title, file, caption in study["figures"]:
            yield f"### {title}\n\n![{title}](../../{study['folder']}/{file})\n\n{caption}"
    if study["notes"]:
        yield "## Settings that matter, and what differs"
        yield "\n".join(f"- {_line(note)}" for note in study["notes"])


def _examined(kind: str) -> str:
    """The rows of results/examinations.csv that bear on a paper."""
    with (RESULTS / "examinations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    head = {
        "reaches": "descent on all weights reaches a global minimum of the empirical squared risk",
        "fit": "a global minimum lies within this distance of the fitted weights",
        "twin": "one lies within this distance of the twin's weights",
    }[kind]
    column = {"reaches": "the theorem is short by a factor of", "fit": "distance at most", "twin": "distance at most"}[
        kind
    ]
    tested = "" if kind == "reaches" else " right on new examples | called local |"
    lines = [f"Claim: *{head}.* Standing: ours.", "", f"| data | network | verdict | {column} |{tested} command |"]
    lines.append("|---" * (5 if kind == "reaches" else 7) + "|")
    for row in rows:
        start = f"| {row['data']} | {row['network'].split(',')[0]} |"
        end = f" `{row['command']}` |"
        if kind == "reaches" and row["reaches_ratio"]:
            lines.append(f"{start} UNKNOWN | {float(row['reaches_ratio']):.1g} |{end}")
        elif kind != "reaches" and row[f"{kind}_radius"]:
            score = collect.score(row["task"], *(row[f"{kind}_{part}"] for part in ("test", "low", "high")))
            near = collect._up(row[f"{kind}_radius"])
            lines.append(f"{start} {row[f'{kind}_minimum']} | {near} | {score} | {row[f'{kind}_local']} |{end}")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(text: str) -> str:
    """Text as Markdown takes it: a star or an underscore in it is itself."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([*_<$])", r"\\\1", text)


def gallery() -> str:
    """All figures of all studies."""
    lines = [
        "# Figures of all studies",
        "",
        "Made by the studies, from their committed rows; each title leads to the claims behind it. The constructions have a",
        "[gallery](gallery.md) of their own.",
    ]
    where = {s["study"]: paper["slug"] for paper in papers() for s in paper["studies"]}
    for study in studies():
        page = f"papers/{where.get(study['study'], study['study'])}.md"
        lines += ["", f"## {study['title']}", "", f"[Claims and verdicts]({page})"]
        for title, file, caption in study["figures"]:
            lines += ["", f"![{title}](../{study['folder']}/{file})", "", f"**{title}.** {caption}"]
    return MADE + "\n".join(lines) + "\n"


# Reference

ROOMS = (
    "data",
    "networks",
    "verified",
    "tangent",
    "descent",
    "prove",
    "minima",
    "theorems",
    "audit",
    "figures",
    "studies",
    "report",
    "verdict",
    "plumbing",
)


def reference_pages() -> Iterator[tuple[Path, str]]:
    """A page a folder of the package, and the list of them."""
    folder = DOCS / "reference"
    rooms = {room: importlib.import_module(f"zeroloss.{room}") for room in ROOMS}
    top = importlib.import_module("zeroloss")
    lines = [
        "# Reference",
        "",
        "`import zeroloss as zl` has these names; everything else is in the folder that answers the question.",
        "",
        "| name | |",
        "|---|---|",
    ]
    lines += [
        f"| `zl.{name}` | {_sentence(getattr(top, name))} |" for name in top.__all__ if _documented(getattr(top, name))
    ]
    lines += ["", "| folder | question it answers |", "|---|---|"]
    lines += [f"| [`zeroloss.{room}`]({room}.md) | {_sentence(module)} |" for room, module in rooms.items()]
    yield folder / "index.md", MADE + "\n".join(lines) + "\n"
    for room, module in rooms.items():
        yield folder / f"{room}.md", MADE + _room(room, module)


def _room(room: str, module: ModuleType) -> str:
    names = {name: getattr(module, name) for name in module.__all__}
    lines = [f"# zeroloss.{room}", "", _sentence(module), "", "| name | |", "|---|---|"]
    shown = {name: value for name, value in names.items() if _documented(value)}
    for name, value in shown.items():
        source = f"src/{value.__module__.replace('.', '/')}"
        source += ".py" if (ROOT / f"{source}.py").exists() else "/__init__.py"
        lines.append(f"| [`{name}`](../../{source}) | {_sentence(value)} |")
    for name, value in shown.items():
        lines += ["", f"<!-- ::: {value.__module__}.{value.__qualname__} as {name} -->"]
    return "\n".join(lines) + "\n"


def _documented(value: Any) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def _sentence(value: Any) -> str:
    """The first paragraph of a docstring, as a cell of a table."""
    said = inspect.getdoc(value) or ""
    return re.sub(r"\s+", " ", said.split("\n\n")[0]).replace("|", "\\|")


# Parts of pages


def tutorials() -> str:
    """Each tutorial with the first sentence of its docstring."""
    first = ("first_examination", "pytorch", "twin", "my_study")
    found = sorted(DOCS.glob("tutorials/*.py"), key=lambda p: (first.index(p.stem) if p.stem in first else 9, p.stem))
    lines = []
    for path in found:
        head = scripts.cells(path.read_text(encoding="utf-8"))[0].prose
        title, _, rest = head.partition("\n")
        sentence = re.split(r"(?<=[.?!])\s", re.sub(r"\s+", " ", rest).strip())[0]
        lines.append(f"- [{title.lstrip('# ')}](tutorials/{path.stem}.md): {sentence[:1].lower()}{sentence[1:]}")
    return "\n".join(lines)


def guides() -> str:
    """The pages beside the start page, by their titles; those the start page names elsewhere left out."""
    left_out = ("index", "gallery", "figures")
    found = [path for path in sorted(DOCS.glob("*.md")) if path.stem not in left_out]
    heads = {path.name: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for path in found}
    return "\n".join(f"- [{title}]({name})" for name, title in heads.items())


def precision(topic: str) -> str:
    """One topic of results/precision.csv as a table, a column a precision."""
    with (RESULTS / "precision.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["topic"] == topic]
    if not rows:
        raise ValueError(f"results/precision.csv has nothing on {topic!r}; run python results/precision.py")
    columns = list(dict.fromkeys(row["column"] for row in rows))
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for setting in dict.fromkeys(row["setting"] for row in rows):
        values = {row["column"]: row["value"] for row in rows if row["setting"] == setting}
        lines.append(f"| {setting} | {' | '.join(values.get(column, '') for column in columns)} |")
    return "\n".join(lines)


def radii() -> str:
    """The proved radii, where the column of the table is the verdict."""
    with (RESULTS / "precision.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["topic"] == "proved radius"]
    lines = ["| network | weights | verdict | distance |", "|---|---|---|---|"]
    for row in rows:
        kind, weights = row["setting"].split("; ")
        lines.append(f"| {kind} | {weights} | {row['column']} | {row['value'].replace('nan', 'none')} |")
    return "\n".join(lines)


PARTS = {
    "tutorials": tutorials,
    "guides": guides,
    "kernel-entries": lambda: precision("kernel entries"),
    "smallest-eigenvalue": lambda: precision("smallest eigenvalue"),
    "lowest-loss": lambda: precision("lowest loss"),
    "proved-radius": radii,
    "peak-of-a-bump": lambda: precision("peak of a bump"),
    "added-layers": lambda: precision("added layers"),
}


def main() -> None:
    """Write what differs; remove pages of results that are gone."""
    found = pages()
    for folder in ("papers", "reference"):
        for path in (DOCS / folder).glob("*.md"):
            if path not in found:
                print(f"removed {path.relative_to(ROOT)}")
                path.unlink()
    for path, text in found.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
