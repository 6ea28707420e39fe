"""The log of attempts, written ahead: the attempt's row before its first token, each step's before its tool acts.

So any instant is a safe one to be killed at; process.py marks what a dead process left. The exact texts are kept
(system text, assistant turns, tool results), so that an attempt can be replayed. Elsewhere: the values (records.py),
reading (attempt_reading.py), verdicts (verdicts.py), sessions (sessions.py), forgetting (forget.py).
"""

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from localnpm.memory import process, verdicts
from localnpm.memory.attempt_reading import AttemptReader
from localnpm.memory.clock import now
from localnpm.memory.database import storable
from localnpm.memory.records import Channel, Status, as_json, unknown_attempt, unknown_step
from localnpm.memory.sessions import title_of, unknown_session


class AttemptLog(AttemptReader):
    """Writes and reads attempts. Its writes are on the disk when they return."""

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

    def dismiss(self, attempt_id: int) -> None:
        """Leave an interrupted attempt as it is: it is cancelled from now on."""
        with self.database.transaction() as connection:
            self._exists(connection, attempt_id)
            connection.execute(
                "UPDATE attempts SET status = 'cancelled' WHERE id = ? AND status = 'interrupted'", (attempt_id,)
            )

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
