"""The tools as models are told of them: name, description, arguments. The bundled model knows them by heart.

Short on purpose: every word is read again by the model in each conversation.
"""

from collections.abc import Mapping

from localnpm.engine.messages import ToolSchema

_ARGUMENTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "list_directory": (
        "List the entries of a folder. Paths are relative to the workspace, which is `.`.",
        {"path": ""},
    ),
    "find_files": (
        "Find files by name anywhere in the workspace. The glob is matched against the file name, not the path.",
        {"pattern": "such as *.md or *report*"},
    ),
    "search_text": (
        "Find the lines that contain a text, case ignored, in all text files. Returns path:line_number: line.",
        {"query": "plain text, not a regular expression"},
    ),
    "read_file": ("Read a text file.", {"path": ""}),
    "write_file": (
        "Create a text file, or replace all of its content. Missing folders are made.",
        {"path": "", "content": "all of the new content"},
    ),
    "append_file": (
        "Add text as new lines at the end of a file, or create it.",
        {"path": "", "content": "the lines to add"},
    ),
    "edit_file": (
        "Replace a text that occurs exactly once in a file. Read the file first; copy old_text exactly.",
        {
            "path": "",
            "old_text": "the text to replace, with enough around it to be unique",
            "new_text": "its replacement",
        },
    ),
    "create_directory": ("Make a folder, with its parents.", {"path": ""}),
    "move_file": (
        "Move or rename a file or folder. Nothing may be at the destination.",
        {"source": "", "destination": "the whole new path, with the name"},
    ),
    "copy_file": (
        "Copy a file. Nothing may be at the destination.",
        {"source": "", "destination": "the whole new path, with the name"},
    ),
    "delete_file": ("Delete one file.", {"path": ""}),
    "calculate": (
        "Work out arithmetic with + - * / and brackets, to two decimals.",
        {"expression": "such as (3 + 4.5) * 2"},
    ),
    "run_command": (
        "Run a shell command in the workspace, without network. Returns exit code, standard output and standard error.",
        {"command": "the command line"},
    ),
}


def _argument(text: str) -> Mapping[str, str]:
    return {"type": "string", "description": text} if text else {"type": "string"}


def _schema(name: str, description: str, arguments: Mapping[str, str]) -> ToolSchema:
    return ToolSchema(
        name,
        description,
        {
            "type": "object",
            "properties": {key: _argument(text) for key, text in arguments.items()},
            "required": list(arguments),
        },
    )


SCHEMAS: Mapping[str, ToolSchema] = {name: _schema(name, *told) for name, told in _ARGUMENTS.items()}
"""Tool -> its schema, in the order in which models are told of them."""

ARGUMENTS: Mapping[str, tuple[str, ...]] = {name: tuple(arguments) for name, (_, arguments) in _ARGUMENTS.items()}
"""Tool -> the names of its arguments, in order; all are texts, and all are needed."""
