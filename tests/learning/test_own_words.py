"""A procedure in the user's own words for what an attempt was asked for, and what becomes of it with the attempt."""

import pytest

from localnpm.errors import LocalnpmError
from localnpm.learning import by_hand
from localnpm.memory.forget import forget_attempts

ADD_MILK = 'Add "buy milk" to my todo list'
SCRIPT = "Add a todo\n1. Read todo.md.\n2. Append - [ ] <todo> to it."
OWN = "Add a todo\n1. Ask me first, whispering."


@pytest.fixture
def attempt(desk):
    """One that was carried out."""
    return desk.result(desk.play("Done.", request=ADD_MILK)).attempt_id


def test_what_the_user_writes_for_an_attempt_is_in_use_at_once(desk, attempt):
    learned = by_hand.write(desk.database, attempt, OWN)
    assert desk.procedures.get(learned.procedure_id).active.script == OWN
    desk.play("Done.", request=ADD_MILK)
    assert "whispering" in desk.prompt()


def test_a_procedure_of_the_kind_gets_the_users_words_as_a_new_version_that_names_the_attempt(desk, attempt):
    kind = desk.teach(SCRIPT, ADD_MILK)
    desk.procedures.add_member(attempt, kind.id, ())
    learned = by_hand.write(desk.database, attempt, OWN)
    assert learned.procedure_id == kind.id
    assert desk.procedures.get(kind.id).active.lineage == ((attempt, "reason"),)


def test_forgetting_the_attempt_takes_what_the_user_wrote_for_it(desk, attempt):
    kind = desk.teach(SCRIPT, ADD_MILK)
    desk.procedures.add_member(attempt, kind.id, ())
    by_hand.write(desk.database, attempt, OWN)
    forget_attempts(desk.database, [attempt])
    assert [version.script for version in desk.procedures.versions(kind.id)] == [SCRIPT, ""]


def test_a_title_alone_is_not_kept(desk, attempt):
    with pytest.raises(LocalnpmError, match="steps under it"):
        by_hand.write(desk.database, attempt, "Add a todo")
    assert desk.procedures.all() == ()
