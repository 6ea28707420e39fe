"""The control vector of one kind, as a pass stores it: made anew where its attempts, its script or the model changed.

Not covered: how a vector comes out of trajectories (vectors.py and what it names).
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from localnpm.config import LearningSettings
from localnpm.distill.decisions import Kind
from localnpm.distill.gguf import to_bytes
from localnpm.distill.judged import Judged
from localnpm.distill.plan import VectorDraft
from localnpm.distill.vectors import distil_vector
from localnpm.engine.cancel import Cancel
from localnpm.engine.llama_chat import LlamaChat
from localnpm.engine.messages import ToolSchema
from localnpm.errors import CancelledError
from localnpm.memory.drafts import Drafts

MOST_ATTEMPTS = 32
"""Of each sort, the newest: what a vector is made from."""


def kind_vector(
    chat: LlamaChat,
    kind: Kind,
    script: str,
    settings: LearningSettings,
    drafts: Drafts,
    *,
    seed: int = 0,
    tools: Sequence[ToolSchema] = (),
    cancel: Cancel | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> VectorDraft | None:
    """The vector of a kind for this model, or None where there is too little to make one from.

    Raises:
        CancelledError: `cancel` was set.
        ModelError: the model failed.
    """
    successes, failures = kind.successes[-MOST_ATTEMPTS:], kind.failures[-MOST_ATTEMPTS:]
    sources = (
        "vector", chat.fingerprint, script, asdict(settings), seed,
        [(attempt.id, attempt.verdict_id) for attempt in (*successes, *failures)],
    )  # fmt: skip
    known = drafts.get(*sources)
    if known is None:
        how = {"seed": seed, "tools": tools, "cancel": cancel, "progress": progress}
        made = _made(chat, successes, failures, script, settings, **how)
        if cancel is not None and cancel.is_set():
            raise CancelledError("stopped while a control vector was being made")
        known = {} if made is None else {**asdict(made), "gguf": base64.b64encode(made.gguf).decode()}
        drafts.put(known, *sources)
    return _read(known) if known else None


def _made(
    chat: LlamaChat,
    successes: tuple[Judged, ...],
    failures: tuple[Judged, ...],
    script: str,
    settings: LearningSettings,
    **how: Any,
) -> VectorDraft | None:
    confidences = {attempt.id: attempt.confidence for attempt in (*successes, *failures)}
    made = distil_vector(
        chat,
        [attempt.trajectory for attempt in successes],
        [attempt.trajectory for attempt in failures],
        script,
        settings,
        confidences=confidences,
        **how,
    )
    if made is None:
        return None
    return VectorDraft(
        gguf=to_bytes(made.file),
        status=made.status,
        status_reason=made.reason,
        method=made.method,
        coefficient=made.file.coefficient,
        layers=made.file.layers,
        pairs=made.pairs,
        calibration=dict(made.calibration),
        lineage=made.lineage,
    )


def _read(known: dict[str, Any]) -> VectorDraft:
    values = {**known, "gguf": base64.b64decode(known["gguf"]), "lineage": tuple(known["lineage"])}
    values["layers"] = tuple(known["layers"])
    return VectorDraft(**values)
