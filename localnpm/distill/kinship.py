"""Whether an attempt is of a known kind: by its request first, then by what it did, then by what the model calls it.

Requests of different kinds may be alike ("Add ... to the log", "Add ... to the list"). What was done tells some of them
apart: who moves a document has not written a journal. The rest a small model tells, which reads quickly: asked for the
procedure of a run, it finds the title of the run's own kind likely, and that of any other unlikely (measured on the
bundled model: above -1 against below -5 nats). Not covered: how alike requests are (memory/kinds.py), how attempts are
grouped by that (sorting.py).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from localnpm.distill.choose import can_score
from localnpm.distill.compact import compact, way
from localnpm.distill.scripts import script_prompt, title_of
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.turns import ChatModel
from localnpm.errors import CancelledError, ContextFullError
from localnpm.memory.asked import Asked
from localnpm.memory.embedding import Float32Array
from localnpm.memory.procedure_records import OWN_WORDS, Version
from localnpm.memory.procedures import Procedures
from localnpm.memory.recall import Recall
from localnpm.memory.records import Trajectory

LEAST_TITLE = -5.0
"""log p of a procedure's title for a run of its kind, in nats, at least."""
TITLE_TOKENS = 40

_WRITING = "write"
# Tools that may stand for each other within a kind, as a habit asks; those that only look, and folders and copies that
# are made on the way, tell no kinds apart.
_ACTS = {
    "write_file": _WRITING,
    "append_file": _WRITING,
    "edit_file": _WRITING,
    "move_file": "move",
    "delete_file": "delete",
}
_BESIDES = frozenset(
    ("list_directory", "find_files", "search_text", "read_file", "calculate", "create_directory", "copy_file")
)


def same_way(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two ways change things by the same kind of act; one that changes nothing is no ground to say no."""
    acts, others = _acts(one), _acts(other)
    return not acts or not others or bool(acts & others)


def tells_of(script: str, way: Collection[str]) -> bool:
    """Whether a script can be what a run shows: not where all tools that it names to change things were left alone."""
    named = {tool for tool in _ACTS if tool in script}
    return not named or not _acts(way) or bool(_acts(named) & _acts(way))


def titled(chat: ChatModel, title: str, run: Trajectory, *, cancel: Cancel | None = None) -> bool:
    """Whether a run could go by a title; a larger model is not asked, and that is a yes.

    Raises:
        CancelledError: `cancel` was set.
        ModelError: the model failed.
    """
    if cancel is not None and cancel.is_set():
        raise CancelledError("stopped while kinds were being told apart")
    if not _asked_of(chat) or not isinstance(chat, LlamaChat):
        return True
    try:
        prompt, _ = chat.prompt(script_prompt(chat, compact(run)), ())
    except ContextFullError:
        return True
    said = chat.model.tokenize(f"{title}\n")
    return float(chat.model.score([*prompt, *said], len(prompt)).sum()) >= LEAST_TITLE


def _asked_of(chat: ChatModel) -> bool:
    """Whether titles are the model's business."""
    return can_score(chat) and isinstance(chat, LlamaChat)


def _acts(way: Iterable[str]) -> set[str]:
    return {_ACTS.get(tool, tool) for tool in way if tool not in _BESIDES}


@dataclass(frozen=True)
class Kinship:
    """Tells what kind attempts are of, by one model and one memory."""

    recall: Recall
    chat: ChatModel
    cancel: Cancel | None = None

    @cached_property
    def asked(self) -> Asked:
        """What the model has said of runs, in earlier passes too; whoever asks much saves it."""
        return Asked(self.recall.database)

    def of(self, run: Trajectory, vector: Float32Array | None = None) -> int | None:
        """The procedure whose kind an attempt is of, also one that is not in use; None: of a new one.

        Args:
            run: the attempt.
            vector: of its request, float32 [dimensions]; made here when left out.

        Raises:
            CancelledError: told to stop.
            ModelError: the model failed.
            MemoryFileError: the memory cannot be read or written.
        """
        keys = self.recall.keys("query", "all")
        if not len(keys):
            return None
        least = self.recall.calibrate("query")
        if vector is None:
            vector = self.recall.embedder.embed([run.request])[0]
        near = keys.nearest(run.request, vector)
        near.sort(key=lambda each: -each.similarity)
        procedures = Procedures(self.recall.database)
        for each in near:
            if each.similarity < least:
                return None
            version = procedures.newest(each.procedure_id)
            if version is None or self.fits(version, run):
                return each.procedure_id
        return None

    def fits(self, version: Version, run: Trajectory) -> bool:
        """Whether what a version says is of the kind that the run is of; whether it is right is another question."""
        if not same_way(version.way, way(run)) or not tells_of(version.script, way(run)):
            return False
        # A title of the user's says what the user likes; that it is unlikely says nothing.
        return not version.script or version.source in OWN_WORDS or self.titled(title_of(version.script), run)

    def titled(self, title: str, run: Trajectory) -> bool:
        """See the function `titled`; nothing is asked twice, in later passes neither."""
        if not _asked_of(self.chat):
            return True
        question = ("titled", self.chat.fingerprint, LEAST_TITLE, title, compact(run))
        answer = self.asked.get(*question)
        if answer is None:
            answer = titled(self.chat, title, run, cancel=self.cancel)
            self.asked.put(answer, *question)
        return bool(answer)

    def parts(self, runs: Sequence[Trajectory]) -> tuple[tuple[int, ...], ...]:
        """Attempts whose requests are alike, told apart by what was done: the ids of each kind, in their order."""
        if len(runs) == 1:
            return ((runs[0].attempt.id,),)
        groups: list[tuple[str, list[Trajectory]]] = []
        for run in runs:
            for title, group in groups:
                if same_way(way(group[0]), way(run)) and (not title or self.titled(title, run)):
                    group.append(run)
                    break
            else:
                groups.append((self._title(run), [run]))
        return tuple(tuple(run.attempt.id for run in group) for _, group in groups)

    def _title(self, run: Trajectory) -> str:
        """What the model would call a run; empty where it is not asked."""
        if not _asked_of(self.chat) or not isinstance(self.chat, LlamaChat):
            return ""
        question = ("title", self.chat.fingerprint, TITLE_TOKENS, compact(run))
        answer = self.asked.get(*question)
        if answer is not None:
            return str(answer)
        try:
            prompt, _ = self.chat.prompt(script_prompt(self.chat, compact(run)), ())
        except ContextFullError:
            return ""
        said = "".join(self.chat.model.generate(prompt, max_tokens=TITLE_TOKENS, stop=("\n",), cancel=self.cancel))
        answer = said.split("\n", 1)[0].strip()
        if self.cancel is None or not self.cancel.is_set():
            self.asked.put(answer, *question)
        return answer
