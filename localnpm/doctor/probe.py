"""Loads llama.cpp and one model, in a process that may crash, and prints what it learns: one JSON object a line.

Run by model.py as `python -m localnpm.doctor.probe MODEL SETTINGS`, SETTINGS being `EngineSettings` as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

from localnpm.config import EngineSettings
from localnpm.errors import LocalnpmError


def main(path: Path, settings: EngineSettings) -> None:
    """Print `{"library": ...}`, then `{"model": ...}` or `{"error": ...}`, each as soon as it is known."""
    from localnpm.engine import library

    llama = library.llama()
    _say(
        library={
            "system": llama.llama_print_system_info().decode("utf-8", "replace"),
            "gpu": bool(llama.llama_supports_gpu_offload()),
        }
    )
    from localnpm.engine.chat import ChatFormat
    from localnpm.engine.model import Model

    try:
        with Model.open(path, settings) as model:
            info = model.info
            _say(choices=[[choice.name, choice.value, choice.reason] for choice in model.choices])
            chat = ChatFormat.for_model(info.chat_template, bos=model.bos, eos=model.eos, protocol=info.protocol)
            _say(chat=chat.describe())
            steerable = model.steerable()
            _say(steering=[steerable.works, steerable.reason])
            model.logits(model.tokenize("The quick brown fox"), [0])
            _say(done=f"{info.architecture} {info.quantization}, {info.n_params:,} parameters")
    except LocalnpmError as error:
        _say(error=str(error))


def _say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), EngineSettings(**json.loads(sys.argv[2])))
