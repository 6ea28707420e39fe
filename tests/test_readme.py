"""The README keeps its word: every command is in it, and its file tree is what the files say of themselves.

`python tests/test_readme.py` writes the tree anew.
"""

import ast
import re
from pathlib import Path

from localnpm.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
# Folders of many like files: one line for all of them.
WHOLE = {
    "localnpm/evals/habits/families": "the twenty kinds of task, a file each",
    "localnpm/evals/habits/phrases": "wordings of requests and of reasons",
    "localnpm/evals/habits/words": "names and things to fill them with",
    "models/embedder": "the bundled sentence embedder",
    "models/recipe": "how model and embedder were made: corpus, trainers, exporter, checks",
    "localnpm/evals/household": "ALFWorld's text household, simulated: rooms, rules, policies",
    "localnpm/agent/confinement": "how a command is held: namespaces, Landlock, seccomp, a child that sets them up",
    "tests": "mirrors localnpm/",
}
SAID = {
    "localnpm/py.typed": "the package is typed",
    "localnpm/evals/household/tables.json": "counts and rates that rooms are drawn from",
    "models/apprentice-q8_0.gguf": "the bundled model",
    "models/README.md": "its card: how it was made, what it can and cannot do",
    "models/EXPERIMENTS.md": "what was tried, with figures, also what did not work",
}
BLOCK = re.compile(r"(?s)(?<=## The house\n\n```\n).*?(?=```)")


def said(path: Path) -> str:
    """A file's comment: the first sentence of its docstring."""
    name = path.relative_to(ROOT).as_posix()
    if name in SAID:
        return SAID[name]
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    first = docstring.split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=[.;])\s", first)[0].rstrip(".;")


def tree(folder: Path, depth: int = 0) -> list[str]:
    """A folder's lines, files before folders."""
    lines = []
    entries = sorted(folder.iterdir(), key=lambda entry: (entry.is_dir(), entry.name))
    for entry in entries:
        name = entry.relative_to(ROOT).as_posix()
        if entry.name.startswith((".", "__pycache__")) or (
            entry.is_file() and not (entry.suffix == ".py" or name in SAID)
        ):
            continue
        comment = WHOLE.get(name, "") if entry.is_dir() else said(entry)
        label = "  " * depth + entry.name + ("/" if entry.is_dir() else "")
        lines.append(f"{label:32} {comment}".rstrip())
        if entry.is_dir() and name not in WHOLE:
            lines += tree(entry, depth + 1)
    return lines


def whole_tree() -> str:
    """The block in the README."""
    lines = []
    for top in ("localnpm", "models", "tests"):
        comment = WHOLE.get(top, "")
        lines.append(f"{top + '/':32} {comment}".rstrip())
        if top not in WHOLE:
            lines += tree(ROOT / top, 1)
    return "\n".join(lines) + "\n"


def test_every_command_is_in_the_readme():
    text = README.read_text("utf-8")
    assert [name for name in COMMANDS if f"localnpm {name}" not in text and name != "completion"] == []


def test_the_file_tree_is_what_the_files_say():
    found = BLOCK.search(README.read_text("utf-8"))
    assert found is not None
    assert found.group() == whole_tree()


def test_every_dependency_has_its_reason():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    table = README.read_text("utf-8").split("## Dependencies, and why")[1].split("## ")[0]
    names = re.findall(r'^    "([a-z-]+)[=<>~]', project.split("dependencies = [")[1].split("]")[0], re.M)
    assert names and [name for name in names if name not in table] == []


if __name__ == "__main__":
    README.write_text(BLOCK.sub(lambda _: whole_tree(), README.read_text("utf-8")), "utf-8")
