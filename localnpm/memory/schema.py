"""The tables of memory.db as numbered migrations: read from top to bottom they are the schema's history.

A migration is never edited once released; a change is a new one at the end. `migrations.py` runs them, each in one
transaction, so none may commit.
"""

import sqlite3
from collections.abc import Callable

from localnpm.memory.schema_procedures import m002_procedures
from localnpm.memory.sql_script import run_script

Migration = Callable[[sqlite3.Connection], None]


def m001_log(connection: sqlite3.Connection) -> None:
    """Sessions, attempts, their steps, verdicts and journaled changes. Times are UTC, ISO 8601."""
    run_script(
        connection,
        """
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            workspace TEXT NOT NULL,
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL
        );

        CREATE TABLE attempts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
            request TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'running'
                CHECK (status IN ('running', 'done', 'interrupted', 'cancelled', 'failed')),
            process TEXT NOT NULL,                 -- the owner's lock file in HOME/run
            workspace TEXT NOT NULL,
            model TEXT NOT NULL,
            model_fingerprint TEXT NOT NULL,
            system TEXT NOT NULL,                  -- the exact system text, memory included
            sampling TEXT NOT NULL,                -- JSON, the seed among it
            channel TEXT NOT NULL DEFAULT 'none' CHECK (channel IN ('none', 'script', 'vector', 'both')),
            answer TEXT,
            error TEXT,                            -- why the status is failed
            surroundings INTEGER NOT NULL DEFAULT 0,  -- 1: not the agent's failure (no permission, disk full, ...)
            retry_of INTEGER REFERENCES attempts(id) ON DELETE SET NULL,
            undone_at TEXT,                        -- its changes are taken back
            prompt_tokens INTEGER NOT NULL DEFAULT 0,
            generated_tokens INTEGER NOT NULL DEFAULT 0,
            started_at TEXT NOT NULL,
            finished_at TEXT
        );
        CREATE INDEX attempts_by_session ON attempts(session_id);
        CREATE INDEX attempts_by_status ON attempts(status);

        -- A step is one call of an assistant turn, or, with tool NULL, the turn that answers.
        CREATE TABLE steps (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            text TEXT NOT NULL,                    -- the assistant's turn, exactly; empty for its later calls
            thought TEXT NOT NULL DEFAULT '',
            tool TEXT,
            arguments TEXT,                        -- JSON
            result TEXT,                           -- exactly what the model read; NULL while the tool acts
            error TEXT,                            -- the class of a failed call, NULL for a good one
            generated_tokens INTEGER NOT NULL DEFAULT 0,
            started_at TEXT NOT NULL,
            finished_at TEXT,
            UNIQUE (attempt_id, position)
        );

        CREATE TABLE verdicts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            source TEXT NOT NULL CHECK (source IN ('user', 'check', 'environment', 'correction', 'judge',
                                                   'undone', 'declined', 'edited', 'kept')),
            success INTEGER NOT NULL CHECK (success IN (0, 1)),
            confidence REAL NOT NULL CHECK (confidence > 0 AND confidence <= 1),
            reason TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL
        );
        CREATE INDEX verdicts_by_attempt ON verdicts(attempt_id);

        -- One row per path that an attempt changes, written before the change is made.
        CREATE TABLE changes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            step_id INTEGER REFERENCES steps(id) ON DELETE SET NULL,
            workspace TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('write', 'create_directory', 'move', 'copy', 'delete')),
            path TEXT NOT NULL,                    -- relative to the workspace, POSIX
            destination TEXT,                      -- of a move or copy
            before_kind TEXT NOT NULL CHECK (before_kind IN ('absent', 'file', 'directory', 'symlink')),
            before_mode INTEGER,
            before_hash TEXT,                      -- SHA-256
            before_bytes BLOB,                     -- NULL with a hash: in HOME/undo under that hash
            planned_hash TEXT,                     -- what a file is to become; after_hash says what it became
            after_kind TEXT CHECK (after_kind IN ('absent', 'file', 'directory', 'symlink')),
            after_mode INTEGER,
            after_hash TEXT,
            after_bytes BLOB,                      -- kept when the change is undone, for redo
            done_at TEXT,                          -- NULL: planned; perhaps made, perhaps not
            undone_at TEXT,
            pending TEXT CHECK (pending IN ('undo', 'redo')),  -- begun; perhaps made, perhaps not
            created_at TEXT NOT NULL
        );
        CREATE INDEX changes_by_attempt ON changes(attempt_id);

        -- What only one process may do at a time.
        CREATE TABLE locks (
            name TEXT PRIMARY KEY,
            process TEXT NOT NULL,
            taken_at TEXT NOT NULL
        );

        -- What an attempt is judged by: the latest entry of the highest rank present. Weak evidence is one rank.
        CREATE VIEW outcomes AS
        SELECT attempt_id, id AS verdict_id, source, success, confidence, reason, created_at
        FROM (
            SELECT *, row_number() OVER (
                PARTITION BY attempt_id
                ORDER BY CASE source WHEN 'user' THEN 1 WHEN 'check' THEN 2 WHEN 'environment' THEN 3
                         WHEN 'correction' THEN 4 WHEN 'judge' THEN 5 ELSE 6 END, id DESC
            ) AS place FROM verdicts
        )
        WHERE place = 1;

        -- Full-text search. The texts stay in their tables; the triggers keep the indexes in step.
        CREATE VIRTUAL TABLE attempts_fts USING fts5(
            request, answer, content='attempts', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
        CREATE TRIGGER attempts_ai AFTER INSERT ON attempts BEGIN
            INSERT INTO attempts_fts(rowid, request, answer) VALUES (new.id, new.request, new.answer);
        END;
        CREATE TRIGGER attempts_ad AFTER DELETE ON attempts BEGIN
            INSERT INTO attempts_fts(attempts_fts, rowid, request, answer)
                VALUES ('delete', old.id, old.request, old.answer);
        END;
        CREATE TRIGGER attempts_au AFTER UPDATE OF request, answer ON attempts BEGIN
            INSERT INTO attempts_fts(attempts_fts, rowid, request, answer)
                VALUES ('delete', old.id, old.request, old.answer);
            INSERT INTO attempts_fts(rowid, request, answer) VALUES (new.id, new.request, new.answer);
        END;

        CREATE VIRTUAL TABLE steps_fts USING fts5(
            text, result, content='steps', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
        CREATE TRIGGER steps_ai AFTER INSERT ON steps BEGIN
            INSERT INTO steps_fts(rowid, text, result) VALUES (new.id, new.text, new.result);
        END;
        CREATE TRIGGER steps_ad AFTER DELETE ON steps BEGIN
            INSERT INTO steps_fts(steps_fts, rowid, text, result) VALUES ('delete', old.id, old.text, old.result);
        END;
        CREATE TRIGGER steps_au AFTER UPDATE OF text, result ON steps BEGIN
            INSERT INTO steps_fts(steps_fts, rowid, text, result) VALUES ('delete', old.id, old.text, old.result);
            INSERT INTO steps_fts(rowid, text, result) VALUES (new.id, new.text, new.result);
        END;

        CREATE VIRTUAL TABLE verdicts_fts USING fts5(
            reason, content='verdicts', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
        CREATE TRIGGER verdicts_ai AFTER INSERT ON verdicts BEGIN
            INSERT INTO verdicts_fts(rowid, reason) VALUES (new.id, new.reason);
        END;
        CREATE TRIGGER verdicts_ad AFTER DELETE ON verdicts BEGIN
            INSERT INTO verdicts_fts(verdicts_fts, rowid, reason) VALUES ('delete', old.id, old.reason);
        END;
        """,
    )


MIGRATIONS: tuple[Migration, ...] = (m001_log, m002_procedures)
