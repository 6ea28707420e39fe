"""SKILL.md, the file that the Agent Skills layout has in each folder: YAML front matter, then Markdown.

`name` and `description` are the layout's own keys (agentskills.io/specification); ours are under `metadata`, whose
values are texts there. The body is the title as a heading, then the script's steps. A file from elsewhere is read
with bounds, every value as text, and refused with the reason where it is not what the layout says.
"""

import json
from dataclasses import dataclass

from localnpm.errors import LocalnpmError
from localnpm.memory.procedure_names import RULE, one_title, valid
from localnpm.plain import one_line, visible

LONGEST_FILE = 256 * 1024
"""Bytes."""
LONGEST_FRONT = 16 * 1024
"""Characters; YAML is slow to read, and deep nesting costs more."""
MOST_BRACKETS = 100
"""Opening brackets in the front matter: the YAML reader takes seconds for some hundreds of them in each other."""
LONGEST_DESCRIPTION = 1024
"""Characters, by the specification."""
MOST_REQUESTS = 100
OURS = "localnpm-"
REQUESTS = "localnpm-requests"

_FENCE = "---"


@dataclass(frozen=True)
class Skill:
    """A procedure as it travels.

    Attributes:
        script: a title line, then steps; empty when there is only an example.
        requests: texts that recall compares a request with; empty in files from elsewhere.
        metadata: our other fields, for people to read; empty in files from elsewhere.
    """

    name: str
    title: str
    description: str
    script: str
    requests: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()


def write(skill: Skill) -> str:
    """The file's text."""
    # Imported here and below: most commands never need it.
    import yaml

    metadata = {**dict(skill.metadata), REQUESTS: _as_json(skill.requests[:MOST_REQUESTS])}
    front = yaml.safe_dump(
        {"name": skill.name, "description": skill.description[:LONGEST_DESCRIPTION], "metadata": metadata},
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    title, steps = _parted(skill)
    return f"{_FENCE}\n{front}{_FENCE}\n\n# {title}\n" + (f"\n{steps}\n" if steps else "")


def read(data: bytes, where: str) -> Skill:
    """The skill in a file's bytes; `where` names it in errors.

    Raises:
        LocalnpmError: too long, not UTF-8, control characters, or not as the layout says.
    """
    text = decoded(data, where)
    front, body = _split(text, where)
    fields = _fields(front, where)
    name, description, metadata = fields.get("name"), fields.get("description"), fields.get("metadata", {})
    if not isinstance(name, str) or not valid(name):
        # What is no text is not shown: aliases in it can stand for more than any memory holds.
        shown = repr(one_line(name, 80)) if isinstance(name, str) else "no text"
        raise _refused(where, f"its name is {shown}; a name is {RULE}")
    if not isinstance(description, str) or not description.strip():
        raise _refused(where, "its front matter has no description")
    if len(description) > LONGEST_DESCRIPTION:
        raise _refused(where, f"its description has {len(description)} characters, over {LONGEST_DESCRIPTION}")
    if not isinstance(metadata, dict):
        raise _refused(where, "its metadata is not a map of names to texts")
    title, script = _script(body, name)
    ours = tuple(
        (key, value)
        for key, value in metadata.items()
        if isinstance(key, str) and isinstance(value, str) and key.startswith(OURS) and key != REQUESTS
    )
    return Skill(name, title, description.strip(), script, _requests(metadata.get(REQUESTS), where), ours)


def decoded(data: bytes, where: str) -> str:
    """A file's bytes as text with plain newlines.

    Raises:
        LocalnpmError: too long, not UTF-8, or with characters that act on a terminal or hide text.
    """
    if len(data) > LONGEST_FILE:
        raise _refused(where, f"it is larger than {LONGEST_FILE // 1024} kB")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _refused(where, "it is not UTF-8 text") from None
    for number, line in enumerate(text.split("\n"), 1):
        shown = visible(line)
        if shown != line or any(0xE0000 <= ord(letter) < 0xE0080 for letter in line):
            raise _refused(where, f"line {number} holds control or invisible characters: {one_line(shown, 60)}")
    return text


def _parted(skill: Skill) -> tuple[str, str]:
    """The heading, and what comes under it."""
    first, _, rest = skill.script.strip("\n").partition("\n")
    if not first or first.lstrip()[:1].isdigit():
        return skill.title, skill.script.strip("\n")
    return first.strip(), rest.strip("\n")


def _script(body: str, name: str) -> tuple[str, str]:
    """Title and script: the first heading, if the body begins with one, and the rest."""
    text = body.strip("\n")
    first, _, rest = text.partition("\n")
    if not first.startswith("#"):
        return one_title(name.replace("-", " ").capitalize()), text
    heading = first.lstrip("#").strip()
    title = one_title(heading) or name
    rest = rest.strip("\n")
    return title, f"{heading}\n{rest}" if rest else ""


def _split(text: str, where: str) -> tuple[str, str]:
    first, _, rest = text.partition("\n")
    front, found, body = rest.partition(f"\n{_FENCE}\n")
    if not found and rest.endswith(f"\n{_FENCE}"):
        front, found, body = rest[: -len(_FENCE) - 1], _FENCE, ""
    if first.rstrip() != _FENCE or not found:
        raise _refused(where, "it does not begin with front matter between two lines of `---`")
    if len(front) > LONGEST_FRONT:
        raise _refused(where, f"its front matter is longer than {LONGEST_FRONT // 1024} kB")
    if front.count("[") + front.count("{") > MOST_BRACKETS:
        raise _refused(where, f"its front matter has more than {MOST_BRACKETS} brackets")
    return front, body


def _fields(front: str, where: str) -> dict[object, object]:
    """The front matter; the base loader makes texts, lists and maps only."""
    import yaml

    try:
        fields = yaml.load(front, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        detail = one_line(str(error), 120) if isinstance(error, yaml.YAMLError) else "it is nested too deep"
        raise _refused(where, f"its front matter is not YAML ({detail})") from None
    if not isinstance(fields, dict):
        raise _refused(where, "its front matter is not a map of names to values")
    return fields


def _as_json(texts: tuple[str, ...]) -> str:
    """A JSON list in which only the list itself is in brackets, and that leaves room in the front matter."""
    kept: list[str] = []
    for text in texts:
        inner = json.dumps([*kept, text], ensure_ascii=False)[1:-1].replace("[", "\\u005b").replace("{", "\\u007b")
        if len(inner) > LONGEST_FRONT // 2:
            break
        kept.append(text)
    inner = json.dumps(kept, ensure_ascii=False)[1:-1]
    return "[" + inner.replace("[", "\\u005b").replace("{", "\\u007b") + "]"


def _requests(value: object, where: str) -> tuple[str, ...]:
    if value is None:
        return ()
    try:
        requests = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        requests = None
    if not isinstance(requests, list) or not all(isinstance(text, str) for text in requests):
        raise _refused(where, f"{REQUESTS} is not a JSON list of texts")
    return tuple(requests[:MOST_REQUESTS])


def _refused(where: str, why: str) -> LocalnpmError:
    return LocalnpmError(f"{where} cannot be imported: {why}. Nothing was changed.")
