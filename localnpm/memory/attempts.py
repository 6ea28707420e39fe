"""The log of attempts, written ahead: the attempt's row before its first token, each step's before its tool acts.

So any instant is a safe one to be killed at; process.py marks what a dead process left. The exact texts are kept
(system text, assistant turns, tool results), so that an attempt can be replayed. Elsewhere: the values (records.py),
verdicts (verdicts.py), search (search.py), sessions (sessions.py), forgetting (forget.py).
"""

import json
import sqlite3
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from localnpm.memory import process, verdicts
from localnpm.memory.clock import now
from localnpm.memory.database import Database, storable
from localnpm.memory.records import (
    Attempt,
    Channel,
    Judged,
    Status,
    Step,
    Trajectory,
    as_json,
    read_attempt,
    read_step,
    unknown_attempt,
    unknown_step,
)
from localnpm.memory.search import Hit, search
from localnpm.memory.sessions import title_of, unknown_session


class AttemptLog:
    """Writes and reads attempts. Its writes are on the disk when they return."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def start_session(self, workspace: Path | str, title: str = "") -> int:
        """Begin a conversation. Its title is the first line of `title`, shortened; else that of its first request."""
        moment = now()
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO sessions(title, workspace, created_at, updated_at) VALUES (?, ?, ?, ?)",
                (storable(title_of(title)), storable(str(workspace)), moment, moment),
            )
        return cast(int, cursor.lastrowid)

    def start_attempt(
        self,
        session_id: int,
        request: str,
        *,
        workspace: Path | str,
        model: str,
        model_fingerprint: str,
        system: str,
        sampling: Mapping[str, Any],
        channel: Channel = "none",
        retry_of: int | None = None,
        practice: bool = False,
    ) -> int:
        """Log a request before the model reads it; `sampling` holds the seed too.

        Raises:
            NotFoundError: no session has that id, or no attempt the id `retry_of`.
        """
        owner = process.current(self.database)
        moment = now()
        with self.database.transaction() as connection:
            self._touch(connection, session_id, moment)
            connection.execute(
                "UPDATE sessions SET title = ? WHERE id = ? AND title = ''", (storable(title_of(request)), session_id)
            )
            if retry_of is not None:
                self._exists(connection, retry_of)
            cursor = connection.execute(
                "INSERT INTO attempts(session_id, request, process, workspace, model, model_fingerprint, system, "
                "sampling, channel, retry_of, practice, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    session_id,
                    storable(request),
                    owner,
                    storable(str(workspace)),
                    storable(model),
                    model_fingerprint,
                    storable(system),
                    json.dumps(dict(sampling)),
                    channel,
                    retry_of,
                    int(practice),
                    moment,
                ),
            )
        return cast(int, cursor.lastrowid)

    def start_step(
        self,
        attempt_id: int,
        *,
        turn: int,
        text: str,
        thought: str = "",
        tool: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        generated_tokens: int = 0,
    ) -> int:
        """Log a call before its tool acts, or, without a tool, the turn that answers.

        Raises:
            NotFoundError: no attempt has that id.
        """
        moment = now()
        with self.database.transaction() as connection:
            self._exists(connection, attempt_id)
            cursor = connection.execute(
                "INSERT INTO steps(attempt_id, position, turn, text, thought, tool, arguments, generated_tokens, "
                "started_at, finished_at) SELECT ?, coalesce(max(position) + 1, 0), ?, ?, ?, ?, ?, ?, ?, ? "
                "FROM steps WHERE attempt_id = ?",
                (
                    attempt_id,
                    turn,
                    storable(text),
                    storable(thought),
                    tool if tool is None else storable(tool),
                    None if arguments is None else as_json(arguments),
                    generated_tokens,
                    moment,
                    moment if tool is None else None,
                    attempt_id,
                ),
            )
        return cast(int, cursor.lastrowid)

    def finish_step(self, step_id: int, result: str, *, error: str | None = None) -> None:
        """Log what the model reads of a call; `error` is the class of a failed one.

        Raises:
            NotFoundError: no step has that id.
        """
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE steps SET result = ?, error = ?, finished_at = ? WHERE id = ?",
                (storable(result), storable(error) if error else None, now(), step_id),
            )
            if not cursor.rowcount:
                raise unknown_step(step_id)

    def change_arguments(self, step_id: int, arguments: Mapping[str, Any]) -> None:
        """Log the arguments that the user put in place of the model's, which stay in the turn's text.

        Raises:
            NotFoundError: no step has that id.
        """
        with self.database.transaction() as connection:
            cursor = connection.execute("UPDATE steps SET arguments = ? WHERE id = ?", (as_json(arguments), step_id))
            if not cursor.rowcount:
                raise unknown_step(step_id)

    def finish_attempt(
        self,
        attempt_id: int,
        status: Status,
        answer: str | None = None,
        *,
        error: str | None = None,
        surroundings: bool = False,
        prompt_tokens: int = 0,
        generated_tokens: int = 0,
    ) -> None:
        """Log how an attempt ended. `surroundings`: its failure was not the agent's (no permission, a full disk, ...).

        Raises:
            NotFoundError: no attempt has that id.
        """
        moment = now()
        with self.database.transaction() as connection:
            self._touch(connection, self._exists(connection, attempt_id), moment)
            connection.execute(
                "UPDATE attempts SET status = ?, answer = ?, error = ?, surroundings = ?, prompt_tokens = ?, "
                "generated_tokens = ?, finished_at = ? WHERE id = ?",
                (
                    status,
                    storable(answer) if answer else None,
                    storable(error) if error else None,
                    int(surroundings),
                    prompt_tokens,
                    generated_tokens,
                    moment,
                    attempt_id,
                ),
            )

    def set_undone(self, attempt_id: int, undone: bool) -> None:
        """Note that an attempt's changes were taken back, or made again.

        Raises:
            NotFoundError: no attempt has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, attempt_id)
            connection.execute(
                "UPDATE attempts SET undone_at = ? WHERE id = ?", (now() if undone else None, attempt_id)
            )

    def keep_check(self, attempt_id: int, command: str) -> None:
        """Log the command that judges an attempt, so that it can be practised.

        Raises:
            NotFoundError: no attempt has that id.
        """
        with self.database.transaction() as connection:
            self._exists(connection, attempt_id)
            connection.execute("UPDATE attempts SET check_command = ? WHERE id = ?", (storable(command), attempt_id))

    def add_verdict(
        self,
        attempt_id: int,
        source: verdicts.Source,
        success: bool,
        confidence: float | None = None,
        reason: str = "",
    ) -> int:
        """Add an entry to the ledger; see `verdicts.add_verdict`."""
        return verdicts.add_verdict(self.database, attempt_id, source, success, confidence=confidence, reason=reason)

    def outcome(self, attempt_id: int) -> verdicts.Outcome | None:
        """The verdict that counts, or None."""
        return verdicts.outcome(self.database, attempt_id)

    def attempt(self, attempt_id: int) -> Attempt:
        """One attempt.

        Raises:
            NotFoundError: no attempt has that id.
        """
        rows = self.database.query("SELECT * FROM attempts WHERE id = ?", (attempt_id,))
        if not rows:
            raise unknown_attempt(attempt_id)
        return read_attempt(rows[0])

    def last_attempt(self) -> Attempt | None:
        """The user's attempt that began last of those that have ended, or None where there is none."""
        rows = self.database.query(
            "SELECT * FROM attempts WHERE status != 'running' AND NOT practice ORDER BY id DESC LIMIT 1"
        )
        return read_attempt(rows[0]) if rows else None

    def steps(self, attempt_id: int) -> tuple[Step, ...]:
        """An attempt's steps, in order."""
        rows = self.database.query("SELECT * FROM steps WHERE attempt_id = ? ORDER BY position", (attempt_id,))
        return tuple(read_step(row) for row in rows)

    def trajectory(self, attempt_id: int) -> Trajectory:
        """An attempt with its steps.

        Raises:
            NotFoundError: no attempt has that id.
        """
        return Trajectory(self.attempt(attempt_id), self.steps(attempt_id))

    def trajectories(self, session_id: int) -> tuple[Trajectory, ...]:
        """All attempts of a session with their steps, oldest first, those that were undone or replaced too."""
        rows = self.database.query("SELECT * FROM attempts WHERE session_id = ? ORDER BY id", (session_id,))
        return tuple(Trajectory(read_attempt(row), self.steps(row["id"])) for row in rows)

    def transcript(self, session_id: int, *, before: int | None = None, limit: int = 20) -> tuple[Trajectory, ...]:
        """The last attempts of a session, or the last before one of them, oldest first, to be shown again.

        What was undone, replaced or compacted is among them; practice, and what still runs, is not.
        """
        rows = self.database.query(
            "SELECT * FROM attempts WHERE session_id = :session AND status != 'running' AND NOT practice "
            "AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
            {"session": session_id, "before": before, "limit": limit},
        )
        return tuple(Trajectory(read_attempt(row), self.steps(row["id"])) for row in reversed(rows))

    def requests(self, workspace: Path | str, *, limit: int = 200) -> tuple[str, ...]:
        """What was asked for last in a workspace, oldest first, the same in a row once."""
        rows = self.database.query(
            "SELECT request FROM attempts WHERE workspace = ? AND NOT practice AND retry_of IS NULL "
            "ORDER BY id DESC LIMIT ?",
            (storable(str(workspace)), limit),
        )
        return tuple(text for text, _ in groupby(row["request"] for row in reversed(rows)))

    def changed_paths(self, attempt_id: int) -> tuple[str, ...]:
        """The paths that an attempt has changed, by their names afterwards; folders made on the way are left out."""
        rows = self.database.query(
            "SELECT coalesce(destination, path) AS target FROM changes WHERE attempt_id = ? AND done_at IS NOT NULL "
            "AND kind != 'create_directory' GROUP BY target ORDER BY min(id)",
            (attempt_id,),
        )
        return tuple(row["target"] for row in rows)

    def attempts(
        self, *, limit: int = 20, session_id: int | None = None, judged: Judged | None = None
    ) -> tuple[Attempt, ...]:
        """Attempts, newest first; `judged` keeps those whose outcome is that, `none` those without one."""
        if judged is None:
            rows = self.database.query(
                "SELECT * FROM attempts WHERE :session IS NULL OR session_id = :session ORDER BY id DESC LIMIT :limit",
                {"session": session_id, "limit": limit},
            )
            return tuple(read_attempt(row) for row in rows)
        rows = self.database.query(
            "SELECT attempts.* FROM attempts LEFT JOIN outcomes ON outcomes.attempt_id = attempts.id "
            "WHERE (:session IS NULL OR session_id = :session) AND :judged = "
            "CASE outcomes.success WHEN 1 THEN 'success' WHEN 0 THEN 'failure' ELSE 'none' END "
            "ORDER BY attempts.id DESC LIMIT :limit",
            {"session": session_id, "judged": judged, "limit": limit},
        )
        return tuple(read_attempt(row) for row in rows)

    def interrupted(self, workspace: Path | str) -> Attempt | None:
        """The newest attempt in a workspace whose process died, if nobody has decided about it yet."""
        rows = self.database.query(
            "SELECT * FROM attempts WHERE status = 'interrupted' AND undone_at IS NULL AND workspace = ? "
            "AND NOT EXISTS (SELECT 1 FROM attempts AS next WHERE next.retry_of = attempts.id) "
            "ORDER BY id DESC LIMIT 1",
            (str(workspace),),
        )
        return read_attempt(rows[0]) if rows else None

    def dismiss(self, attempt_id: int) -> None:
        """Leave an interrupted attempt as it is: it is cancelled from now on."""
        with self.database.transaction() as connection:
            self._exists(connection, attempt_id)
            connection.execute(
                "UPDATE attempts SET status = 'cancelled' WHERE id = ? AND status = 'interrupted'", (attempt_id,)
            )

    def search(self, text: str, *, limit: int = 20) -> tuple[Hit, ...]:
        """Attempts whose texts hold all the words; see `search.search`."""
        return search(self.database, text, limit=limit)

    def conversation(self, session_id: int) -> tuple[Trajectory, ...]:
        """What the next prompt of a session tells of it, oldest first.

        Left out are attempts that still run, that were undone, that a retry has replaced, and practice; of those up to
        where the session was compacted, the steps.
        """
        rows = self.database.query(
            "SELECT told.*, told.id <= sessions.compacted_to AS compacted FROM attempts AS told "
            "JOIN sessions ON sessions.id = session_id WHERE session_id = ? AND status != 'running' "
            "AND undone_at IS NULL AND NOT practice "
            "AND NOT EXISTS (SELECT 1 FROM attempts WHERE retry_of = told.id AND NOT practice) ORDER BY told.id",
            (session_id,),
        )
        return tuple(Trajectory(read_attempt(row), () if row["compacted"] else self.steps(row["id"])) for row in rows)

    def compact(self, session_id: int) -> int:
        """Leave calls and results of all attempts so far out of a session's next prompts; how many attempts it has.

        Raises:
            NotFoundError: no session has that id.
        """
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE sessions SET compacted_to = "
                "coalesce((SELECT max(id) FROM attempts WHERE session_id = sessions.id), 0) WHERE id = ?",
                (session_id,),
            )
            if not cursor.rowcount:
                raise unknown_session(session_id)
        return len(self.conversation(session_id))

    @staticmethod
    def _exists(connection: sqlite3.Connection, attempt_id: int) -> int:
        """The attempt's session."""
        row = connection.execute("SELECT session_id FROM attempts WHERE id = ?", (attempt_id,)).fetchone()
        if row is None:
            raise unknown_attempt(attempt_id)
        return int(row["session_id"])

    @staticmethod
    def _touch(connection: sqlite3.Connection, session_id: int, moment: str) -> None:
        cursor = connection.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (moment, session_id))
        if not cursor.rowcount:
            raise unknown_session(session_id)
