"""Trains the bundled model on CPU cores.

    python train_cpu.py --run RUN --minutes 170             # warm up, then a constant rate; resumes RUN/last.pt
    python train_cpu.py --run RUN --minutes 170 --weights ../apprentice-q8_0.gguf    # a new run from given weights
    python train_cpu.py --run RUN --minutes 60 --anneal     # from RUN/last.pt to a rate of 0: RUN/final.pt

So the constant phase can go on for as long as there is time, and be annealed and scored at any point without being
spent. SIGTERM saves and ends. Preload tcmalloc (LD_PRELOAD=libtcmalloc_minimal.so.4): one eighth faster, for the shapes
change with every batch. `background.sh` does all this on idle cores.
"""

import argparse
import json
import signal
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own usage)
from torch import Tensor

import weights
from cpu_batches import BatchOptions, Prefetch, batches_forever
from export import TOKENIZER
from mixture import Mixture
from model import Config, Model
from muon import Muon
from tokenizer import load

SIZES = {"d": 256, "layers": 8, "heads": 4, "kv_heads": 4, "head_dim": 64, "ffn": 768, "context": 2048}
"""7.9M parameters with the 4,096-token vocabulary; rows of 256, so that K-quants fit."""

SEED_STRIDE = 1000003
HELD_OUT_SEED = 10**6
HELD_OUT_BATCHES = 12
OTHER_KEPT = 0.25
"""The share of the other tokens that enters the loss; they carry the weight of all."""


@dataclass
class Progress:
    """What a run has behind it; saved with the weights."""

    seconds: float = 0.0
    steps: int = 0
    tokens: int = 0
    held_out: float | None = None


