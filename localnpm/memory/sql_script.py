"""Running a script of SQL within the transaction that is open, which sqlite3's own `executescript` would commit."""

import sqlite3


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """Execute each statement of a script, which ends at a line's end, within the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    if statement.strip():
        connection.execute(statement)
