"""The second migration: what is learned from the log. Procedures and versions, control vectors, uses, passes."""

import sqlite3

from localnpm.memory.sql_script import run_script


def m002_procedures(connection: sqlite3.Connection) -> None:
    """What is learned from the log: procedures with their versions, control vectors, uses, passes."""
    run_script(
        connection,
        """
        -- 1: a repetition for practice, not a task of the user's; it counts in no statistic.
        ALTER TABLE attempts ADD COLUMN practice INTEGER NOT NULL DEFAULT 0;
        -- The command whose exit status judged it, so that it can be practised.
        ALTER TABLE attempts ADD COLUMN check_command TEXT;

        -- Of attempts up to this one the next prompts have requests and answers only.
        ALTER TABLE sessions ADD COLUMN compacted_to INTEGER NOT NULL DEFAULT 0;

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
            started_at TEXT NOT NULL,
            finished_at TEXT
        );

        -- The rows that a pass has changed, as they were before, so that it can be reverted.
        CREATE TABLE pass_changes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            pass_id INTEGER NOT NULL REFERENCES passes(id) ON DELETE CASCADE,
            place TEXT NOT NULL,                   -- the table
            row_key TEXT NOT NULL,                 -- JSON: the values of its primary key
            owners TEXT NOT NULL,                  -- JSON: the procedures that the row belonged to, before and after
            before TEXT,                           -- JSON: the row, or what has changed of it; NULL: there was none
            after TEXT                             -- a digest of the row as the pass left it; NULL: it took it away
        );
        CREATE INDEX pass_changes_by_pass ON pass_changes(pass_id);

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

        -- Counts the changes that recall has to know of; other processes see it too.
        CREATE TABLE recall_revision (number INTEGER NOT NULL);
        INSERT INTO recall_revision VALUES (0);
        CREATE TRIGGER recall_keys_recalled_insert AFTER INSERT ON recall_keys BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER recall_keys_recalled_delete AFTER DELETE ON recall_keys BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER recall_keys_recalled_update AFTER UPDATE ON recall_keys BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER procedures_recalled_update AFTER UPDATE ON procedures BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER procedures_recalled_delete AFTER DELETE ON procedures BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER procedure_versions_recalled_insert AFTER INSERT ON procedure_versions BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER procedure_versions_recalled_delete AFTER DELETE ON procedure_versions BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;
        CREATE TRIGGER procedure_versions_recalled_update AFTER UPDATE ON procedure_versions BEGIN
            UPDATE recall_revision SET number = number + 1;
        END;

        -- A verdict that changes an attempt's outcome makes what came from it stale; the next pass looks at it again.
        -- One that repeats the outcome, or that a higher source overrules, changes nothing; nor does a first success.
        CREATE TRIGGER verdicts_make_stale AFTER INSERT ON verdicts
        WHEN (SELECT success FROM outcomes WHERE attempt_id = new.attempt_id) != coalesce(
            (SELECT success FROM verdicts WHERE attempt_id = new.attempt_id AND id != new.id
             ORDER BY CASE source WHEN 'user' THEN 1 WHEN 'check' THEN 2 WHEN 'environment' THEN 3
                      WHEN 'correction' THEN 4 WHEN 'judge' THEN 5 ELSE 6 END, id DESC LIMIT 1), 1) BEGIN
            UPDATE procedure_versions SET stale = 1
                WHERE id IN (SELECT version_id FROM lineage WHERE attempt_id = new.attempt_id);
            UPDATE vectors SET stale = 1
                WHERE id IN (SELECT vector_id FROM vector_lineage WHERE attempt_id = new.attempt_id);
        END;
        """,
    )
