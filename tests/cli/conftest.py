"""The command line, called in this process."""

import pytest

from zeroloss.cli import main


@pytest.fixture
def zeroloss(monkeypatch, capsys, tmp_path):
    """`zeroloss("certify", "wine")` -> (exit code, standard output, standard error), in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        monkeypatch.setattr("sys.argv", ["zeroloss", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call
