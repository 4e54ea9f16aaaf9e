"""The store's tables, where they are, and what its errors mean: what SQLAlchemy needs to know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError


def in_words(error: Exception) -> str:
    text = " ".join(str(getattr(error, "orig", None) or error).split())
    known = {
        "disk is full": "cannot be written: the disk is full; free some space and run again (finished trials are kept).",
        "disk I/O error": "cannot be read or written: the disk reports an error; look at the disk, then run again.",
        "readonly database": "cannot be written: it is read-only; allow writing, or name another --store.",
        "unable to open": "cannot be opened: its folder is missing or may not be written; name another --store.",
        "not a database": "is not a store: the file is no SQLite database; name another --store.",
        "malformed": "is damaged: SQLite cannot read it; restore a copy, or name another --store.",
        "locked": "was locked by another program for a minute; close that, and run again.",
        "No space left": "cannot be written: the server's disk is full; free some space and run again.",
        "No module named": "needs psycopg, which is not installed: pip install 'psycopg[binary]'.",
    }
    for sign, words in known.items():
        if sign in text:
            return words
    return f"does not answer: {text.rstrip('.')}."


def database_url(where: str, readonly: bool) -> Any:
    import sqlalchemy as sa

    if where == ":memory:":
        return sa.make_url("sqlite://")
    if "://" not in where:
        path = Path(where)
        if path.is_dir():
            raise InputError(f"the store {where} is a folder; name a file in it.")
        if readonly and not path.is_file():
            raise InputError(f"there is no store {where}; run the study first, or name the store with --store.")
        mode = "ro" if readonly else "rwc"
        return sa.URL.create("sqlite", database=f"file:{_quoted(path)}", query={"mode": mode, "uri": "true"})
    try:
        url = sa.make_url(where)
    except sa.exc.ArgumentError as error:
        raise InputError(f"--store {where}: not a database URL; for example postgresql://user@host/name.") from error
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        raise InputError(f"--store {url.get_backend_name()}: give a file (SQLite) or a postgresql:// URL.")
    return database_url(url.database, readonly) if url.database else url


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))


def begin_explicitly(engine: Any) -> None:
    """Python's SQLite driver begins no transaction by itself, so that a writer can take its lock at once."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        writes = connection.get_execution_options().get("zeroloss_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def tables() -> tuple[Any, Any, Any, Any]:
    import sqlalchemy as sa

    meta = sa.MetaData()
    runner = sa.Table(
        "zeroloss_runner",
        meta,
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("start", sa.Text, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
    )
    trial = sa.Table(
        "zeroloss_trial",
        meta,
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("study", sa.Text, nullable=False),
        sa.Column("experiment", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("runner", sa.String(32)),
        sa.Column("metrics", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("seconds", sa.Float),
        sa.Column("software", sa.Text),
        sa.Column("code", sa.String(12)),
        sa.Column("finished", sa.Text),
        sa.Index("zeroloss_trial_of", "study", "experiment", "version"),
    )
    about = sa.Table(
        "zeroloss_about", meta, sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", sa.Text)
    )
    return meta, runner, trial, about
