"""Going back in a conversation: what came after is taken back, on the disk and out of the next prompt."""

import pytest

from localnpm.agent.scripted import call
from localnpm.errors import NotFoundError, UndoError
from localnpm.learning.rewind import rewind
from localnpm.memory.verdicts import ledger


def write(name):
    return call("write_file", path=name, content=f"{name}\n")


@pytest.fixture
def talk(desk):
    """Three requests in one session; each has written a file."""
    session = desk.bench.new_session("a talk")
    made = [
        desk.result(desk.play(write(f"{name}.md"), "Done.", request=f"write {name}", session=session)).attempt_id
        for name in "abc"
    ]
    return session, made


def test_an_attempt_and_all_after_it_are_taken_back(desk, talk):
    session, (first, second, third) = talk
    reports = rewind(desk.bench, second)
    assert [report.attempt_id for report in reports] == [third, second]
    assert [(desk.root / f"{name}.md").exists() for name in "abc"] == [True, False, False]
    assert [told.attempt.id for told in desk.bench.log.conversation(session)] == [first]


def test_the_next_prompt_knows_nothing_of_what_was_taken_back(desk, talk):
    session, (_, second, _) = talk
    rewind(desk.bench, second)
    desk.play("Done.", request="write d", session=session)
    read = [message.content for message in desk.model.seen[-1]]
    assert "write a" in read
    assert not {"write b", "write c"} & set(read)


def test_it_says_nothing_about_how_the_tasks_were_done(desk, talk):
    _, made = talk
    rewind(desk.bench, made[0])
    assert [ledger(desk.database, attempt) for attempt in made] == [(), (), ()]


def test_an_attempt_that_changed_nothing_leaves_the_conversation_all_the_same(desk):
    session = desk.bench.new_session("a talk")
    attempt = desk.result(desk.play("Hello.", session=session)).attempt_id
    assert rewind(desk.bench, attempt) == ()
    assert desk.bench.log.conversation(session) == ()


def test_a_file_that_changed_since_stops_it_there_and_is_named(desk, talk):
    session, (first, second, _) = talk
    (desk.root / "b.md").write_text("by hand\n")
    with pytest.raises(UndoError, match=r"b\.md"):
        rewind(desk.bench, first)
    assert (desk.root / "b.md").read_text() == "by hand\n"
    assert (desk.root / "a.md").exists()
    assert [told.attempt.id for told in desk.bench.log.conversation(session)] == [first, second]


def test_other_sessions_are_left_alone(desk, talk):
    _, made = talk
    other = desk.result(desk.play(write("z.md"), "Done.")).attempt_id
    rewind(desk.bench, made[0])
    assert (desk.root / "z.md").exists()
    assert desk.bench.log.attempt(other).undone_at is None


def test_what_is_not_there_cannot_be_taken_back(desk):
    with pytest.raises(NotFoundError):
        rewind(desk.bench, 77)
