"""What a failure and a complaint teach: sentence by sentence, and in the user's words where the model does nothing."""

from datetime import UTC, datetime

import pytest

from localnpm.agent.scripted import ScriptedModel
from localnpm.distill.reasons import SAMPLES, draft_from_reason, put_right, sentences, with_words
from localnpm.errors import ScriptError
from localnpm.memory.procedure_records import Version
from localnpm.memory.records import Attempt, Step, Trajectory

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SCRIPT = "Write a note\n1. Write <title>.md.\n2. Say where it is."
FOLDER = "Write a note\n1. Write notes/<title>.md.\n2. Say where it is."
BOTH = "Write a note\n1. Write notes/<title>.md with front matter.\n2. Say where it is."
TWO = "Put it into notes/. My site needs front matter."


def failed() -> Trajectory:
    """A note that was written into the wrong place."""
    attempt = Attempt(
        id=7, session_id=1, request="Write a note", status="done", workspace="/w", model="m", model_fingerprint="f",
        system="S", sampling={}, channel="none", answer="Done.", error=None, surroundings=False, retry_of=None,
        undone_at=None, prompt_tokens=0, generated_tokens=0, started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    step = Step(
        id=1, attempt_id=7, position=0, turn=0, text="", thought="", tool="write_file", arguments={"path": "a.md"},
        result="Wrote a.md", error=None, generated_tokens=0, started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    return Trajectory(attempt, (step,))


def in_use(script: str) -> Version:
    """A version with this script."""
    return Version(3, 1, 1, "active", "", "built", script, "", ("write_file",), (), False, None, None, NOW)


def told(model: ScriptedModel) -> list[str]:
    """The complaints that the model was shown, in order."""
    asked = [messages[-1].content.partition("# Complaint\n")[2] for messages in model.seen]
    return [complaint for complaint in asked if complaint]


def test_two_sentences_are_told_one_after_the_other_and_both_done() -> None:
    model = ScriptedModel(SCRIPT, FOLDER, BOTH)
    assert draft_from_reason(model, failed(), TWO, None).script == BOTH
    assert told(model) == ["Put it into notes/.", "My site needs front matter."]
    assert FOLDER in model.seen[-1][-1].content


def test_a_larger_model_is_told_everything_at_once() -> None:
    model = ScriptedModel(SCRIPT, BOTH, protocol=0)
    assert draft_from_reason(model, failed(), TWO, None).script == BOTH
    assert told(model) == [TWO]


def test_a_sentence_that_changes_nothing_stands_in_the_script_in_the_users_words() -> None:
    model = ScriptedModel(SCRIPT, FOLDER, *[FOLDER] * (1 + SAMPLES))
    script = draft_from_reason(model, failed(), TWO, None).script
    assert script.splitlines()[1:] == [
        "1. Write notes/<title>.md.",
        "2. My site needs front matter.",
        "3. Say where it is.",
    ]


def test_what_is_drawn_is_taken_before_the_users_words_are() -> None:
    model = ScriptedModel(SCRIPT, SCRIPT, SCRIPT, FOLDER, *[SCRIPT] * (SAMPLES - 2))
    assert draft_from_reason(model, failed(), "Put it into notes/.", None).script == FOLDER


def test_a_model_that_cannot_revise_leaves_the_users_words_too() -> None:
    model = ScriptedModel(SCRIPT, *["Sure!"] * 2 * (1 + SAMPLES))
    script = draft_from_reason(model, failed(), "Use\nthe notes folder", None).script
    assert "2. Use the notes folder" in script.splitlines()


def test_words_of_the_user_are_no_ground_for_doubt() -> None:
    model = ScriptedModel(SCRIPT, *[SCRIPT] * (1 + SAMPLES))
    assert draft_from_reason(model, failed(), "Put it into notes/.", None).doubtful == ()


def test_what_the_version_in_use_says_already_is_said_in_the_failed_runs_terms() -> None:
    model = ScriptedModel(FOLDER, SCRIPT, BOTH)
    draft = draft_from_reason(model, failed(), "Put it into notes/.", in_use(FOLDER))
    assert (draft.script, draft.parent_id) == (BOTH, 3)


@pytest.mark.parametrize("reason", ["...", "no", "That was wrong.", "No good!"])
def test_a_reason_that_only_says_that_it_was_wrong_is_nothing_to_learn_from(reason: str) -> None:
    with pytest.raises(ScriptError, match="says that it was wrong"):
        draft_from_reason(ScriptedModel(), failed(), reason, None)


def test_a_short_sentence_goes_with_its_neighbour() -> None:
    assert sentences("No. Put it into notes/. Use a star; nothing else at all.\nThanks!") == [
        "No. Put it into notes/.",
        "Use a star;",
        "nothing else at all. Thanks!",
    ]


def test_words_come_last_where_no_step_says_what_to_answer() -> None:
    assert with_words("A\n1. Read it.", "Use a star.") == "A\n1. Read it.\n2. Use a star."


def test_words_that_are_a_step_already_are_not_added_twice() -> None:
    script = with_words(SCRIPT, "Use a star.")
    assert with_words(script, "Use a star.") == script


def test_a_script_that_failed_is_put_right_by_both_sentences() -> None:
    assert put_right(ScriptedModel(FOLDER, BOTH), SCRIPT, failed(), TWO) == BOTH


def test_a_revision_that_takes_back_the_one_before_is_not_taken() -> None:
    model = ScriptedModel(SCRIPT, FOLDER, *[SCRIPT] * (1 + SAMPLES))
    script = draft_from_reason(model, failed(), TWO, None).script
    assert script.splitlines()[1:3] == ["1. Write notes/<title>.md.", "2. My site needs front matter."]
