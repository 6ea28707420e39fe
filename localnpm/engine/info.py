"""What a model is, gathered from its file's header and from llama.cpp once it is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localnpm.engine.sampling import Sampling, recommended
from localnpm.header import Header


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model's facts.

    Attributes:
        n_layer, n_embd, n_vocab: blocks, width of the residual stream, tokens in the vocabulary.
        n_params: weights in all.
        quantization: the file's name for it, such as `Q4_K_M`; may be empty.
        context_trained: tokens of context it was trained for, 0 if the file does not say.
        chat_template: the file's own Jinja template, None if it has none.
        metadata: the header's scalars, texts and short arrays as text.
        protocol: 1 for a model trained on this program's own tools and texts, else 0.
        sampling: what the file recommends, None if nothing.
    """

    path: Path
    architecture: str
    n_layer: int
    n_embd: int
    n_vocab: int
    n_params: int
    size_bytes: int
    quantization: str
    context_trained: int
    chat_template: str | None
    metadata: Mapping[str, str]
    protocol: int
    sampling: Sampling | None

    @classmethod
    def of(cls, header: Header, *, n_layer: int, n_embd: int, n_vocab: int, n_params: int) -> "ModelInfo":
        """Facts from the header, with llama.cpp's own numbers where it has them."""
        protocol = header.metadata.get("localnpm.protocol", "")
        return cls(
            path=header.path,
            architecture=header.architecture,
            n_layer=n_layer,
            n_embd=n_embd,
            n_vocab=n_vocab,
            n_params=n_params,
            size_bytes=header.size_bytes,
            quantization=header.quantization,
            context_trained=header.context_trained,
            chat_template=header.metadata.get("tokenizer.chat_template"),
            metadata=header.metadata,
            protocol=int(protocol) if protocol.isdigit() else 0,
            sampling=recommended(header.metadata),
        )
