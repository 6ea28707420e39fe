"""Trains a larger model on one GPU within a wall-clock budget. Resumable: run it again with the same --run.

    python train_gpu.py --shards DIR --run DIR --minutes 25             # from this process's start, compiling included
    python train_gpu.py --shards DIR --run DIR --deadline 1790000000    # over, checkpoint written, at this Unix time

The learning rate warms up by the step, is constant, then falls linearly to 0 over the last --decay of the budget, as a
function of the clock. `gpu_job.sh` starts this beside the data workers. Run on CPUs only so far (--no-compile).
"""

import argparse
import json
import time
from pathlib import Path

START = time.time()  # before PyTorch is imported: that time is part of the budget

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

import weights  # noqa: E402
from attention import LongestDocument, make_context, pick_backend  # noqa: E402
from batches import Loader, LoaderState, document_slots, held_out_batches  # noqa: E402
from loss import DeviceBatch, LinearCrossEntropy, chunk_loss  # noqa: E402
from model import Config, Model  # noqa: E402
from muon import FusedMuon, newton_schulz  # noqa: E402

PEAK_FLOPS = 989e12
"""An H100's dense bf16, which the utilisation (MFU) in the log is a share of."""
KEPT_CHECKPOINTS = 2
WAIT_FOR_DATA = 300.0


def log(text: str) -> None:
    print(f"[{time.time() - START:7.1f}] {text}", flush=True)


def latest(run: Path) -> Path | None:
    """The newest checkpoint to resume from."""
    return max(run.glob("ckpt_*.pt"), default=None)


