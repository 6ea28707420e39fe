"""repeng's side of peers.py: runs in repeng's own environment (numpy below 2) and knows nothing of localnpm.

    python peers_repeng.py HF_FOLDER

Reads JSON lines {positive, negative, method, out} from standard input, trains a vector as repeng's users do, writes it
with its own `export_gguf`, and answers {seconds} or {error}; a first line {ready} says which version it is.
"""

import contextlib
import io
import json
import sys
import time
from importlib.metadata import version


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not stand among the answers

    def answer(**values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    import numpy as np
    import torch
    from repeng import ControlVector, DatasetEntry
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    answer(ready=f"repeng {version('repeng')}")
    for line in sys.stdin:
        job = json.loads(line)
        entries = [DatasetEntry(*pair) for pair in zip(job["positive"], job["negative"], strict=True)]
        np.random.seed(0)  # umap draws from it
        started = time.perf_counter()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                vector = ControlVector.train(model, tokenizer, entries, method=job["method"])
            seconds = time.perf_counter() - started
            vector.export_gguf(job["out"])
        except (ValueError, TypeError, ImportError, RuntimeError) as error:
            answer(error=f"{type(error).__name__}: {error}")
        else:
            answer(seconds=seconds)


if __name__ == "__main__":
    main()
