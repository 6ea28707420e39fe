"""A folder with a few files to try things on, so that nobody's own files are touched."""

import tempfile
from pathlib import Path

SAMPLE_FILES = {
    "todo.md": "# Todo\n- [ ] call the bank\n- [ ] water the plants\n",
    "shopping.md": "# Shopping\n- [ ] eggs\n- [ ] bread\n",
    "notes/plan.md": "# Plan\nStart with the garden, then the shed.\n",
    "expenses.csv": "date,item,amount\n2026-03-02,train,12.50\n2026-03-09,paper,4.20\n",
}


def sample_workspace() -> Path:
    """A new temporary folder with the files; it is the system's to clean up."""
    folder = Path(tempfile.mkdtemp(prefix="localnpm-sample-"))
    for name, text in SAMPLE_FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder
