"""Procedures as folders: what leaves comes back, and folders from elsewhere are read with care."""

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localnpm.errors import LocalnpmError
from localnpm.memory.database import Database
from localnpm.memory.procedure_records import Draft, Procedure
from localnpm.memory.procedures import Procedures
from localnpm.memory.skill_file import LONGEST_FILE, Skill, read, write
from localnpm.memory.skills import export_skills, import_skills
from localnpm.memory.vector_store import VectorStore

SCRIPT = "Add a task\n1. read_file todo.md\n2. append_file todo.md: - [ ] <task>"
EXAMPLE = 'Task: Add milk\nread_file(path="todo.md") -> # Todo\nAnswer: Done.'
FOREIGN = "---\nname: pdf-forms\ndescription: Fill forms. Use for PDFs.\n---\n# PDF forms\n\nOpen the file.\n"


@pytest.fixture
def procedures(database: Database) -> Procedures:
    return Procedures(database)


@pytest.fixture
def todo(procedures: Procedures) -> Procedure:
    keys = [("Add milk to my list", None), ("Note: 'tea' — \U0001f375", None)]
    return procedures.add("Add a task", keys, Draft(SCRIPT, EXAMPLE, "built"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def skill(out: Path, text: str | bytes, name: str = "skill") -> Path:
    """A folder with this SKILL.md."""
    folder = out / name
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def test_a_procedure_leaves_in_the_agent_skills_layout(database: Database, todo: Procedure, out: Path) -> None:
    (folder,) = export_skills(database, [todo], out)
    _, front, body = (folder / "SKILL.md").read_text().split("---\n", 2)
    fields = yaml.safe_load(front)
    assert folder.name == fields["name"] == "add-a-task"
    assert set(fields) == {"name", "description", "metadata"}
    assert "Add milk to my list" in fields["description"]
    assert all(isinstance(value, str) for value in fields["metadata"].values())
    assert body == "\n# Add a task\n\n1. read_file todo.md\n2. append_file todo.md: - [ ] <task>\n"
    assert (folder / "example.md").read_text() == f"{EXAMPLE}\n"


def test_what_left_comes_back_disabled_and_otherwise_the_same(
    database: Database, procedures: Procedures, todo: Procedure, out: Path
) -> None:
    export_skills(database, [todo], out)
    (back,) = import_skills(database, out)
    assert (back.name, back.title, back.status, back.origin) == ("add-a-task-2", todo.title, "disabled", "imported")
    assert back.active is not None
    assert (back.active.script, back.active.example, back.active.source) == (SCRIPT, EXAMPLE, "imported")
    assert procedures.keys(back.id) == procedures.keys(todo.id)


LINES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1).map(lambda line: line.strip() or "x")


@given(
    title=LINES, steps=st.lists(LINES), requests=st.lists(st.text(st.characters(exclude_categories=["C"])), max_size=3)
)
def test_every_script_survives_the_file(title: str, steps: list[str], requests: list[str]) -> None:
    title = "Do " + title
    script = "\n".join([title, *(f"{number}. {step}" for number, step in enumerate(steps, 1))]) if steps else ""
    there = Skill("a-name", title, "Says what.", script, tuple(requests), (("localnpm-version", "1"),))
    back = read(write(there).encode(), "SKILL.md")
    assert (back.name, back.description, back.script, back.requests) == (
        "a-name",
        "Says what.",
        script,
        tuple(requests),
    )


def test_a_script_without_a_title_line_gets_the_procedures(database: Database, out: Path) -> None:
    kind = Procedures(database).add("Add a task", [], Draft("1. append_file", "", "built"))
    export_skills(database, [kind], out)
    (back,) = import_skills(database, out)
    assert back.active is not None
    assert back.active.script == "Add a task\n1. append_file"


def test_vectors_leave_beside_the_script(database: Database, todo: Procedure, out: Path) -> None:
    for model in ("aaaaaaaaaa", "bbbbbbbbbb"):
        VectorStore(database).add(
            "add-a-task", model.encode(), procedure_id=todo.id, status="active", origin="distilled", model="m",
            model_fingerprint=model, coefficient=1, layers=(0, 1),
        )  # fmt: skip
    (folder,) = export_skills(database, [todo], out, vectors=True)
    assert (folder / "add-a-task-aaaaaaaa.gguf").read_bytes() == b"aaaaaaaaaa"
    assert (folder / "add-a-task-bbbbbbbb.gguf").read_bytes() == b"bbbbbbbbbb"


def test_what_is_there_is_replaced_only_when_told_to(database: Database, todo: Procedure, out: Path) -> None:
    export_skills(database, [todo], out)
    Procedures(database).edit(todo.id, "Mine\n1. do", keep_example=False)
    with pytest.raises(LocalnpmError, match="is there already"):
        export_skills(database, [todo], out)
    (folder,) = export_skills(database, [todo], out, replace=True)
    assert [file.name for file in folder.iterdir()] == ["SKILL.md"]
    assert "# Mine" in (folder / "SKILL.md").read_text()


def test_a_link_is_not_written_through(database: Database, todo: Procedure, out: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out.mkdir()
    (out / "add-a-task").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LocalnpmError, match="is there already"):
        export_skills(database, [todo], out, replace=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_skill_of_another_agent_is_read(database: Database, procedures: Procedures, out: Path) -> None:
    (kind,) = import_skills(database, skill(out, FOREIGN))
    assert (kind.name, kind.title, kind.status) == ("pdf-forms", "PDF forms", "disabled")
    assert kind.active is not None
    assert kind.active.script == "PDF forms\nOpen the file."
    assert procedures.keys(kind.id) == ("PDF forms", "Fill forms. Use for PDFs.")


def test_all_skills_of_a_folder_are_read_or_none(database: Database, procedures: Procedures, out: Path) -> None:
    skill(out, FOREIGN, "a")
    skill(out, FOREIGN.replace("pdf-forms", "tables"), "b")
    assert [kind.name for kind in import_skills(database, out)] == ["pdf-forms", "tables"]
    skill(out, "no front matter", "c")
    with pytest.raises(LocalnpmError, match=r"c/SKILL.md cannot be imported"):
        import_skills(database, out)
    assert len(procedures.all()) == 2


def test_requests_full_of_brackets_or_too_many_for_the_front_matter_come_back(
    database: Database, procedures: Procedures, out: Path
) -> None:
    texts = ["[" * 500 + "{" * 500, *(f"{number} " + "é" * 1000 for number in range(30))]
    kind = procedures.add("Add", [(text, None) for text in texts], Draft("Add\n1. do", "", "built"))
    export_skills(database, [kind], out)
    (back,) = import_skills(database, out)
    assert 3 <= len(procedures.keys(back.id)) < len(texts)
    assert procedures.keys(back.id) == tuple(texts[: len(procedures.keys(back.id))])


def front(fields: str) -> str:
    return f"---\n{fields}\n---\n# T\n\ntext\n"


HOSTILE = {
    "a path as its name": (front("name: ../../etc/cron\ndescription: d"), "its name is"),
    "an absolute path as its name": (front("name: /etc/passwd\ndescription: d"), "its name is"),
    "a colon in its name": (front("name: 'a:b'\ndescription: d"), "its name is"),
    "a list as its name": (front("name: [a]\ndescription: d"), "its name is"),
    "no name": (front("description: d"), "its name is"),
    "no description": (front("name: a"), "no description"),
    "a long description": (front("name: a\ndescription: " + "d" * 2000), "2000 characters"),
    "no front matter": ("# Title\n\ntext", "does not begin with front matter"),
    "front matter without an end": ("---\nname: a\ndescription: d\n", "does not begin with front matter"),
    "nothing": ("", "does not begin with front matter"),
    "YAML that is none": (front("name: [a\ndescription: d"), "is not YAML"),
    "YAML that is a list": (front("- name"), "not a map"),
    "a Python object": (front("name: !!python/object/apply:os.system ['true']\ndescription: d"), "its name is"),
    "deep nesting": (front("name: " + "[" * 8000), "more than 100 brackets"),
    "deep nesting without brackets": (front("name: " + "? " * 8000), "is not YAML"),
    "aliases of aliases": (
        front("\n".join(["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 50)])),
        "its name is",
    ),
    "aliases of aliases as its name": (
        front("\n".join(["name:", "- &a0 [x]", *(f"- &a{n}\n" + f"  - *a{n - 1}\n" * 9 for n in range(1, 9))])),
        "its name is no text",
    ),
    "an alias of itself": (front("name: &a [*a]\ndescription: d"), "is not YAML"),
    "long front matter": (front("name: a\ndescription: d\nx: " + "y" * 20_000), "longer than 16 kB"),
    "metadata that is no map": (front("name: a\ndescription: d\nmetadata: x"), "metadata is not a map"),
    "requests that are no list": (
        front("name: a\ndescription: d\nmetadata:\n  localnpm-requests: '{}'"),
        "not a JSON list",
    ),
    "an escape sequence": (FOREIGN + "\x1b[31mred\n", "line 8 holds control"),
    "a change of direction": (FOREIGN + "a\u202eb\n", "line 8 holds control"),
    "letters that cannot be seen": (FOREIGN + "a\U000e0041b\n", "line 8 holds control"),
    "a null byte": (FOREIGN + "\0", "line 8 holds control"),
    "binary": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "not UTF-8"),
    "UTF-16": (FOREIGN.encode("utf-16"), "not UTF-8"),
    "too much": (FOREIGN + "x" * LONGEST_FILE, "larger than 256 kB"),
    "a title alone": ("---\nname: a\ndescription: d\n---\n# T\n", "no text below its title"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_skill_is_refused_that_has(database: Database, procedures: Procedures, out: Path, what: str) -> None:
    text, message = HOSTILE[what]
    folder, began = skill(out, text), time.monotonic()
    with pytest.raises(LocalnpmError, match=message):
        import_skills(database, folder)
    assert time.monotonic() - began < 1
    assert procedures.all() == ()


@given(data=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_a_skill_or_refused(data: bytes) -> None:
    try:
        read(b"---\nname: a\ndescription: " + data, "SKILL.md")
    except LocalnpmError as error:
        assert "SKILL.md cannot be imported" in str(error)


def test_a_file_of_a_gigabyte_is_refused_unread(database: Database, out: Path) -> None:
    folder = skill(out, FOREIGN)
    with (folder / "SKILL.md").open("r+b") as file:
        file.truncate(1 << 30)
    with pytest.raises(LocalnpmError, match="larger than"):
        import_skills(database, folder)


def test_pipes_links_and_folders_in_place_of_the_file_are_refused(
    database: Database, procedures: Procedures, out: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target.md"
    target.write_text(FOREIGN)
    for name, make in {"pipe": os.mkfifo, "link": lambda path: path.symlink_to(target), "folder": Path.mkdir}.items():
        (out / name).mkdir(parents=True)
        make(out / name / "SKILL.md")
        with pytest.raises(LocalnpmError, match="cannot be imported"):
            import_skills(database, out / name)
    assert procedures.all() == ()


def test_a_link_to_a_folder_is_refused(database: Database, out: Path, tmp_path: Path) -> None:
    real = skill(tmp_path / "real", FOREIGN)
    out.mkdir()
    (out / "link").symlink_to(real)
    with pytest.raises(LocalnpmError, match="it is a link"):
        import_skills(database, out)


def test_a_folder_without_a_skill_says_so(database: Database, out: Path) -> None:
    with pytest.raises(LocalnpmError, match="cannot be read"):
        import_skills(database, out)
    out.mkdir()
    with pytest.raises(LocalnpmError, match="no folder in it has one"):
        import_skills(database, out)
