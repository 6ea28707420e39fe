"""The tools on real files answer and act as the workspace in memory on which the bundled model was trained."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localnpm.agent.tools import FileTools
from localnpm.agent.workspace import Workspace
from localnpm.engine.messages import ToolCall
from localnpm.evals.habits.workspace import SIGNATURES
from localnpm.evals.habits.workspace import Workspace as InMemory

START = {"notes.md": "a\nb\nA b\n", "docs/a.txt": "b", "docs/x/notes.md": "", "docs/x/b": "ßa\r\n\n"}
NAMES = ["a", "b", "notes.md", "a.txt", "docs", "x"]
ODD_NAMES = [*NAMES, "..", ".", "", "ä ö.txt", "-x", "[1].md", "docs.d"]
OUT = ["/", "/etc/passwd", "~", "~/x", "\\x", "c:x", "..", "../x", "a/../../x"]
PATHS = st.one_of(
    st.sampled_from([*START, "docs", "docs/x", "a", "."]),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join),
    st.lists(st.sampled_from(ODD_NAMES), max_size=4).map("/".join) | st.sampled_from(OUT),
)
TEXTS = st.sampled_from(["a", "b", "\n", "a\nb"]) | st.text("aAbß \n\r\tΣ.", max_size=12)
PATTERNS = st.one_of(st.sampled_from(["*", "*.md", "*.TXT", "a*", "?", "[a-b]", "[", "*.pdf", "**", "docs/*"]), TEXTS)
EXPRESSIONS = st.one_of(st.text("0123456789.+-*/() ", max_size=12), st.text(max_size=6))
VALUES = {"path": PATHS, "source": PATHS, "destination": PATHS, "pattern": PATTERNS, "query": TEXTS}
VALUES |= {"content": TEXTS, "old_text": TEXTS, "new_text": TEXTS, "expression": EXPRESSIONS}
OTHER = st.one_of(st.none(), st.integers(), st.booleans(), st.lists(st.integers(), max_size=2))


@st.composite
def calls(draw: st.DrawFn) -> ToolCall:
    """A call of a known tool; now and then with an argument missing or of another type, or of an unknown tool."""
    name = draw(st.sampled_from(list(SIGNATURES)))
    arguments = {key: draw(VALUES[key]) for key in SIGNATURES[name]}
    if draw(st.integers(0, 19)) == 0:
        arguments[draw(st.sampled_from(list(arguments)))] = draw(OTHER)  # type: ignore[assignment]
    if draw(st.integers(0, 39)) == 0:
        name = draw(st.sampled_from(["run_command", "open", ""]))
    return ToolCall(name, arguments)


def real_files(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_bytes().decode() for path in root.rglob("*") if path.is_file()}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(calls(), min_size=1, max_size=25))
def test_any_calls_get_the_same_results_and_leave_the_same_files(sequence: list[ToolCall]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in START.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        tools = FileTools(Workspace(root))
        reference = InMemory(START)
        for call in sequence:
            result = tools.perform(tools.prepare(call), None)
            assert result == reference.call(call.name, call.arguments), call
        assert real_files(root) == reference.files
        assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()} == reference.folders
