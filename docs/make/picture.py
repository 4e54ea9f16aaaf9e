"""The picture at the head of README.md and of the documentation: the first verdicts of a report, as Chromium shows them.

zeroloss examine digits --out report
python docs/make/picture.py report    # writes docs/report.png; look at it before it is committed

The page is shown in a frame, moved up so that it begins at the summary; `TOP` and `SIZE` hold for the page as it is now.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "report.png"
TOP = 234
"""CSS pixels of the page above the picture."""
SIZE = (1000, 522)
"""Width and height in CSS pixels."""
FRAME = """<!doctype html><style>html, body {{ margin: 0; overflow: hidden }}
iframe {{ border: 0; display: block; width: {width}px; height: 2000px; margin-top: -{top}px }}</style>
<iframe src="{report}"></iframe>"""


def take(report: Path, picture: Path) -> None:
    """Write the picture of a report.html, at twice the resolution of its pixels."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("No Chromium was found; install it, for instance by apt-get install chromium.")
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "frame.html"
        frame.write_text(FRAME.format(width=SIZE[0], top=TOP, report=report.resolve().as_uri()), encoding="utf-8")
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=2")
        size = f"--window-size={SIZE[0]},{SIZE[1]}"
        command = [browser, *options, "--virtual-time-budget=5000", size, f"--screenshot={picture}", frame.as_uri()]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]) / "report.html", PICTURE)
