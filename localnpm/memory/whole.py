"""The whole memory as one SQLite file: written with the backup API, read into a memory that is still empty.

Of a file from elsewhere only rows are taken, and only where its tables are exactly those that this program makes: no
trigger or view of it ever runs. Not in the file: before-images of large files (HOME/undo), settings, models.
"""

import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

from localnpm.errors import LocalnpmError, MemoryFileError
from localnpm.memory.backups import STAGING
from localnpm.memory.database import Database
from localnpm.memory.faults import explained
from localnpm.memory.migrations import APPLICATION_ID
from localnpm.memory.schema import MIGRATIONS

MAGIC = b"SQLite format 3\0"
_MARKS = ("application_id", "user_version")
_NOT_TAKEN = {"locks", "recall_revision", "sqlite_sequence"}
"""What tells of a file itself, not of what it holds."""
_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name"


def export_memory(database: Database, to: Path, *, replace: bool = False) -> None:
    """Copy the whole memory to one file.

    Raises:
        LocalnpmError: the file is there already, or is the memory itself.
        MemoryFileError: it cannot be written.
    """
    if to.exists() and (not replace or not to.is_file() or (database.path and to.samefile(database.path))):
        raise LocalnpmError(f"{to} is there already. Choose another name, or replace a file with --force.")
    database.backup(to)


def import_memory(database: Database, file: Path) -> None:
    """Take over all rows of a memory file, of this version or an older one.

    Raises:
        LocalnpmError: this memory is not empty, or the file is not a sound memory; nothing is changed.
        MemoryFileError: this memory cannot be written; nothing is changed.
    """
    if database.folder is None:
        raise LocalnpmError("A private memory takes over no file.")
    _check_empty(database)
    _check_kind(file)
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=database.folder) as name:
        staged = Path(name) / "memory.db"
        try:
            _stage(file, staged)
            with Database.open(staged) as opened:
                wrong = opened.check()
        except (sqlite3.DatabaseError, MemoryFileError) as error:
            raise _refused(file, str(error).splitlines()[0]) from error
        if wrong:
            raise _refused(file, wrong[0])
        _take_over(database, staged)


def is_memory(file: Path) -> bool:
    """Whether a file begins as a SQLite database does."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _check_empty(database: Database) -> None:
    counts = [
        (table, database.query(f"SELECT count(*) FROM {table}")[0][0])
        for table in ("sessions", "attempts", "procedures", "vectors")
    ]
    there = [f"{count} {table}" for table, count in counts if count]
    if there:
        raise LocalnpmError(
            f"This memory has {', '.join(there)}, and a whole memory can only be taken over by an empty one. "
            "Import it into a new home: `localnpm --home FOLDER memory import FILE`."
        )


def _check_kind(file: Path) -> None:
    """An ordinary file that begins as a SQLite database does."""
    try:
        ordinary = stat.S_ISREG(file.stat().st_mode)
    except OSError as error:
        raise _refused(file, str(error.strerror)) from error
    if not ordinary or not is_memory(file):
        raise _refused(file, "it is no SQLite database")


def _stage(file: Path, staged: Path) -> None:
    """A copy to work on, after a look at its owner, its version and its tables."""
    beside = file.with_name(file.name + "-wal")
    # Without a log beside it nothing else may be made beside a file that is only to be read.
    mode = "mode=ro" if beside.exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", uri=True)) as source:
        source.execute("PRAGMA trusted_schema = OFF")
        found = source.execute(_SCHEMA).fetchall()
        owner, version = (int(source.execute(f"PRAGMA {name}").fetchone()[0]) for name in _MARKS)
        if owner != APPLICATION_ID:
            raise _refused(file, "it is a database of another program")
        if not 1 <= version <= len(MIGRATIONS):
            raise _refused(file, f"it has schema {version}; this version of localnpm knows 1 to {len(MIGRATIONS)}")
        with Database.open(None, migrations=MIGRATIONS[:version]) as made:
            expected = [tuple(row) for row in made.query(_SCHEMA)]
        if found != expected:
            raise _refused(file, "its tables are not those that localnpm makes")
        with closing(sqlite3.connect(staged)) as target:
            source.backup(target)


def _take_over(database: Database, staged: Path) -> None:
    """All rows in one transaction; the indexes follow by this memory's own triggers."""
    connection = database.connection
    with explained(database.path):
        connection.execute("ATTACH ? AS staged", (str(staged),))
        try:
            with database.transaction():
                connection.execute("PRAGMA defer_foreign_keys = ON")
                _check_empty(database)
                for table in _tables(connection):
                    columns = ", ".join(row["name"] for row in connection.execute(f"PRAGMA main.table_info({table})"))
                    connection.execute(f"INSERT INTO main.{table}({columns}) SELECT {columns} FROM staged.{table}")
                connection.execute("DELETE FROM main.sqlite_sequence")
                connection.execute("INSERT INTO main.sqlite_sequence SELECT * FROM staged.sqlite_sequence")
        finally:
            connection.execute("DETACH staged")


def _tables(connection: sqlite3.Connection) -> list[str]:
    """The tables with rows of their own, oldest first; those of the full-text indexes are not among them."""
    rows = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
    return [row["name"] for row in rows if "_fts" not in row["name"] and row["name"] not in _NOT_TAKEN]


def _refused(file: Path, why: str) -> LocalnpmError:
    return LocalnpmError(f"{file} cannot be imported as a memory: {why}. Nothing was changed.")
