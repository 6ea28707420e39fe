"""The texts that open a conversation."""

from datetime import date

from localnpm.agent.prompts import Surroundings, system_text
from localnpm.agent.workspace import Workspace

BUNDLED = (
    "You are localnpm, a personal agent. You work on the files in the user's workspace with tools, one call at a time, "
    "then answer."
)


def test_the_bundled_model_gets_the_sentences_it_was_trained_on_and_nothing_else():
    assert system_text() == BUNDLED


def test_memory_comes_last_script_before_example():
    text = system_text(script="Do it\n1. So.", example="Task: x\nAnswer: y")
    assert text == BUNDLED + "\n\n# Procedure\nDo it\n1. So.\n\n# Example\nTask: x\nAnswer: y"


def test_a_larger_model_is_told_date_platform_and_the_workspaces_own_words(tmp_path):
    (tmp_path / "AGENTS.md").write_text("Use tabs.\n")
    text = system_text(surroundings=Surroundings.of(Workspace(tmp_path)), extra="Be brief.")
    assert date.today().isoformat() in text
    assert "AGENTS.md of this workspace\nUse tabs." in text
    assert text.endswith("Be brief.")


def test_a_workspace_without_its_own_words_adds_none(tmp_path):
    assert "AGENTS.md" not in system_text(surroundings=Surroundings.of(Workspace(tmp_path)))
