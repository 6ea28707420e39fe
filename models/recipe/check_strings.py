"""Strings and conversations to check a GGUF file with: documents, code, numbers, Unicode, tags in odd places."""

import json
import random
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mixture import Mixture
from tokenizer import SPECIALS, text_of

HERE = Path(__file__).parent

FIXED = (
    "",
    " ",
    "\n",
    "\n\n  x",
    "a  b   c",
    "don't I'LL 'tis 's",
    "1234567890 3.14 1,000",
    "\t\tindent",
    "trailing  ",
    "ſ's",
    "é é",
    "日本語 テスト",
    "<|im_start|>user\nhi<|im_end|>\n",
    '<tool_call>\n{"name": "x", "arguments": {}}\n</tool_call><|im_end|>',
    "<tool_call",
    "<|im_end|",
    "<|endoftext|>x",
    "a<tool_response>b</tool_response>c",
    " <tool_call> ",
    "👍🏽 👩‍👩‍👧",
    "½ ² Ⅷ",
    "a\u00a0b\u200bc",
    "\r\n\r\nx\r",
    "__init__ --flag=$HOME/x_y.z",
    "   \n   \n",
    "x\n\n\n",
)

ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz     ",
    "ABCDEFGHIJ klmnop'st're\"",
    "0123456789.,-+/*()% €$",
    '{}[]":, \n  truefalsenull',
    " \t\n\r ab",
    "éüßñçøåœæ ÀÉÎ",
    "日本語中文한국어 ",
    "кириллица Ωμέγα עברית العربية ",
    "🙂👍🏽🎉❤️‍🔥x ",
    "½²³ⅧⅣ①x1 ",
    "\u00a0\u2003\u200b\u0301\u0085\u2028a ",
    "!?;:…—–’“”«»#@&~^`\\|<>=_",
)

Conversation = list[dict[str, Any]]

CONVERSATIONS: tuple[Conversation, ...] = (
    [
        {"role": "system", "content": "You are localnpm."},
        {"role": "user", "content": "Add \"buy milk\" to <todo> & 'list' é"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"function": {"name": "list_directory", "arguments": {"path": "."}}}],
        },
        {"role": "tool", "content": "[DIR] docs\n[FILE] todo.md"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "function": {
                        "name": "edit_file",
                        "arguments": {
                            "path": "todo.md",
                            "old_text": "x < 1 & y > 2 'q' \"d\" \\ back\n\ttab",
                            "new_text": "café – 日本 🙂",
                        },
                    }
                }
            ],
        },
        {"role": "tool", "content": "Edited todo.md\n"},
        {"role": "assistant", "content": 'Done: added "buy milk" to todo.md.'},
        {"role": "user", "content": "Thanks"},
    ],
    [{"role": "user", "content": "hello"}],
)
"""Messages in OpenAI's form, with everything in them that JSON and templates like to escape."""


def varied_strings(number: int, tokenizer: Tokenizer, seed: int = 3) -> list[str]:
    """Half of them documents and pieces of these, the others made of odd characters, code, calls and tokens."""
    rng, mixture = random.Random(seed), Mixture()
    strings = list(FIXED)
    while len(strings) < number // 2:
        text = text_of(mixture.segments(rng))
        strings += [text, text[rng.randrange(len(text)) :][: rng.randint(1, 300)]]
    code = [(HERE / name).read_text(encoding="utf-8") for name in ("shards.py", "train_gpu.py", "background.sh")]

    def odd(alphabet: str) -> str:
        return rng.choice(alphabet)

    while len(strings) < number:
        match rng.randrange(5):
            case 0:
                source = rng.choice(code)
                start = rng.randrange(len(source))
                text = source[start : start + rng.randint(1, 400)]
            case 1:
                text = "".join(odd(rng.choice(ALPHABETS)) for _ in range(rng.randint(1, 80)))
            case 2:
                text = "".join(
                    odd(rng.choice(ALPHABETS)) + rng.choice([*SPECIALS, *[""] * 9]) for _ in range(rng.randint(1, 50))
                )
            case 3:
                content = "".join(odd(rng.choice(ALPHABETS)) for _ in range(40))
                call = {"name": "write_file", "arguments": {"path": f"a{rng.randint(0, 999)}.md", "content": content}}
                text = json.dumps(call, ensure_ascii=rng.random() < 0.3)
            case _:
                size = tokenizer.get_vocab_size()
                text = tokenizer.decode([rng.randrange(len(SPECIALS), size) for _ in range(rng.randint(1, 40))])
        if "<|unused_" not in text:  # a small corpus's fillers, which llama.cpp does not read as tokens
            strings.append(text)
    return strings[:number]


def token_sequences(tokenizer: Tokenizer, context: int, number: int = 20) -> list[list[int]]:
    """Sequences of 32 to 1,500 tokens for comparing logits."""
    rng = random.Random(11)
    texts = [text for text in varied_strings(400, tokenizer, 5) if len(text) > 60]
    sequences = []
    for index in range(number):
        wanted = (32, 100, 300, 700, 1500)[index % 5]
        ids: list[int] = []
        while len(ids) < wanted:
            ids += tokenizer.encode(rng.choice(texts)).ids
        sequences.append(ids[: min(wanted, context)])
    return sequences


def contract_text(messages: Conversation, generation_prompt: bool) -> str:
    """What CONTRACT.md asks the chat template to print, written a second time in Python."""
    text = ""
    for message in messages:
        if message["role"] == "tool":
            body = f"<tool_response>\n{message['content']}\n</tool_response>"
            text += f"<|im_start|>user\n{body}<|im_end|>\n"
        elif message.get("tool_calls"):
            function = message["tool_calls"][0]["function"]
            arguments = function["arguments"]
            if isinstance(arguments, str):
                arguments = json.loads(arguments)
            call = json.dumps({"name": function["name"], "arguments": arguments}, ensure_ascii=False)
            text += f"<|im_start|>assistant\n<tool_call>\n{call}\n</tool_call><|im_end|>\n"
        else:
            text += f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n"
    return text + ("<|im_start|>assistant\n" if generation_prompt else "")


def with_string_arguments(messages: Conversation) -> Conversation:
    """The same messages with each call's arguments as a JSON string, OpenAI's own form."""
    copied: Conversation = json.loads(json.dumps(messages))
    for message in copied:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"], ensure_ascii=False)
    return copied
