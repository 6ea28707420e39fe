"""`localnpm practice` on the bundled model: in a copy, and learned from."""

import json

import pytest

from localnpm.agent.jail import probe

needs_jail = pytest.mark.skipif(probe().mechanism is None, reason=f"no jail here: {probe().why_not()}")


def test_with_no_failed_check_there_is_nothing_to_practise(localnpm, work):
    ended = localnpm("practice")
    assert (ended.code, "Nothing to practise" in ended.err) == (0, True)


@needs_jail
@pytest.mark.slow
def test_a_failed_task_is_practised_in_a_copy_and_what_passed_is_learned(localnpm, work):
    (work / "draft.md").write_text("a draft\n")
    request = "Remove the file draft.md"
    check = "test -f archive/draft.md -o -f draft.md"
    assert localnpm("run", request, "--allow", "write", "--check", check).code == 8
    files = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    ended = localnpm("practice", "--json")
    tries = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 0 and {each["practised"] for each in tries} == {1}
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == files
    if any(each["success"] for each in tries):
        assert "Learned: " in ended.err