class Trainer:
    """A model, its optimizers, its data and its clock."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        options.run.mkdir(parents=True, exist_ok=True)
        resume = latest(options.run)
        state = weights.load_checkpoint(resume) if resume else None
        config = self.config = Config(**(state["config"] if state else json.loads(options.config)))
        log(
            f"torch {torch.__version__} on {self._device_name()}; {config}; {config.parameters():,} parameters; "
            f"{self.tokens_per_pass * options.accumulate:,} tokens a step"
        )
        self.model = Model(config, torch.bfloat16 if self.device == "cuda" else torch.float32).to(self.device)
        self.backend = pick_backend(self.device, config.heads, config.kv_heads, config.head_dim, options.attention, log)
        log(f"attention: {self.backend}")
        self._make_optimizers()
        self.step = self.seen = 0
        self.spent = 0.0
        """Seconds that earlier processes of this run took."""
        self.used: dict[str, int] = {}
        self.held_out: dict[str, float] | None = None
        self.resumed = state is not None
        if state:
            self.model.load_state_dict(state["model"])
            self.muon.load_state_dict(state["muon"])
            self.adam.load_state_dict(state["adam"])
            self.step, self.seen, self.spent = state["step"], state["seen"], state["spent"]
            self.used = dict(state["used"])
            log(f"resumed {resume}: step {self.step}, {self.seen / 1e6:.1f}M tokens, {self.spent:.0f} s spent")
        self._start_data()

    @property
    def tokens_per_pass(self) -> int:
        rows: int = self.options.rows
        return rows * self.config.context

    def _device_name(self) -> str:
        return torch.cuda.get_device_name() if self.device == "cuda" else "cpu"

    def _synchronize(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def _make_optimizers(self) -> None:
        config, options = self.config, self.options
        LinearCrossEntropy.chunk = 16384 if self.device == "cuda" else 1024
        orthogonalise, self.body = newton_schulz, self.model
        if options.compile or (options.compile is None and self.device == "cuda"):
            LinearCrossEntropy.kernel = staticmethod(torch.compile(chunk_loss, dynamic=False))
            orthogonalise = torch.compile(newton_schulz, dynamic=False)
            self.body = torch.compile(self.model, dynamic=False)
        blocks = list(self.model.blocks)
        self.muon = FusedMuon(
            [(block.wqkv, config.qkv()) for block in blocks]
            + [(block.wgu, [config.ffn, config.ffn]) for block in blocks]
            + [(weight, [weight.shape[0]]) for block in blocks for weight in (block.wo, block.wd)],
            options.weight_decay,
            orthogonalise,
        )
        by_muon = {id(parameter) for parameter, _ in self.muon.parameters}
        norms = [p for p in self.model.parameters() if id(p) not in by_muon and p.ndim == 1]
        self.rest = [self.model.emb, *norms]
        self.adam = torch.optim.AdamW(
            [{"params": [self.model.emb], "weight_decay": 0.01}, {"params": norms, "weight_decay": 0.0}],
            lr=options.adam_lr,
            betas=(0.9, 0.95),
            eps=1e-10,
            fused=self.device == "cuda",
        )

    def _start_data(self) -> None:
        options, context = self.options, self.config.context
        waited = time.time()
        while not (options.shards / "val.tok").exists() or self._tokens_ready() < options.min_data:
            if time.time() - waited > WAIT_FOR_DATA:
                raise SystemExit(
                    f"no training data in {options.shards} after {WAIT_FOR_DATA:.0f} s: is shards.py running?"
                )
            time.sleep(0.5)
        slots = document_slots(options.shards, context, options.rows)
        seed = options.seed + self.step
        self.loader = Loader(options.shards, context, options.rows, slots, seed, self.used, options.join)
        batches = held_out_batches(options.shards, context, options.rows, slots, options.held_out_batches)
        self.held_out_set = [DeviceBatch.of(batch, self.device, options.other_weight) for batch in batches]
        self.loader_state = LoaderState(0, 0, 0, 0, None)
        log(
            f"data after {time.time() - waited:.0f} s; {slots} document slots a batch of {options.rows} rows; "
            f"{len(batches)} held-out batches, mean attended length {batches[0].mean_attended:.0f} of {context / 2:.0f}"
        )

    def _tokens_ready(self) -> float:
        return sum(path.stat().st_size / 2 for path in self.options.shards.glob("s*.tok"))

    def next_batch(self) -> DeviceBatch:
        batch, self.loader_state = self.loader.get()
        if self.loader_state.used:
            self.used = dict(self.loader_state.used)
        return DeviceBatch.of(batch, self.device, self.options.other_weight)

    def forward(self, batch: DeviceBatch, scale: float) -> tuple[Tensor, Tensor]:
        """The weighted mean loss times `scale`, and each position's loss."""
        LongestDocument.tokens = batch.longest
        context = make_context(self.backend, batch.boundaries, *batch.tokens.shape)
        hidden = self.body(batch.tokens, context, self.backend).reshape(-1, self.config.d)
        weight = batch.weight / batch.weight.sum() * scale
        total, losses = LinearCrossEntropy.apply(hidden, self.model.emb, batch.target, weight)
        return total, losses

    def evaluate(self) -> dict[str, float]:
        """Held-out loss of trained and other tokens; `sure`: the share of trained ones with a probability over 1/2."""
        sums = torch.zeros(5, device=self.device, dtype=torch.float64)
        for batch in self.held_out_set:
            with torch.enable_grad():  # the training graph's own forward: one compilation less
                _, losses = self.forward(batch, 1.0)
            trained, other = batch.trained, (batch.weight > 0) & ~batch.trained
            sure = (losses < 0.6931) & trained
            parts = [(losses * trained).sum(), trained.sum(), (losses * other).sum(), other.sum(), sure.sum()]
            sums += torch.stack(parts).double()
        trained_loss, trained_count, other_loss, other_count, sure_count = sums.tolist()
        self.held_out = {
            "assistant": trained_loss / trained_count,
            "other": other_loss / other_count,
            "sure": sure_count / trained_count,
        }
        return self.held_out

    def save(self, name: str | None = None) -> None:
        """A checkpoint to resume from, or under another name the weights alone."""
        path = self.options.run / (name or f"ckpt_{self.step:07d}.pt")
        state = {
            "config": self.config.as_dict(),
            "model": self.model.state_dict(),
            "step": self.step,
            "seen": self.seen,
            "spent": self.spent + time.time() - START,
            "last_eval": self.held_out,
            "args": {key: str(value) for key, value in vars(self.options).items()},
        }
        if not name:
            state.update(muon=self.muon.state_dict(), adam=self.adam.state_dict(), used=self.used)
        partial = path.with_name(path.name + ".tmp")
        torch.save(state, partial)
        partial.replace(path)
        for old in sorted(self.options.run.glob("ckpt_*.pt"))[:-KEPT_CHECKPOINTS]:
            old.unlink()
        log(f"saved {path}, {path.stat().st_size / 1e6:.0f} MB")

    def warm_up(self) -> float:
        """Compiles everything; returns the seconds that one evaluation takes."""
        self._synchronize()
        total, _ = self.forward(self.next_batch(), 0.0)
        total.backward()
        for shape, count in sorted(self.muon.stacks().items()):
            self.muon.orthogonalise(torch.randn(count, *shape, device=self.device))
        self.model.zero_grad(set_to_none=True)
        start = time.time()
        self.evaluate()
        seconds = time.time() - start
        self._synchronize()
        return seconds

    def train(self) -> None:
        """Trains to the deadline, less what the last evaluation and checkpoint take."""
        options = self.options
        reserve = min(15.0, 3 + 2 * self.warm_up(), 6 * options.minutes)
        end = (options.deadline or START + options.minutes * 60 - self.spent) - reserve
        begin = time.time()
        horizon = end - begin + (self.spent if self.resumed else 0.0)
        log(
            f"compiled; held out {(self.held_out or {}).get('assistant', 0):.4f} (assistant); "
            f"{end - begin:.0f} s of training ahead, {reserve:.0f} s kept for the end"
        )

        def rate() -> float:
            left = end - time.time()
            return max(0.0, min(1.0, (self.step + 1) / options.warmup, left / (options.decay * horizon)))

        logged = evaluated = saved = begin
        passes, attended = 0, 0.0
        window: list[Tensor] = []
        while self.step < options.max_steps and time.time() < end:
            factor = rate()
            for _ in range(options.accumulate):
                batch = self.next_batch()
                total, losses = self.forward(batch, 1.0 / options.accumulate)
                total.backward()
                self.seen += self.tokens_per_pass
                attended += batch.mean_attended
                passes += 1
                trained = (losses * batch.trained).sum() / batch.trained.sum()
                window.append(torch.stack([total.detach() * options.accumulate, trained]))
            norm = self._update(factor)
            if self.step % options.log_every and self.step != options.max_steps:
                continue
            loss, trained_loss = torch.stack(window).mean(0).tolist()  # waits for the GPU
            now = time.time()
            speed = passes * self.tokens_per_pass / (now - logged)
            utilisation = speed * self.config.flops_per_token(attended / passes) / PEAK_FLOPS
            log(
                f"step {self.step} loss {loss:.4f} assistant {trained_loss:.4f} lr {factor:.3f}"
                f" gnorm {norm.item():.2f} {speed / 1e6:.3f}M tok/s MFU {utilisation:.1%} "
                f"seen {self.seen / 1e6:.1f}M epoch {self.loader_state.epoch} shards {self.loader_state.shards} "
                f"queue {self.loader.waiting()} left {end - now:.0f} s"
            )
            if loss != loss:
                raise SystemExit("the loss is not a number")
            logged, passes, window, attended = now, 0, [], 0.0
            if now - evaluated > options.eval_every and end - now > 20:
                log(f"HELD OUT step {self.step} {self._describe(self.evaluate())}")
                evaluated, logged = now, time.time()
            if now - saved > options.checkpoint_every and end - now > 20:
                self.save()
                saved = logged = time.time()
        self._finish(time.time() - end, rate())

    def _update(self, factor: float) -> Tensor:
        norm = torch.nn.utils.clip_grad_norm_(self.rest, 1.0, foreach=True)
        for group in self.adam.param_groups:
            group["lr"] = self.options.adam_lr * factor
        self.adam.step()
        self.muon.step(self.options.lr * factor)
        self.model.zero_grad(set_to_none=True)
        self.step += 1
        return norm

    def _finish(self, late: float, factor: float) -> None:
        self._synchronize()
        log(f"training over: step {self.step}, {self.seen / 1e6:.1f}M tokens, {late:+.1f} s, last factor {factor:.4f}")
        state = self.loader_state
        log(
            f"FINAL HELD OUT {self._describe(self.evaluate())}; packed documents {state.documents}, "
            f"cut at the context {state.cut}"
        )
        self.save("final.pt")
        if self.options.max_steps < 10**9:
            self.save()
        self.loader.close()
        log("DONE")

    @staticmethod
    def _describe(held_out: dict[str, float]) -> str:
        return " ".join(f"{name} {value:.4f}" for name, value in held_out.items())


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a model on one GPU within a wall-clock budget.")
    parser.add_argument("--shards", type=Path, default=Path("shards"))
    parser.add_argument("--run", type=Path, default=Path("run"))
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--deadline", type=float, default=0, help="Unix time; instead of --minutes")
    parser.add_argument("--config", default="{}", help="JSON that overrides model.Config")
    parser.add_argument("--rows", type=int, default=32, help="of one forward pass")
    parser.add_argument("--accumulate", type=int, default=1, help="forward passes a step")
    parser.add_argument("--lr", type=float, default=3e-3, help="Muon's")
    parser.add_argument("--adam-lr", type=float, default=3e-3, help="of embeddings and norms")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--other-weight", type=float, default=0.15, help="of the tokens that need not be written")
    parser.add_argument("--warmup", type=int, default=200, help="steps")
    parser.add_argument("--decay", type=float, default=0.5, help="share of the budget")
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--join", type=float, default=0.05, help="share of batches without document masks")
    parser.add_argument("--min-data", type=float, default=2e6, help="tokens to wait for")
    parser.add_argument("--eval-every", type=float, default=90, help="seconds")
    parser.add_argument("--held-out-batches", type=int, default=6)
    parser.add_argument("--checkpoint-every", type=float, default=240, help="seconds")
    parser.add_argument("--log-every", type=int, default=20, help="steps")
    parser.add_argument("--max-steps", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="default: on a GPU")
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    Trainer(options).train()


if __name__ == "__main__":
    main()
