"""K-quants, which the gguf package cannot write: llama.cpp's own quantizer, by llama-cpp-python.

Called by `export.py --type q4_k_m`. Matrices need rows of a multiple of 256, as the bundled model's have. Not covered:
importance matrices, for which the corpus would have to be read.
"""

from pathlib import Path

FILE_TYPES = {
    "q3_k_m": "LLAMA_FTYPE_MOSTLY_Q3_K_M",
    "q4_k_m": "LLAMA_FTYPE_MOSTLY_Q4_K_M",
    "q5_k_m": "LLAMA_FTYPE_MOSTLY_Q5_K_M",
    "q6_k": "LLAMA_FTYPE_MOSTLY_Q6_K",
}
"""As on the command line -> llama.cpp's name. The M mixtures keep some matrices in a larger type."""


def quantize(source: Path, out: Path, kind: str, threads: int = 1) -> None:
    """Writes the F16 or F32 GGUF file `source` as `kind`, all of its metadata kept.

    Raises:
        RuntimeError: llama.cpp refused; it says why on standard error.
    """
    import llama_cpp.llama_cpp as llama

    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama, FILE_TYPES[kind])
    parameters.nthread = threads
    partial = out.with_name(out.name + ".tmp")
    code = llama.llama_model_quantize(str(source).encode(), str(partial).encode(), parameters)
    if code:
        partial.unlink(missing_ok=True)
        raise RuntimeError(f"{source} cannot be written as {kind}: llama.cpp's quantizer returned {code}")
    partial.replace(out)