@dataclass
class Trainer:
    """A model, its optimizers and its progress."""

    config: Config
    run: Path
    lr: float
    half: bool
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        # The master weights stay float32 in either case.
        self.dtype = torch.bfloat16 if self.half else torch.float32
        self.model = Model(self.config, dtype=self.dtype)
        named = list(self.model.named_parameters())
        matrices = [parameter for name, parameter in named if parameter.ndim == 2 and name != "emb"]
        others = [parameter for name, parameter in named if parameter.ndim != 2 or name == "emb"]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=self.lr, dtype=self.dtype),
            torch.optim.AdamW(others, lr=self.lr, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        self._started = time.time()

    def start_from(self, path: Path | None) -> str:
        """Resumes the run, or starts it from weights if there is nothing to resume; says which."""
        saved = self.run / "last.pt"
        if saved.exists():
            state = weights.load_checkpoint(saved)
            self.model.load_state_dict(state["model"])
            for optimizer, optimizer_state in zip(self.optimizers, state["opts"], strict=True):
                optimizer.load_state_dict(optimizer_state)
            self.progress = Progress(state["used"], state["step"], state["seen"], state.get("last_eval"))
            return f"resumed {saved} at step {self.progress.steps}"
        if path:
            self.model.load_state_dict(weights.load_model_state(path))
            return f"weights of {path}"
        return "random weights"

    def loss(self, ids: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted loss, and the plain one over the tokens that the model learns to write."""
        hidden = self.model(ids[:, :-1], None, "matmul" if self.half else "causal")
        target, weight = ids[:, 1:], weight[:, 1:]
        kept = (weight >= 1) | ((weight > 0) & (torch.rand_like(weight) < OTHER_KEPT))
        kept_weight = torch.where(weight >= 1, weight, weight / OTHER_KEPT)[kept]
        logits = (hidden[kept] @ self.model.emb.to(self.dtype).T).float()
        losses = F.cross_entropy(logits, target[kept], reduction="none")
        return (losses * kept_weight).sum() / kept_weight.sum(), losses[kept_weight >= 1].mean()

    def step(self, ids: Tensor, weight: Tensor, factor: float) -> float:
        """One update at a share of the learning rate; returns the loss over the trained tokens."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.lr * factor
        loss, trained = self.loss(ids, weight)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.progress.steps += 1
        self.progress.tokens += int((weight > 0).sum())
        return trained.item()

    @torch.no_grad()
    def evaluate(self, held_out: list[tuple[Tensor, Tensor]]) -> float:
        """Mean loss over the trained tokens of held-out batches."""
        mean = sum(self.loss(*batch)[1].item() for batch in held_out) / len(held_out)
        self.progress.held_out = mean
        return mean

    def save(self, name: str) -> None:
        """Writes everything to go on with; the file is never half written."""
        state = {
            "model": self.model.state_dict(),
            "last_eval": self.progress.held_out,
            "opts": [optimizer.state_dict() for optimizer in self.optimizers],
            "used": self.progress.seconds + time.time() - self._started,
            "step": self.progress.steps,
            "seen": self.progress.tokens,
            "config": self.config.as_dict(),
        }
        partial = self.run / (name + ".tmp")
        torch.save(state, partial)
        partial.replace(self.run / name)

    def train(
        self,
        batches: Prefetch,
        held_out: list[tuple[Tensor, Tensor]],
        minutes: float,
        anneal: bool,
        save_every: float,
        *,
        million_tokens: float = 0.0,
    ) -> None:
        """The run: until the time is over, so many tokens are read, or SIGTERM comes. `save_every` is in minutes.

        With a number of tokens the rate of an annealing falls with the tokens read, so that a run that has to give way
        to other programs comes to the same end, only later.
        """
        stopped: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
        total = minutes * 60
        self._started = saved = time.time()
        before = self.progress.tokens
        losses: list[float] = []
        while not stopped:
            elapsed = time.time() - self._started
            done = elapsed / total
            if million_tokens:
                done = (self.progress.tokens - before) / (million_tokens * 1e6)
            if done >= 1:
                break
            factor = 1 - done if anneal else min(1.0, (self.progress.steps + 1) / 100)
            losses.append(self.step(*batches.get(), factor))
            steps, tokens = self.progress.steps, self.progress.tokens
            if steps % 25 == 0:
                now = time.time()
                print(
                    f"[{elapsed:6.0f}] step {steps} assistant {np.mean(losses):.4f} tokens {tokens / 1e6:.2f}M "
                    f"{(tokens - before) / (now - self._started):.0f} tok/s lr {factor:.3f} q {batches.waiting()}",
                    flush=True,
                )
                losses = []
                if steps % 250 == 0:
                    print(f"   HELD OUT {self.evaluate(held_out):.4f}", flush=True)
                if now - saved > save_every * 60 and not anneal:
                    self.save("last.pt")
                    saved = now
        print(
            f"FINAL HELD OUT {self.evaluate(held_out):.4f} tokens {self.progress.tokens / 1e6:.1f}M "
            f"steps {self.progress.steps}"
        )
        # An annealing that is cut short is worth nothing, and must not replace the constant phase's state.
        if not anneal:
            self.save("last.pt")
        elif not stopped:
            self.save("final.pt")


def has_bf16() -> bool:
    """The CPU multiplies bf16 matrices itself."""
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "avx512_bf16" in cpu.read_text()


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the bundled model on CPU cores.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run's state")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--million-tokens", type=float, default=0.0, help="how long to train, in place of --minutes")
    parser.add_argument("--anneal", action="store_true", help="down to a rate of 0; writes final.pt only")
    parser.add_argument("--weights", type=Path, help="start from a checkpoint's or a GGUF file's weights")
    parser.add_argument("--tokenizer", type=Path, default=TOKENIZER)
    parser.add_argument("--config", default="{}", help="JSON that overrides the sizes")
    parser.add_argument("--tokens", type=int, default=BatchOptions.tokens, help="of a batch")
    parser.add_argument(
        "--longest", type=int, default=BatchOptions.longest, help="documents of more tokens are left out"
    )
    parser.add_argument("--other", type=float, default=BatchOptions.other_weight, help="weight of the other tokens")
    parser.add_argument("--household", type=float, default=0.12, help="share of household documents")
    parser.add_argument("--more-of", default="", help="families and kinds of document to train more of: a,b,c")
    parser.add_argument("--more", type=float, default=0.4, help="their extra share of the file tasks' documents")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=has_bf16())
    parser.add_argument("--save", type=float, default=5, help="minutes between two saves")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tokenizer = load(options.tokenizer)
    config = Config(**{**SIZES, "vocab": tokenizer.get_vocab_size(), **json.loads(options.config)})
    options.run.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, options.run, options.lr, options.bf16)
    print(trainer.start_from(options.weights), flush=True)

    more_of = frozenset(filter(None, options.more_of.split(",")))
    mixture = Mixture(options.household, more_of=more_of, more=options.more)
    batch_options = BatchOptions(options.tokens, options.longest, options.other)
    held_out = list(islice(batches_forever(mixture, tokenizer, batch_options, HELD_OUT_SEED), HELD_OUT_BATCHES))
    seed = options.seed * SEED_STRIDE + trainer.progress.steps + 1
    batches = Prefetch(batches_forever(mixture, tokenizer, batch_options, seed))
    if options.compile:
        trainer.model.compile(dynamic=True)
    trainer.train(
        batches, held_out, options.minutes, options.anneal, options.save, million_tokens=options.million_tokens
    )


if __name__ == "__main__":
    main()
