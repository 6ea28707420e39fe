"""The tables of memory.db as numbered migrations: read from top to bottom they are the schema's history.

A migration is never edited once released; a change is a new one at the end. `migrations.py` runs them, each in one
transaction, so none may commit (`sqlite3`'s `executescript` does; `run_script` does not).
"""

import sqlite3
from collections.abc import Callable

Migration = Callable[[sqlite3.Connection], None]


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


def m002_procedures(connection: sqlite3.Connection) -> None:
    """What is learned from the log: procedures with their versions, control vectors, uses, passes."""
    run_script(
        connection,
        """
        -- 1: a repetition for practice, not a task of the user's; it counts in no statistic.
        ALTER TABLE attempts ADD COLUMN practice INTEGER NOT NULL DEFAULT 0;
        -- The command whose exit status judged it, so that it can be practised.
        ALTER TABLE attempts ADD COLUMN check_command TEXT;

        -- One run of the distillation. What it publishes, it publishes in one transaction.
        CREATE TABLE passes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            cause TEXT NOT NULL CHECK (cause IN ('command', 'due', 'idle', 'reason', 'rebuild', 'practice')),
            policy TEXT NOT NULL CHECK (policy IN ('vanilla', 'validation', 'adjustment')),
            process TEXT NOT NULL,
            model_fingerprint TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'running'
                CHECK (status IN ('running', 'published', 'interrupted', 'reverted')),
            last_attempt INTEGER NOT NULL DEFAULT 0,   -- the newest attempt that it has seen
            last_verdict INTEGER NOT NULL DEFAULT 0,   -- the newest verdict that it has seen
            summary TEXT NOT NULL DEFAULT '{}',        -- JSON: counts, and what was done to which procedure and why
            undo TEXT NOT NULL DEFAULT '[]',           -- JSON: the rows as they were before, for `--revert`
            started_at TEXT NOT NULL,
            finished_at TEXT
        );

        -- One kind of task.
        CREATE TABLE procedures (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,             -- lower-case letters, digits and hyphens; a folder's name on export
            title TEXT NOT NULL,                   -- one line for the screen
            status TEXT NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'candidate', 'disabled', 'retired')),
            status_reason TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL CHECK (origin IN ('learned', 'imported', 'written')),
            created_at TEXT NOT NULL,
            updated_at TEXT NOT NULL
        );

        -- The attempts of a kind, judged or not, and the way in which each was done.
        CREATE TABLE members (
            attempt_id INTEGER PRIMARY KEY REFERENCES attempts(id) ON DELETE CASCADE,
            procedure_id INTEGER NOT NULL REFERENCES procedures(id) ON DELETE CASCADE,
            way TEXT NOT NULL                      -- JSON: the names of the tools called, in order
        );
        CREATE INDEX members_by_procedure ON members(procedure_id);

        -- The texts that recall compares a request with. One that is an attempt's request goes with the attempt.
        CREATE TABLE recall_keys (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            procedure_id INTEGER NOT NULL REFERENCES procedures(id) ON DELETE CASCADE,
            attempt_id INTEGER REFERENCES attempts(id) ON DELETE CASCADE,
            text TEXT NOT NULL
        );
        CREATE INDEX recall_keys_by_procedure ON recall_keys(procedure_id);
        CREATE INDEX recall_keys_by_attempt ON recall_keys(attempt_id);

        -- What a procedure says. At most one version of a procedure is active.
        CREATE TABLE procedure_versions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            procedure_id INTEGER NOT NULL REFERENCES procedures(id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('active', 'candidate', 'retired')),
            status_reason TEXT NOT NULL DEFAULT '',
            source TEXT NOT NULL
                CHECK (source IN ('built', 'reason', 'adjusted', 'merged', 'edited', 'imported')),
            script TEXT NOT NULL,                  -- empty under the build policy `trajectory`
            example TEXT NOT NULL,                 -- a compact trajectory, or empty
            way TEXT NOT NULL DEFAULT '[]',        -- JSON: the names of the tools called, in order
            doubtful TEXT NOT NULL DEFAULT '[]',   -- JSON: sentences of the script that rest on tool results alone
            stale INTEGER NOT NULL DEFAULT 0,      -- 1: a verdict on one of its attempts has changed since
            parent_id INTEGER REFERENCES procedure_versions(id) ON DELETE SET NULL,
            pass_id INTEGER REFERENCES passes(id) ON DELETE SET NULL,
            created_at TEXT NOT NULL,
            UNIQUE (procedure_id, number)
        );
        CREATE UNIQUE INDEX one_active_version ON procedure_versions(procedure_id) WHERE status = 'active';

        -- The attempts that a version came from.
        CREATE TABLE lineage (
            version_id INTEGER NOT NULL REFERENCES procedure_versions(id) ON DELETE CASCADE,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('script', 'example', 'failure', 'reason')),
            PRIMARY KEY (version_id, attempt_id, role)
        ) WITHOUT ROWID;
        CREATE INDEX lineage_by_attempt ON lineage(attempt_id);

        -- Control vectors, each bound to one model file.
        CREATE TABLE vectors (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,                    -- as of procedures; unique among those that are not retired
            procedure_id INTEGER REFERENCES procedures(id) ON DELETE CASCADE,
            status TEXT NOT NULL
                CHECK (status IN ('active', 'candidate', 'quarantined', 'disabled', 'retired')),
            status_reason TEXT NOT NULL DEFAULT '',
            origin TEXT NOT NULL CHECK (origin IN ('distilled', 'trained', 'imported')),
            method TEXT NOT NULL DEFAULT '',       -- pairs and how the direction was taken: `context mean`
            model TEXT NOT NULL,
            model_fingerprint TEXT NOT NULL,
            gguf BLOB NOT NULL,                    -- the file, at the calibrated coefficient
            coefficient REAL NOT NULL,
            first_layer INTEGER NOT NULL,
            last_layer INTEGER NOT NULL,
            pairs INTEGER NOT NULL DEFAULT 0,
            calibration TEXT NOT NULL DEFAULT '{}',  -- JSON: KL, margins, gate; see distill/calibrate.py
            stale INTEGER NOT NULL DEFAULT 0,
            pass_id INTEGER REFERENCES passes(id) ON DELETE SET NULL,
            created_at TEXT NOT NULL
        );
        CREATE UNIQUE INDEX one_vector_of_a_name ON vectors(name, model_fingerprint) WHERE status != 'retired';
        CREATE INDEX vectors_by_procedure ON vectors(procedure_id);

        CREATE TABLE vector_lineage (
            vector_id INTEGER NOT NULL REFERENCES vectors(id) ON DELETE CASCADE,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            PRIMARY KEY (vector_id, attempt_id)
        ) WITHOUT ROWID;
        CREATE INDEX vector_lineage_by_attempt ON vector_lineage(attempt_id);

        -- Residual-stream activations, so that vectors are made without reading trajectories again.
        CREATE TABLE activations (
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            model_fingerprint TEXT NOT NULL,
            turn INTEGER NOT NULL,                 -- mean over the assistant's tokens of this turn; -1: the last token
            scales BLOB NOT NULL,                  -- float32 [n_layer]
            rows BLOB NOT NULL,                    -- float16 [n_layer, n_embd], times the scales
            PRIMARY KEY (attempt_id, model_fingerprint, turn)
        ) WITHOUT ROWID;

        -- Sentence embeddings: of an attempt's request, or of a recall key.
        CREATE TABLE embeddings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            embedder TEXT NOT NULL,                -- Embedder.name: vectors of one name can be compared
            key TEXT NOT NULL CHECK (key IN ('query', 'avefact')),
            attempt_id INTEGER REFERENCES attempts(id) ON DELETE CASCADE,
            recall_key_id INTEGER REFERENCES recall_keys(id) ON DELETE CASCADE,
            vector BLOB NOT NULL,                  -- float32 [dimensions], unit norm
            CHECK ((attempt_id IS NULL) != (recall_key_id IS NULL))
        );
        CREATE UNIQUE INDEX embeddings_of_attempts ON embeddings(attempt_id, embedder, key)
            WHERE attempt_id IS NOT NULL;
        CREATE UNIQUE INDEX embeddings_of_keys ON embeddings(recall_key_id, embedder, key)
            WHERE recall_key_id IS NOT NULL;

        -- One row for each procedure that could be used in an attempt, also where it was withheld.
        CREATE TABLE uses (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            attempt_id INTEGER NOT NULL REFERENCES attempts(id) ON DELETE CASCADE,
            procedure_id INTEGER NOT NULL REFERENCES procedures(id) ON DELETE CASCADE,
            version_id INTEGER REFERENCES procedure_versions(id) ON DELETE SET NULL,
            vector_id INTEGER REFERENCES vectors(id) ON DELETE SET NULL,
            place INTEGER NOT NULL,                -- 0: the best match
            similarity REAL NOT NULL,
            channel TEXT NOT NULL CHECK (channel IN ('none', 'script', 'vector', 'both')),
            coefficient REAL NOT NULL DEFAULT 0,
            probability REAL NOT NULL CHECK (probability > 0 AND probability <= 1),  -- of this channel's being chosen
            counts INTEGER NOT NULL DEFAULT 1,     -- 0: chosen by the user, a retry or practice: not for uplift
            reason TEXT NOT NULL DEFAULT '',       -- why it was recalled, in words
            UNIQUE (attempt_id, procedure_id)
        );
        CREATE INDEX uses_by_procedure ON uses(procedure_id);

        -- A demonstration under way: the workspace as it was when `watch start` was called.
        CREATE TABLE watches (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            workspace TEXT NOT NULL,
            request TEXT NOT NULL,
            snapshot BLOB NOT NULL,
            started_at TEXT NOT NULL
        );

        CREATE VIRTUAL TABLE versions_fts USING fts5(
            script, example, content='procedure_versions', content_rowid='id',
            tokenize='unicode61 remove_diacritics 2');
        CREATE TRIGGER versions_ai AFTER INSERT ON procedure_versions BEGIN
            INSERT INTO versions_fts(rowid, script, example) VALUES (new.id, new.script, new.example);
        END;
        CREATE TRIGGER versions_ad AFTER DELETE ON procedure_versions BEGIN
            INSERT INTO versions_fts(versions_fts, rowid, script, example)
                VALUES ('delete', old.id, old.script, old.example);
        END;
        CREATE TRIGGER versions_au AFTER UPDATE OF script, example ON procedure_versions BEGIN
            INSERT INTO versions_fts(versions_fts, rowid, script, example)
                VALUES ('delete', old.id, old.script, old.example);
            INSERT INTO versions_fts(rowid, script, example) VALUES (new.id, new.script, new.example);
        END;

        CREATE VIRTUAL TABLE recall_keys_fts USING fts5(
            text, content='recall_keys', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
        CREATE TRIGGER recall_keys_ai AFTER INSERT ON recall_keys BEGIN
            INSERT INTO recall_keys_fts(rowid, text) VALUES (new.id, new.text);
        END;
        CREATE TRIGGER recall_keys_ad AFTER DELETE ON recall_keys BEGIN
            INSERT INTO recall_keys_fts(recall_keys_fts, rowid, text) VALUES ('delete', old.id, old.text);
        END;

        -- A verdict that changes an attempt's outcome makes what came from it stale; the next pass looks at it again.
        CREATE TRIGGER verdicts_make_stale AFTER INSERT ON verdicts
        WHEN EXISTS (SELECT 1 FROM verdicts WHERE attempt_id = new.attempt_id AND success != new.success) BEGIN
            UPDATE procedure_versions SET stale = 1
                WHERE id IN (SELECT version_id FROM lineage WHERE attempt_id = new.attempt_id);
            UPDATE vectors SET stale = 1
                WHERE id IN (SELECT vector_id FROM vector_lineage WHERE attempt_id = new.attempt_id);
        END;
        """,
    )


MIGRATIONS: tuple[Migration, ...] = (m001_log, m002_procedures)
