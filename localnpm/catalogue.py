"""Models that can be pulled by a short name. None of them is bundled, and the authors have tried none of them.

A list of well-known files, so that nobody has to search for a first one; any other GGUF file on the hub is pulled by
`REPOSITORY/FILE`. Sizes and checksums are not written here: the hub is asked when a file is pulled.
"""

from dataclasses import dataclass

BITS = {"Q8_0": 8.5, "Q4_K_M": 4.9}
"""Bits that a weight takes in a file, by the quantization in its name."""
CONTEXT_BYTES = 1_000_000_000
"""Roughly what a context and the compute buffers take beside the weights."""


@dataclass(frozen=True)
class Entry:
    """One file on the hub. `parameters` (such as `1.7 B`) and `licence` are as its repository states them."""

    name: str
    repository: str
    file: str
    parameters: str
    licence: str
    purpose: str

    @property
    def about_bytes(self) -> int:
        """The file's size, estimated from parameters and quantization; the hub tells the true one before a pull."""
        quantization = next((name for name in BITS if name.lower() in self.file.lower()), "")
        return int(float(self.parameters.split()[0]) * 1e9 * BITS.get(quantization, 16.0) / 8)

    @property
    def about_memory(self) -> int:
        """Bytes of memory that it takes when loaded, estimated."""
        return self.about_bytes + CONTEXT_BYTES


CATALOGUE = (
    Entry(
        "qwen3-0.6b", "Qwen/Qwen3-0.6B-GGUF", "Qwen3-0.6B-Q8_0.gguf", "0.6 B", "apache-2.0",
        "the smallest here that is trained for tools; thinks before it answers",
    ),
    Entry(
        "qwen3-1.7b", "Qwen/Qwen3-1.7B-GGUF", "Qwen3-1.7B-Q8_0.gguf", "1.7 B", "apache-2.0",
        "tools and thinking on a machine with 4 GB free",
    ),
    Entry(
        "qwen3-4b", "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf", "4 B", "apache-2.0",
        "tools and thinking for everyday work on a recent laptop",
    ),
    Entry(
        "qwen3-8b", "Qwen/Qwen3-8B-GGUF", "Qwen3-8B-Q4_K_M.gguf", "8.2 B", "apache-2.0",
        "tools and thinking with 16 GB of memory or a GPU",
    ),
    Entry(
        "qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B-Instruct-GGUF", "qwen2.5-0.5b-instruct-q8_0.gguf", "0.5 B", "apache-2.0",
        "small and quick, answers without thinking first",
    ),
    Entry(
        "qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B-Instruct-GGUF", "qwen2.5-1.5b-instruct-q4_k_m.gguf", "1.5 B", "apache-2.0",
        "a compromise of speed and ability, answers without thinking first",
    ),
    Entry(
        "llama-3.2-3b", "bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf", "3.2 B",
        "llama3.2", "Meta's small model, under Meta's own licence",
    ),
    Entry(
        "granite-3.3-2b", "ibm-granite/granite-3.3-2b-instruct-GGUF", "granite-3.3-2b-instruct-Q4_K_M.gguf", "2.5 B",
        "apache-2.0", "IBM's small model for tools and documents",
    ),
    Entry(
        "smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF", "smollm2-1.7b-instruct-q4_k_m.gguf", "1.7 B",
        "apache-2.0", "a fully open model, data included; little training for tools",
    ),
)  # fmt: skip


def find_entry(name: str) -> Entry | None:
    """The entry of that name, in any case of letters."""
    return next((entry for entry in CATALOGUE if entry.name == name.lower()), None)


def largest_fitting(memory: int) -> Entry | None:
    """The largest model that so many bytes of free memory hold, as far as can be told beforehand; None: none does."""
    fitting = [entry for entry in CATALOGUE if entry.about_memory <= memory]
    return max(fitting, key=lambda entry: float(entry.parameters.split()[0]), default=None)
