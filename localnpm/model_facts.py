"""What `localnpm models show` tells about one model: from its file's header, and more from the loaded model."""

from pathlib import Path
from typing import Any

from localnpm.config import EngineSettings
from localnpm.engine.plan import Machine
from localnpm.engine.sampling import Sampling, recommended
from localnpm.header import Header, check_complete
from localnpm.models import fit


def facts(path: Path, settings: EngineSettings, cache: Path | None, *, load: bool) -> dict[str, Any]:
    """Facts by name, in the order to show them; sizes in bytes, texts for everything that is not a number.

    Args:
        load: open the model, for its parameters, fingerprint, choices and whether it can be steered.

    Raises:
        ModelError: the file cannot be used, or its chat template cannot.
    """
    header = check_complete(path)
    found = _from_header(header, settings)
    if not load:
        return found | {"tool_calls": _tool_calls(header, "", "")}
    from localnpm.engine.model import Model

    with Model.open(path, settings, cache=cache) as model:
        steerable = model.steerable()
        return found | {
            "parameters": model.info.n_params,
            "context": model.context,
            "tool_calls": _tool_calls(header, model.bos, model.eos),
            "steering": ("works: " if steerable.works else "does not work: ") + steerable.reason,
            "fingerprint": model.fingerprint,
            "choices": {choice.name: f"{choice.value} ({choice.reason})" for choice in model.choices},
        }


def _from_header(header: Header, settings: EngineSettings) -> dict[str, Any]:
    room = fit(header, settings, Machine.detect(gpu=False, amx=False))
    text = header.metadata.get
    return {
        "name": text("general.name", header.path.stem),
        "path": str(header.path),
        "description": text("general.description", ""),
        "licence": text("general.license", "not stated in the file"),
        "size_bytes": header.size_bytes,
        "architecture": header.architecture,
        "quantization": header.quantization or "not stated in the file",
        "blocks": header.n_layer,
        "width": header.n_embd,
        "vocabulary": header.n_vocab,
        "context_trained": header.context_trained,
        "context": room.context,
        "memory_bytes": room.needed,
        "fit": room.verdict,
        "sampling": _sampling(header),
    }


def _sampling(header: Header) -> str:
    if header.metadata.get("localnpm.protocol") == "1":
        return "greedy, as it was trained for"
    found = recommended(header.metadata)
    if found is None:
        return "the file recommends none; temperature 0.8, as llama.cpp"
    return _in_words(found) + ", as the file recommends"


def _in_words(sampling: Sampling) -> str:
    return (
        f"temperature {sampling.temperature:g}, top_k {sampling.top_k}, top_p {sampling.top_p:g}, "
        f"min_p {sampling.min_p:g}, repeat_penalty {sampling.repeat_penalty:g}"
    )


def _tool_calls(header: Header, bos: str, eos: str) -> str:
    from localnpm.engine.chat import ChatFormat

    protocol = header.metadata.get("localnpm.protocol", "")
    template = header.metadata.get("tokenizer.chat_template")
    chat = ChatFormat.for_model(template, bos=bos, eos=eos, protocol=int(protocol) if protocol.isdigit() else 0)
    described: str = chat.describe()
    return described
