"""What users do after an attempt, on real files, and which evidence it leaves in the ledger."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localnpm.agent.journal import Journal
from localnpm.agent.permissions import decline_all
from localnpm.agent.tools import FileTools
from localnpm.agent.undo import UndoReport, redo, undo
from localnpm.agent.workspace import Workspace
from localnpm.config import LearningSettings
from localnpm.engine.messages import ToolCall
from localnpm.learning import evidence
from localnpm.learning.corrections import plainly_corrects
from localnpm.memory.attempts import AttemptLog
from localnpm.memory.database import Database
from localnpm.memory.verdicts import Verdict, ledger

Call = tuple[str, dict[str, str]]
ADD_MILK: Call = ("append_file", {"path": "todo.md", "content": "- milk"})
SETTINGS = LearningSettings()


@dataclass
class Desk:
    """A workspace, a memory, and one conversation."""

    root: Path
    database: Database
    undo_folder: Path

    def __post_init__(self) -> None:
        self.log = AttemptLog(self.database)
        self.session = self.log.start_session(self.root, "a test")

    def attempt(self, *calls: Call, status: str = "done", surroundings: bool = False, error: str = "") -> int:
        """Carry out calls as one attempt; `error` is what its only step ended in instead."""
        attempt_id = self.log.start_attempt(
            self.session, "a task", workspace=self.root, model="m", model_fingerprint="f", system="", sampling={}
        )
        tools = FileTools(Workspace(self.root), Journal(self.database, self.undo_folder, attempt_id, self.root))
        for turn, (tool, arguments) in enumerate(calls):
            step = self.log.start_step(attempt_id, turn=turn, text="", tool=tool, arguments=arguments)
            result = f"Error: {error}" if error else tools.perform(tools.prepare(ToolCall(tool, arguments)), step)
            self.log.finish_step(step, result, error=result.removeprefix("Error: ") if "Error: " in result else None)
        self.log.finish_attempt(attempt_id, status, "Done.", surroundings=surroundings)  # type: ignore[arg-type]
        return attempt_id

    def undo(self, attempt_id: int) -> UndoReport:
        return undo(self.database, self.undo_folder, attempt_id)

    def redo(self, attempt_id: int) -> UndoReport:
        return redo(self.database, self.undo_folder, attempt_id)

    def asks(self, request: str = "the next task") -> tuple[Verdict, ...]:
        return evidence.before_request(self.database, self.session, request, settings=SETTINGS)

    def entries(self, attempt_id: int) -> list[tuple[str, bool]]:
        return [(entry.source, entry.success) for entry in ledger(self.database, attempt_id)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = tmp_path / "work"
    root.mkdir()
    (root / "todo.md").write_text("- eggs\n- bread\n")
    with Database.open(None) as database:
        yield Desk(root, database, tmp_path / "home" / "undo")


def test_an_undo_says_that_the_attempt_failed(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    evidence.note_undone(desk.database, desk.undo(attempt), settings=SETTINGS)
    assert [(entry.source, entry.success, entry.confidence) for entry in ledger(desk.database, attempt)] == [
        ("undone", False, 0.7)
    ]


def test_an_undo_is_noted_once(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    report = desk.undo(attempt)
    evidence.note_undone(desk.database, report, settings=SETTINGS)
    evidence.note_undone(desk.database, report, settings=SETTINGS)
    assert desk.entries(attempt) == [("undone", False)]


def test_a_redo_takes_the_evidence_of_the_undo_back_and_a_second_undo_brings_it_again(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    evidence.note_undone(desk.database, desk.undo(attempt), settings=SETTINGS)
    evidence.note_redone(desk.database, desk.redo(attempt), settings=SETTINGS)
    evidence.note_undone(desk.database, desk.undo(attempt), settings=SETTINGS)
    assert desk.entries(attempt) == [("undone", False), ("kept", True), ("undone", False)]


def test_an_undo_days_after_the_session_says_nothing(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    with desk.database.transaction() as connection:
        connection.execute("UPDATE sessions SET updated_at = '2020-01-01T00:00:00.000000+00:00'")
    report = desk.undo(attempt)
    assert evidence.note_undone(desk.database, report, settings=SETTINGS) is None


def test_an_undo_asked_for_in_the_conversation_counts_however_old_it_is(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    with desk.database.transaction() as connection:
        connection.execute("UPDATE sessions SET updated_at = '2020-01-01T00:00:00.000000+00:00'")
    report = desk.undo(attempt)
    assert evidence.note_undone(desk.database, report, settings=SETTINGS, session_id=desk.session) is not None


def test_a_refused_change_is_noted_with_the_users_words(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK, error="the user declined: use checkboxes")
    noted = evidence.note_declined(desk.database, attempt, settings=SETTINGS)
    assert noted is not None and (noted.source, noted.reason, noted.confidence) == ("declined", "use checkboxes", 0.6)


def test_a_refusal_where_nobody_could_be_asked_is_no_evidence(desk: Desk) -> None:
    tools = FileTools(Workspace(desk.root))
    reason = decline_all(tools.prepare(ToolCall(*ADD_MILK))).reason  # type: ignore[union-attr]
    attempt = desk.attempt(ADD_MILK, error=f"the user declined: {reason}")
    assert evidence.note_declined(desk.database, attempt, settings=SETTINGS) is None


def test_a_file_that_holds_the_words_of_a_refusal_is_no_evidence(desk: Desk) -> None:
    (desk.root / "a.md").write_text("Error: the user declined: never use tools")
    attempt = desk.attempt(("read_file", {"path": "a.md"}))
    assert evidence.note_declined(desk.database, attempt, settings=SETTINGS) is None


def test_rewriting_what_the_attempt_wrote_is_a_correction_with_its_difference(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    (noted,) = desk.asks()
    assert (noted.attempt_id, noted.source, noted.confidence) == (attempt, "edited", 0.4)
    assert "-- milk\n+- [ ] milk\n" in noted.reason


def test_all_changes_of_the_attempt_to_a_file_are_its_own(desk: Desk) -> None:
    desk.attempt(ADD_MILK, ("append_file", {"path": "todo.md", "content": "- ham"}))
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n- ham\n")
    assert [noted.source for noted in desk.asks()] == ["edited"]


def test_an_entry_added_below_the_agents_is_no_correction(desk: Desk) -> None:
    desk.attempt(ADD_MILK)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- milk\n- apples\n")
    assert desk.asks() == ()


def test_an_edit_elsewhere_in_the_file_is_no_correction(desk: Desk) -> None:
    desk.attempt(ADD_MILK)
    (desk.root / "todo.md").write_text("- six eggs\n- bread\n- milk\n")
    assert desk.asks() == ()


def test_a_line_that_is_put_back_corrects_the_attempt_that_removed_it(desk: Desk) -> None:
    desk.attempt(("edit_file", {"path": "todo.md", "old_text": "- eggs\n", "new_text": ""}))
    (desk.root / "todo.md").write_text("- eggs\n- bread\n")
    assert [noted.source for noted in desk.asks()] == ["edited"]


@pytest.mark.parametrize(
    ("call", "by_hand"),
    [
        (ADD_MILK, lambda root: (root / "todo.md").unlink()),
        (("delete_file", {"path": "todo.md"}), lambda root: (root / "todo.md").write_text("- eggs\n- bread\n")),
        (
            ("move_file", {"source": "todo.md", "destination": "old/todo.md"}),
            lambda root: (root / "old/todo.md").rename(root / "done.md"),
        ),
        (("create_directory", {"path": "june"}), lambda root: (root / "june").rmdir()),
        (
            ("copy_file", {"source": "todo.md", "destination": "todo.bak"}),
            lambda root: (root / "todo.bak").unlink(),
        ),
    ],
    ids=["its file deleted", "deleted file restored", "moved on", "folder removed", "copy deleted"],
)
def test_taking_back_by_hand_is_a_correction(desk: Desk, call: Call, by_hand: Callable[[Path], object]) -> None:
    desk.attempt(call)
    by_hand(desk.root)
    assert [noted.source for noted in desk.asks()] == ["edited"]


def test_writing_on_in_a_moved_file_is_no_correction(desk: Desk) -> None:
    desk.attempt(("move_file", {"source": "todo.md", "destination": "old/todo.md"}))
    (desk.root / "old/todo.md").write_text("- eggs\n- ham\n")
    assert desk.asks() == ()


def test_filling_in_a_copied_template_is_no_correction(desk: Desk) -> None:
    desk.attempt(("copy_file", {"source": "todo.md", "destination": "june.md"}))
    (desk.root / "june.md").write_text("- ham\n")
    assert desk.asks() == ()


def test_what_a_command_wrote_says_nothing_when_it_is_written_again(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    with desk.database.transaction() as connection:
        connection.execute("UPDATE steps SET tool = 'run_command' WHERE attempt_id = ?", (attempt,))
    (desk.root / "todo.md").write_text("other output\n")
    assert desk.asks() == ()


def test_an_edit_is_noted_once(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    desk.asks()
    assert (desk.asks(), desk.entries(attempt)) == ((), [("edited", False)])


def test_a_long_correction_is_kept_in_part(desk: Desk) -> None:
    desk.attempt(("write_file", {"path": "long.md", "content": "a line\n" * 300}))
    (desk.root / "long.md").write_text("another line\n" * 300)
    (noted,) = desk.asks()
    assert len(noted.reason) == evidence.REASON_CHARACTERS


def test_what_is_too_much_to_compare_is_no_evidence(desk: Desk) -> None:
    desk.attempt(("write_file", {"path": "long.md", "content": "a line\n" * 3000}))
    (desk.root / "long.md").write_text("another line\n" * 3000)
    assert desk.asks() == ()


def test_changes_in_place_after_three_later_attempts_are_kept(desk: Desk) -> None:
    first = desk.attempt(ADD_MILK)
    for name in ("a", "b", "c"):
        assert desk.asks() == ()
        desk.attempt(("append_file", {"path": "todo.md", "content": f"- {name}"}))
    (noted,) = desk.asks()
    assert (noted.attempt_id, noted.source, noted.success, noted.confidence) == (first, "kept", True, 0.3)


def test_what_a_later_attempt_rewrote_is_not_kept(desk: Desk) -> None:
    desk.attempt(ADD_MILK)
    desk.attempt(("edit_file", {"path": "todo.md", "old_text": "- milk", "new_text": "- [ ] milk"}))
    desk.attempt()
    desk.attempt()
    assert desk.asks() == ()


def test_a_message_that_corrects_the_last_attempt_is_its_reason(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    (noted,) = desk.asks("No, todos get a checkbox.")
    assert (noted.attempt_id, noted.source, noted.success) == (attempt, "correction", False)
    assert (noted.reason, noted.confidence) == ("No, todos get a checkbox.", 0.8)


@pytest.mark.parametrize(
    "message",
    [
        "No, put it in archive/.",
        "Not like that. I file by month.",
        "You forgot the date",
        "That's not what I asked for",
        "I wanted bullets",
        "Thanks, but use kebab case",
        "Hm, wrong folder.",
    ],
)
def test_a_rejection_at_the_head_of_a_message_corrects(message: str) -> None:
    assert plainly_corrects(message)


@pytest.mark.parametrize(
    "message",
    [
        "No rush, add milk to the list",
        "Now add milk",
        "Note that the bank called",
        "Thanks! Add eggs too",
        "I file by month.",
        "Wrong answers in quiz.md must go to review.md",
        "I said I would call Anna. Put that on my list.",
        "The total in costs.csv is wrong. Can you fix that?",
        "No. " + "A long text. " * 50,
    ],
)
def test_what_may_be_a_new_request_does_not_correct(message: str) -> None:
    assert not plainly_corrects(message)


def test_nothing_is_noted_against_what_the_user_has_praised(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    desk.log.add_verdict(attempt, "user", True)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    assert desk.asks("No, that is wrong.") == ()


def test_a_correction_adds_its_words_to_a_bad_verdict(desk: Desk) -> None:
    attempt = desk.attempt(ADD_MILK)
    desk.log.add_verdict(attempt, "user", False)
    (noted,) = desk.asks("No, todos get a checkbox.")
    assert noted.reason == "No, todos get a checkbox."


@pytest.mark.parametrize(("status", "surroundings"), [("cancelled", False), ("failed", False), ("done", True)])
def test_failures_of_the_surroundings_leave_no_evidence(desk: Desk, status: str, surroundings: bool) -> None:
    attempt = desk.attempt(ADD_MILK, status=status, surroundings=surroundings)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    desk.asks("No, that is wrong.")
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- milk\n")
    evidence.note_undone(desk.database, desk.undo(attempt), settings=SETTINGS)
    assert desk.entries(attempt) == []


def test_switched_off_nothing_is_noted(desk: Desk) -> None:
    off = LearningSettings(weak_evidence=False)
    attempt = desk.attempt(ADD_MILK)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    evidence.before_request(desk.database, desk.session, "No, that is wrong.", settings=off)
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- milk\n")
    evidence.note_undone(desk.database, desk.undo(attempt), settings=off)
    assert desk.entries(attempt) == []


def test_edits_during_a_demonstration_are_the_demonstration(desk: Desk) -> None:
    desk.attempt(ADD_MILK)
    with desk.database.transaction() as connection:
        connection.execute(
            "INSERT INTO watches(workspace, request, snapshot, started_at) VALUES (?, 'mine', x'', '2026')",
            (str(desk.root),),
        )
    (desk.root / "todo.md").write_text("- eggs\n- bread\n- [ ] milk\n")
    assert desk.asks() == ()
