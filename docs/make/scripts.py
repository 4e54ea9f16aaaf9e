"""Pages that are scripts: each is run, and the page shows its prose, its code and what that printed and drew.

python docs/make/scripts.py                    # all of docs/tutorials/*.py and docs/concepts/*.py
python docs/make/scripts.py twin my_study      # some of them

A script is plain Python that also runs by itself. Its docstring opens the page (first sentence: the title); a comment that
begins with `# %%` begins a new cell, the comment lines after it are the cell's prose, in Markdown; the rest is code. In a
script without `# %%` a comment block after a blank line is prose if a blank line follows too, or if it begins with a number
(`# 2. Into zeroloss. One line ...`), whose first sentence then is a heading. All cells share one namespace and an
empty folder to work in. After each cell stands what it printed; a cell that ends in an Altair chart is followed by it as a
picture, described by the chart's `description`. In the prose a fence ` ```sh run ` is run, and its output follows too.

The result, `NAME.md` beside `NAME.py`, is committed, so that it can be read without a build. In such a page a fence
` ```text ` is always output: a test takes them out and compares the rest with the script, and another runs it again.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import itertools
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FOLDERS = ("tutorials", "concepts")
NUMBERED = re.compile(r"\d+\. ")
SHELL = re.compile(r"^```sh run\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Cell:
    """Prose, then code; either may be empty."""

    prose: str
    code: str


def scripts() -> list[Path]:
    """All scripts that are pages."""
    return [path for folder in FOLDERS for path in sorted((DOCS / folder).glob("*.py"))]


def cells(text: str) -> list[Cell]:
    """A script cut into cells; the first is the docstring, as prose under its title."""
    tree, lines = ast.parse(text), text.splitlines()
    opening = ast.get_docstring(tree)
    if opening is None:
        raise ValueError("a script that is a page begins with a docstring: its title, and what it is about")
    title, rest = _sentence(opening)
    found = [Cell(f"# {title.lstrip('# ')}\n\n{rest}".strip(), "")]
    begins = [*_begins(tree, lines), len(lines)]
    start = tree.body[0].end_lineno or 0
    if code := "\n".join(lines[start : begins[0]]).strip():
        found.append(Cell("", code))
    for first, last in itertools.pairwise(begins):
        end = first
        while end < last and lines[end].startswith("#"):
            end += 1
        prose = [re.sub(r"^# ?", "", line) for line in lines[first:end]]
        if prose[0].startswith("%%"):
            heading = prose[0].removeprefix("%%").strip()
            prose[:1] = [f"## {heading}", ""] if heading else []
        elif NUMBERED.match(prose[0]):
            title, rest = _sentence("\n".join(line.strip() for line in prose))
            prose = [f"## {title}", "", rest]
        found.append(Cell("\n".join(prose).strip(), "\n".join(lines[end:last]).strip()))
    return found


def _begins(tree: ast.Module, lines: list[str]) -> list[int]:
    """The lines, from 0, on which cells begin."""
    inside = {row for node in tree.body for row in range(node.lineno - 1, node.end_lineno or 0)}
    comments = [row for row, line in enumerate(lines) if line.startswith("#") and row not in inside]
    marked = [row for row in comments if lines[row].startswith("# %%")]
    if marked:
        return marked
    alone = []
    for row in comments:
        end = row
        while end < len(lines) and lines[end].startswith("#"):
            end += 1
        before = row == 0 or not lines[row - 1].strip()
        if before and (end == len(lines) or not lines[end].strip() or NUMBERED.match(lines[row][2:])):
            alone.append(row)
    return alone


def _sentence(text: str) -> tuple[str, str]:
    """The first sentence or line, without a full stop, and the rest."""
    numbered = NUMBERED.match(text)
    start = numbered.end() if numbered else 0
    found = re.search(r"[.?!](?=\s)|\n|$", text[start:])
    end = start + (found.end() if found else len(text))
    return text[:end].strip().removesuffix("."), text[end:].strip()


def skeleton(text: str) -> str:
    """The page of a script without any output: what can be compared without running it."""
    return _joined(SHELL.sub(r"```sh\n\1```", part) for cell in cells(text) for part in _parts(cell))


def without_output(page: str) -> str:
    """A committed page without its output."""
    page = re.sub(r"^<!-- Made by .*? -->\n+", "", page)
    page = re.sub(r"^```text\n.*?^```\n+", "", page, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^!\[[^\]]*\]\([a-z_]+/figure-\d+\.png\)\n+", "", page, flags=re.MULTILINE).rstrip() + "\n"


def _parts(cell: Cell) -> list[str]:
    return [part for part in (cell.prose, f"```python\n{cell.code}\n```" if cell.code else "") if part]


def _joined(parts: Any) -> str:
    return "\n\n".join(parts) + "\n"


def outputs(page: str) -> list[str]:
    """The outputs of a committed page, in order."""
    return re.findall(r"^```text\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


class Runner:
    """Runs the cells of one script in a folder of its own; collects Markdown and pictures."""

    def __init__(self, path: Path) -> None:
        self.path, self.names = path, {"__name__": "__main__", "__file__": path.name}
        self.pictures: list[bytes] = []

    def page(self) -> str:
        """The page, with output."""
        found = cells(self.path.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            parts = [part for cell in found for part in self._cell(cell)]
        made = f"<!-- Made by docs/make/scripts.py from {self.path.name}, which ran: edit that. -->\n\n"
        return made + _joined(parts)

    def _cell(self, cell: Cell) -> Iterator[str]:
        if cell.prose:
            yield SHELL.sub(lambda found: self._shell(found[1]), cell.prose)
        if cell.code:
            yield f"```python\n{cell.code}\n```"
            printed, value = self._run(cell.code)
            if printed.strip():
                yield f"```text\n{printed.rstrip()}\n```"
            if _is_chart(value):
                yield self._picture(value)

    def _shell(self, commands: str) -> str:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        place = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        wide = {"COLUMNS": "120", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-euc", commands],
            env=os.environ | {"PATH": path, "PYTHONPATH": place} | wide,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{self.path.name}: {commands.strip()} ended with {done.returncode}\n{done.stderr}")
        printed = self._plain(done.stdout).rstrip()
        return f"```sh\n{commands}```" + (f"\n\n```text\n{printed}\n```" if printed else "")

    def _run(self, code: str) -> tuple[str, Any]:
        """What a cell prints, the value of its last expression included, as in a notebook; and that value."""
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        out, value = io.StringIO(), None
        with contextlib.redirect_stdout(out):
            try:
                exec(compile(tree, self.path.name, "exec"), self.names)
                if isinstance(last, ast.Expr):
                    value = eval(compile(ast.Expression(last.value), self.path.name, "eval"), self.names)
            except Exception as error:
                error.add_note(f"in this cell of {self.path}:\n{code}")
                raise
        printed = out.getvalue()
        if value is not None and not _is_chart(value):
            printed += f"{value!r}\n"
        return self._plain(printed), value

    def _picture(self, chart: Any) -> str:
        import vl_convert

        said = chart.to_dict()
        if said.get("width") == "container":
            said["width"] = 560
        self.pictures.append(vl_convert.vegalite_to_png(said, scale=2))
        return f"![{said.get('description', 'Figure')}]({self.path.stem}/figure-{len(self.pictures)}.png)"

    @staticmethod
    def _plain(text: str) -> str:
        """Without the names of folders of this machine, how long it took, and spaces at the ends of lines."""
        text = text.replace(f"{Path.cwd()}/", "").replace(f"{ROOT}/", "")
        text = re.sub(r"\bin [\d.,]+ (s|min)\b", r"in … \1", text)
        return "\n".join(line.rstrip() for line in text.split("\n"))


def _is_chart(value: Any) -> bool:
    return type(value).__module__.startswith("altair.") and hasattr(value, "to_dict")


def write(path: Path) -> None:
    """Run a script and write its page and pictures."""
    runner = Runner(path)
    page = runner.page()
    folder = path.with_suffix("")
    for old in folder.glob("figure-*.png"):
        old.unlink()
    for number, picture in enumerate(runner.pictures, 1):
        folder.mkdir(exist_ok=True)
        (folder / f"figure-{number}.png").write_bytes(picture)
    path.with_suffix(".md").write_text(page, encoding="utf-8")


def main() -> None:
    """Write the pages that are named, or all."""
    chosen = [path for path in scripts() if not sys.argv[1:] or path.stem in sys.argv[1:]]
    for path in chosen:
        print(f"== {path.relative_to(ROOT)}", flush=True)
        try:
            write(path)
        except Exception:
            traceback.print_exc()
            sys.exit(f"{path.name} did not run; its page stays as it was.")


if __name__ == "__main__":
    main()
