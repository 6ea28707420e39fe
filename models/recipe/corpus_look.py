"""Documents in which the user only asks what is there: a folder's entries, a file's text, whether one exists."""

from collections.abc import Callable

from corpus_about import About
from corpus_conversation import Conversation, Message
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.runs import Run
from localnpm.evals.habits.shares import Shares
from localnpm.evals.habits.transcript import SYSTEM
from localnpm.evals.habits.workspace import Step, Workspace

ROOT_QUESTIONS = (
    "Which files are there?",
    "What files are here?",
    "What is in this folder?",
    "What's here?",
    "List the files.",
    "Show me the files.",
    "List everything in this folder.",
    "What have we got here?",
    "Which files do I have?",
    "Can you list the files?",
    "Show the files in this folder, please.",
    "What do you see?",
    "ls",
)
FOLDER_QUESTIONS = (
    "What is in {folder}?",
    "What's in the folder {folder}?",
    "List the files in {folder}.",
    "Show me what {folder} holds.",
    "Which files are in {folder}?",
    "Can you list {folder}?",
    "Show the contents of {folder}/.",
    "ls {folder}",
)
FILE_QUESTIONS = (
    "What is in {path}?",
    "What does {path} say?",
    "Show me {path}.",
    "Read {path} to me.",
    "Open {path}, please.",
    "Print {path}.",
    "Can you show me the file {path}?",
    "What's written in {path}?",
    "cat {path}",
)
EXISTENCE_QUESTIONS = (
    "Is there a file called {name}?",
    "Do I have a file named {name}?",
    "Where is {name}?",
    "Find {name}.",
    "Can you find the file {name}?",
    "In which folder is {name}?",
)
NO_SUCH_FILE = ("There is no file called {name}.", "I could not find {name}.", "No file here is called {name}.")
EXTENSIONS = ("txt", "md", "csv", "log", "toml")


def look(names: Names, about: About) -> list[Message]:
    """One question about what is there, and its answer."""
    return LOOKS.draw(names.random)(names)


def list_root(names: Names) -> list[Message]:
    """What is at the top level."""
    return _list(names, ".", names.pick(ROOT_QUESTIONS))


def list_folder(names: Names) -> list[Message]:
    """What is in a folder."""
    folder = names.folder()
    return _list(names, folder, names.say(FOLDER_QUESTIONS, folder=folder))


def show_file(names: Names) -> list[Message]:
    """A short file's text, told exactly."""
    workspace = _workspace(names, names.folder())
    path = names.pick(sorted(workspace.files))
    text = workspace.files[path].rstrip("\n")
    answer = f"{path} says:\n{text}" if text else f"{path} is empty."
    return _told(workspace, names.say(FILE_QUESTIONS, path=path), ("read_file", {"path": path}), answer)


def find_file(names: Names) -> list[Message]:
    """Where a file is, if it is there."""
    workspace = _workspace(names, names.folder())
    path = names.pick(sorted(workspace.files))
    name = path.rpartition("/")[2]
    if names.random() < 0.3:
        name = f"{names.file_stem(names.topic())}.{names.pick(EXTENSIONS)}"
    there = [other for other in sorted(workspace.files) if other.rpartition("/")[2] == name]
    answer = names.say(NO_SUCH_FILE, name=name) if not there else f"It is {there[0]}."
    if len(there) > 1:
        answer = f"There are {len(there)}: {', '.join(there)}."
    return _told(workspace, names.say(EXISTENCE_QUESTIONS, name=name), ("find_files", {"pattern": name}), answer)


LOOKS: Shares[Callable[[Names], list[Message]]] = Shares(
    (0.35, list_root), (0.6, list_folder), (0.85, show_file), (1.0, find_file)
)


def _workspace(names: Names, folder: str) -> Workspace:
    files = {}
    for _ in range(names.integer(1, 6)):
        words, extension = names.topic(), names.pick(EXTENSIONS)
        prefix = f"{folder}/" if names.random() < 0.5 else ""
        files[f"{prefix}{names.file_stem(words)}.{extension}"] = names.file_text(words, extension)
    return Workspace(files)


def _list(names: Names, folder: str, question: str) -> list[Message]:
    workspace = _workspace(names, folder if folder != "." else names.folder())
    result = workspace.list_directory(folder) if folder == "." or _holds(workspace, folder) else ""
    if not result:
        return _told(workspace, question, ("list_directory", {"path": folder}), f"There is no folder called {folder}.")
    entries = [line.partition("] ") for line in result.split("\n") if "] " in line]
    shown = [f"{name}/" if kind == "[DIR" else name for kind, _, name in entries]
    where = "here" if folder == "." else f"in {folder}"
    answer = f"There is nothing {where}." if not shown else f"There {_are(len(shown))} {where}: {', '.join(shown)}."
    return _told(workspace, question, ("list_directory", {"path": folder}), answer)


def _holds(workspace: Workspace, folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in workspace.files)


def _are(count: int) -> str:
    return "is one thing" if count == 1 else f"are {count} things"


def _told(workspace: Workspace, question: str, call: tuple[str, dict[str, str]], answer: str) -> list[Message]:
    conversation = Conversation(SYSTEM)
    conversation.user(question)
    tool, arguments = call
    conversation.run(Run([Step(tool, arguments, workspace.call(tool, arguments))], answer))
    return conversation.messages
