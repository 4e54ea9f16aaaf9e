"""A PostgreSQL server for the tests of the store, started where its programs are there."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def _program(name: str) -> str | None:
    return shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres():
    """The URL of an empty database of its own server; `$ZEROLOSS_TEST_POSTGRES` names one that is there instead."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'zeroloss[cluster]')")
    if url := os.environ.get("ZEROLOSS_TEST_POSTGRES"):
        yield url
        return
    initdb, control = _program("initdb"), _program("pg_ctl")
    if not (initdb and control):
        pytest.skip("no PostgreSQL server is installed here")
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        if not shutil.which("runuser") or subprocess.run(["id", "postgres"], capture_output=True).returncode:
            pytest.skip("root cannot start PostgreSQL, and there is no user postgres to do it")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="zeroloss-postgres-") as folder:
        os.chmod(folder, 0o777)
        data = str(Path(folder) / "data")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run = {"check": True, "capture_output": True, "cwd": "/", "timeout": 120}
        subprocess.run([*as_user, initdb, "-D", data, "-U", "zeroloss", "-A", "trust"], **run)
        subprocess.run([*as_user, control, "-D", data, "-o", options, "-l", f"{folder}/log", "-w", "start"], **run)
        try:
            yield f"postgresql://zeroloss@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*as_user, control, "-D", data, "-m", "immediate", "stop"], **run)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where a store may be: a file, and a database on a server, empty both."""
    if request.param == "sqlite":
        return str(tmp_path / "store.sqlite")
    url = request.getfixturevalue("postgres")
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for table in ("trial", "runner", "about"):
            connection.execute(f"drop table if exists zeroloss_{table}")
    return url
