"""The tools as models are told of them: name, description, arguments. The bundled model knows them by heart.

Short on purpose: every word is read by the model in each conversation, and on a laptop a thousand are a wait. All
arguments are texts, and their names say what they are.
"""

from collections.abc import Mapping

from localnpm.engine.messages import ToolSchema

_TOLD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "list_directory": ("List a folder. Paths are relative to the workspace, which is `.`.", ("path",)),
    "find_files": ("Find files anywhere by a glob on the name, such as *report*.", ("pattern",)),
    "search_text": ("Find lines that contain a text, case ignored, in all text files.", ("query",)),
    "read_file": ("Read a text file.", ("path",)),
    "write_file": ("Create a text file, or replace all of its content.", ("path", "content")),
    "append_file": ("Add lines at the end of a file, or create it.", ("path", "content")),
    "edit_file": (
        "Replace a text that occurs exactly once in a file. Read it first; copy old_text exactly.",
        ("path", "old_text", "new_text"),
    ),
    "create_directory": ("Make a folder, with its parents.", ("path",)),
    "move_file": ("Move or rename a file or folder to a whole new path.", ("source", "destination")),
    "copy_file": ("Copy a file to a whole new path.", ("source", "destination")),
    "delete_file": ("Delete one file.", ("path",)),
    "calculate": ("Work out arithmetic with + - * / and brackets.", ("expression",)),
    "run_command": ("Run a shell command in the workspace, without network.", ("command",)),
}


def _schema(name: str, description: str, arguments: tuple[str, ...]) -> ToolSchema:
    properties = {key: {"type": "string"} for key in arguments}
    parameters = {"type": "object", "properties": properties, "required": list(arguments)}
    return ToolSchema(name, description, parameters)


SCHEMAS: Mapping[str, ToolSchema] = {name: _schema(name, *told) for name, told in _TOLD.items()}
"""Tool -> its schema, in the order in which models are told of them."""

ARGUMENTS: Mapping[str, tuple[str, ...]] = {name: arguments for name, (_, arguments) in _TOLD.items()}
"""Tool -> the names of its arguments, in order; all are texts, and all are needed."""
