"""Where rows are kept: one per trial and seed, durable as soon as it is finished.

SQLite in one file by default, PostgreSQL by URL, both through SQLAlchemy. A row is first a *lease* (a runner is at it),
then *done* or *failed*. Its primary key is the trial's hash, so nothing can be there twice; leases are taken in one
transaction, so two runners on one store never do one trial both; a lease of a dead runner (see `runners`) is
taken over. SQLite keeps its rollback journal and full synchronisation, not a write-ahead log: one file, readable from
a read-only folder and on network drives; a commit costs about a millisecond on a solid-state disk.

Metrics are JSON (with Python's `NaN` and `Infinity`), so that any program can read the store.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.plumbing.version import __version__
from zeroloss.studies.runners import Runner, Watcher
from zeroloss.studies.schema import begin_explicitly, database_url, in_words, tables

DEFAULT = "zeroloss-studies.sqlite"
SCHEMA = "1"
LEASED, DONE, FAILED = "leased", "done", "failed"
_LOCK = 0x7A65726F6C6F7373
"""The lock of PostgreSQL under which tables are made: "zeroloss" in ASCII."""
_CHUNK = 400
"""Keys in one statement; SQLite takes at most 32,766 values, old ones 999."""


def default_store() -> str:
    """`$ZEROLOSS_STORE`, or a file in the current folder."""
    return os.environ.get("ZEROLOSS_STORE") or DEFAULT


class Store:
    """An open store.

    Args:
        where: a path, or a database URL (`postgresql://user@host/name`, `sqlite:///path`); ":memory:" keeps nothing.
        readonly: for reading only: nothing is made, and a missing file is an error.

    Raises:
        InputError: it cannot be opened, or holds something else.
    """

    def __init__(self, where: str | os.PathLike[str] | None = None, *, readonly: bool = False):
        import sqlalchemy as sa

        self.where = str(where if where is not None else default_store())
        self._url = database_url(self.where, readonly)
        self.sqlite = self._url.get_backend_name() == "sqlite"
        self.shown = _shown(self._url) if "://" in self.where else self.where
        self._meta, self._runner, self._trial, self._about = tables()
        with self._plainly():
            arguments: dict[str, Any] = {"connect_args": {"timeout": 60}} if self.sqlite else {"pool_pre_ping": True}
            if self.where == ":memory:":
                arguments |= {"poolclass": sa.pool.StaticPool, "connect_args": {"check_same_thread": False}}
            self._engine = sa.create_engine(self._url, **arguments)
        if self.sqlite:
            begin_explicitly(self._engine)
        try:
            if not readonly:
                self._make_tables()
            self._check_schema()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._engine.dispose()

    # what is there

    def status(self, study: str, experiment: str, version: int) -> dict[str, str]:
        """The key of each row of the experiment's version, and whether it is leased, done or failed."""
        import sqlalchemy as sa

        t = self._trial.c
        with self._reading() as connection:
            found = connection.execute(sa.select(t.key, t.status).where(*self._of(study, experiment, version)))
            return {row.key: row.status for row in found}

    def rows(self, study: str, experiment: str, version: int) -> list[dict[str, Any]]:
        """The finished rows: key, parameters, seed, status, metrics, reason, seconds, software, code, finished."""
        import sqlalchemy as sa

        t = self._trial.c
        wanted = (t.key, t.parameters, t.seed, t.status, t.metrics, t.reason, t.seconds, t.software, t.code, t.finished)
        query = sa.select(*wanted).where(*self._of(study, experiment, version), t.status != LEASED)
        with self._reading() as connection:
            found = [dict(row._mapping) for row in connection.execute(query)]
        for row in found:
            row["parameters"] = json.loads(row["parameters"])
            row["metrics"] = json.loads(row["metrics"]) if row["metrics"] else {}
        return found

    def versions(self, study: str) -> dict[tuple[str, int], int]:
        """How many finished rows each (experiment, version) of a study has."""
        import sqlalchemy as sa

        t = self._trial.c
        query = (
            sa.select(t.experiment, t.version, sa.func.count())
            .where(t.study == study, t.status != LEASED)
            .group_by(t.experiment, t.version)
        )
        with self._reading() as connection:
            return {(experiment, version): count for experiment, version, count in connection.execute(query)}

    def mean_seconds(self, study: str, experiment: str, version: int) -> dict[str, float]:
        """Mean seconds of a finished trial, by parameters (as JSON)."""
        import sqlalchemy as sa

        t = self._trial.c
        query = (
            sa.select(t.parameters, sa.func.avg(t.seconds))
            .where(*self._of(study, experiment, version), t.status == DONE)
            .group_by(t.parameters)
        )
        with self._reading() as connection:
            return {parameters: float(seconds) for parameters, seconds in connection.execute(query)}

    # runners

    def enter(self, runner: Runner) -> None:
        """A runner says that it is here."""
        values = {"name": runner.name, "machine": runner.machine, "pid": runner.pid, "start": runner.start, "beat": 0}
        with self._writing() as connection:
            connection.execute(self._runner.insert().values(**values))

    def beat(self, runner: Runner) -> None:
        """It is still here."""
        r = self._runner
        with self._writing() as connection:
            connection.execute(r.update().where(r.c.name == runner.name).values(beat=r.c.beat + 1))

    def leave(self, runner: Runner) -> None:
        """It goes, and gives back what it leased and did not finish."""
        t, r = self._trial, self._runner
        with self._writing() as connection:
            connection.execute(t.delete().where(t.c.runner == runner.name, t.c.status == LEASED))
            connection.execute(r.delete().where(r.c.name == runner.name))

    def dead(self, watcher: Watcher, me: Runner) -> list[str]:
        """The names of runners that hold leases and are dead, as `watcher` sees it."""
        import sqlalchemy as sa

        t = self._trial.c
        with self._reading() as connection:
            known = {row.name: row for row in connection.execute(sa.select(self._runner)) if row.name != me.name}
            holders = set(connection.execute(sa.select(t.runner).where(t.status == LEASED).distinct()).scalars())
        gone = [name for name in holders if name not in known and name != me.name]
        for row in known.values():
            if not watcher.alive(Runner(row.name, row.machine, row.pid, row.start), row.beat):
                gone.append(row.name)
        return gone

    def held(self, keys: set[str], dead: set[str]) -> set[str]:
        """Which of these trials are leased to runners that are not dead."""
        import sqlalchemy as sa

        t = self._trial.c
        query = sa.select(t.key, t.runner).where(t.status == LEASED)
        with self._reading() as connection:
            return {key for key, runner in connection.execute(query) if key in keys and runner not in dead}

    # trials

    def lease(
        self, me: Runner, trials: Sequence[Mapping[str, Any]], dead: Sequence[str] = (), retry: bool = False
    ) -> set[str]:
        """The keys, of these trials, that are now leased to `me` and to nobody else.

        Args:
            trials: rows with key, study, experiment, version, parameters (JSON), seed.
            dead: runners whose leases may be taken over.
            retry: take failed ones too.
        """
        import sqlalchemy as sa

        t = self._trial
        mine: set[str] = set()
        with self._writing() as connection:
            for part in _parts(trials):
                keys = [row["key"] for row in part]
                values = [dict(row) | {"status": LEASED, "runner": me.name} for row in part]
                connection.execute(self._insert(t).on_conflict_do_nothing(), values)
                free = [sa.and_(t.c.status == LEASED, t.c.runner.in_(list(dead)))] if dead else []
                free += [t.c.status == FAILED] if retry else []
                if free:
                    again = {"status": LEASED, "runner": me.name, "reason": None}
                    connection.execute(t.update().where(t.c.key.in_(keys), sa.or_(*free)).values(**again))
                held = sa.select(t.c.key).where(t.c.key.in_(keys), t.c.runner == me.name, t.c.status == LEASED)
                mine.update(connection.execute(held).scalars())
        return mine

    def finish(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write finished trials, all in one transaction: rows with key, seconds, code, and metrics or a reason.

        A row that is done stays as it is.
        """
        import sqlalchemy as sa

        t = self._trial
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        written = []
        for row in rows:
            failed = row.get("reason") is not None
            written.append(
                {
                    "its_key": row["key"],
                    "status": FAILED if failed else DONE,
                    "metrics": None if failed else json.dumps(row["metrics"]),
                    "reason": row.get("reason"),
                    "seconds": row["seconds"],
                    "software": __version__,
                    "code": row.get("code", ""),
                    "finished": now,
                }
            )
        if written:
            change = t.update().where(t.c.key == sa.bindparam("its_key"), t.c.status != DONE)
            columns: Any = {name: sa.bindparam(name) for name in written[0] if name != "its_key"}
            with self._writing() as connection:
                connection.execute(change.values(**columns), written)

    # plumbing

    def _of(self, study: str, experiment: str, version: int) -> tuple[Any, ...]:
        t = self._trial.c
        return t.study == study, t.experiment == experiment, t.version == version

    def _insert(self, table: Any) -> Any:
        from sqlalchemy.dialects import postgresql, sqlite

        return (sqlite if self.sqlite else postgresql).insert(table)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Any]:
        with self._plainly(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Any]:
        options = {"zeroloss_writes": True}
        with self._plainly(), self._engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def _make_tables(self) -> None:
        """The tables where there are none; that this can write is seen here, and not after the first trial."""
        import sqlalchemy as sa

        about = self._about
        with self._writing() as connection:
            if not self.sqlite:  # two runners that start together must not both make the tables
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            self._meta.create_all(connection)
            connection.execute(self._insert(about).on_conflict_do_nothing(), {"name": "schema", "value": SCHEMA})
            connection.execute(about.update().values(value=about.c.value))

    def _check_schema(self) -> None:
        import sqlalchemy as sa

        about = self._about
        with self._plainly():
            there = sa.inspect(self._engine).has_table(about.name)
        if not there:
            raise InputError(f"the store {self.shown} holds no studies; run one first, or name another --store.")
        with self._reading() as connection:
            found = connection.execute(sa.select(about.c.value).where(about.c.name == "schema")).scalar()
        if found != SCHEMA:
            raise InputError(
                f"the store {self.shown} was written by another version of zeroloss (schema {found}, here {SCHEMA}); "
                "name another --store, or export with that version."
            )

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """Errors of the database in one line."""
        from sqlalchemy import exc

        try:
            yield
        except (exc.DBAPIError, exc.ArgumentError, exc.NoSuchModuleError, ModuleNotFoundError) as error:
            raise InputError(f"the store {self.shown} {in_words(error)}") from error


def _shown(url: Any) -> str:
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def _parts(trials: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    for start in range(0, len(trials), _CHUNK):
        yield trials[start : start + _CHUNK]
