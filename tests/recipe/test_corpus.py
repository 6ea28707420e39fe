"""The training documents: their form, what they must not contain, and that a seed fixes them."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import corpus
import corpus_talk
from corpus import About, Message, document, document_info, render
from localnpm.evals.habits import made_up, word_lists
from localnpm.evals.habits.episodes import parse_call
from localnpm.evals.habits.families import BY_NAME
from localnpm.evals.habits.names import Names
from localnpm.evals.habits.workspace import SIGNATURES

DOCUMENTS = 2000
END = "<|im_end|>"

Document = tuple[list[Message], About]


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    rng = random.Random(5)
    return [document_info(rng) for _ in range(DOCUMENTS)]


def text_of(messages: list[Message]) -> str:
    return "".join(text for text, _ in render(messages))


def test_every_kind_and_family_comes_up(documents: list[Document]) -> None:
    assert {about.kind for _, about in documents} == {kind for _, (kind, _) in corpus.KINDS.rows}
    assert {about.family for _, about in documents if about.family} == set(BY_NAME)


def test_the_kinds_have_their_shares(documents: list[Document]) -> None:
    counts = Counter(about.kind for _, about in documents)
    lower = 0.0
    for upper, (kind, _) in corpus.KINDS.rows:
        assert counts[kind] / DOCUMENTS == pytest.approx(upper - lower, abs=0.03)
        lower = upper


def test_a_rendered_document_is_its_messages_in_chatml(documents: list[Document]) -> None:
    for messages, _ in documents:
        turns = [f"<|im_start|>{role}\n{text}{END}\n" for role, text, _ in messages]
        assert text_of(messages) == "".join(turns) + "<|endoftext|>"


def test_a_trained_segment_is_one_assistants_turn(documents: list[Document]) -> None:
    for messages, _ in documents:
        trained = [text for text, is_trained in render(messages) if is_trained]
        assert trained == [f"{text}{END}" for role, text, _ in messages if role == "assistant"]


def test_user_and_assistant_take_turns(documents: list[Document]) -> None:
    for messages, _ in documents:
        roles = [message.role for message in messages]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2)]


def test_a_document_is_not_too_long(documents: list[Document]) -> None:
    assert max(len(text_of(messages)) for messages, _ in documents) < corpus.MAX_CHARS + 200


def test_documents_differ(documents: list[Document]) -> None:
    assert len({text_of(messages) for messages, _ in documents}) > 0.95 * DOCUMENTS


def test_tool_calls_are_json_in_the_order_of_the_signature(documents: list[Document]) -> None:
    for messages, _ in documents:
        for role, text, _ in messages:
            call = parse_call(text) if role == "assistant" else None
            if call:
                tool, arguments = call
                assert tuple(arguments) == SIGNATURES[tool]
                encoded = json.dumps({"name": tool, "arguments": arguments}, ensure_ascii=False)
                assert text == f"<tool_call>\n{encoded}\n</tool_call>"


def test_held_out_words_are_not_in_training_documents(documents: list[Document]) -> None:
    held_out = word_lists.held_out_words() | set(made_up.held_out_made_up())
    with_one = 0
    for messages, _ in documents:
        words = {word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", text_of(messages))}
        with_one += bool(words & held_out)
    # Once in some ten thousand documents, capitals and a made-up word run together into a held-out one.
    assert with_one <= 1


def test_evaluation_documents_have_held_out_words() -> None:
    held_out = word_lists.held_out_words() | set(made_up.held_out_made_up())
    rng = random.Random(6)
    texts = [text_of(document(rng, "eval")) for _ in range(100)]
    assert sum(bool(set(re.findall("[a-z]+", text.lower())) & held_out) for text in texts) > 80


def test_a_seed_fixes_a_document() -> None:
    for seed in range(40):
        assert document(random.Random(seed)) == document(random.Random(seed))


def test_documents_do_not_depend_on_the_hash_seed() -> None:
    recipe = Path(corpus.__file__).parent
    elsewhere = subprocess.run(
        [
            sys.executable,
            "-c",
            "import corpus, random; r = random.Random(1); print([corpus.document(r) for _ in range(30)])",
        ],
        env={"PYTHONPATH": f"{recipe}:{recipe.parents[1]}", "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    rng = random.Random(1)
    assert elsewhere.stdout == f"{[document(rng) for _ in range(30)]}\n"


def test_memory_comes_in_all_forms(documents: list[Document]) -> None:
    shares = Counter(about.memory for _, about in documents if about.kind == "act")
    assert set(shares) == {"none", "script", "example", "both", "said", "foreign", "careless"}
    assert 0.13 < shares["careless"] / (shares["careless"] + shares["none"]) < 0.22


def test_a_script_in_the_prompt_comes_with_its_heading(documents: list[Document]) -> None:
    for messages, about in documents:
        if about.memory in ("script", "example", "both"):
            system = messages[0].text
            assert ("# Procedure" in system) == (about.memory != "example")
            assert ("# Example" in system) == (about.memory != "script")


def test_corrections_leave_the_files_as_the_user_wants_them(documents: list[Document]) -> None:
    repaired = [about.repaired for _, about in documents if about.kind == "correction"]
    assert len(repaired) > 80
    assert all(repaired)


def test_a_talk_never_calls_a_tool_by_itself() -> None:
    names = Names(random.Random(7))
    for _ in range(200):
        for make in (corpus_talk.off_topic, corpus_talk.small_talk):
            last = make(names, About("talk"))[-1]
            assert parse_call(last.text) is None


def test_off_topic_questions_have_no_open_slots() -> None:
    names = Names(random.Random(8))
    assert not any("{" in corpus_talk.off_topic_question(names) for _ in range(300))


def test_small_talk_has_thanks_and_goodbye() -> None:
    assert "Thanks" in corpus_talk.TOPICS["thanks"].user
    assert "Goodbye" in corpus_talk.TOPICS["goodbye"].user


def test_generating_writes_a_line_a_document_and_reports(tmp_path: Path) -> None:
    out = tmp_path / "corpus.jsonl"
    report = corpus.generate(20, 3, out).report()
    rng = random.Random(3)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        [list(segment) for segment in render(document(rng))] for _ in range(20)
    ]
    assert report.startswith("20 documents")


def test_show_prints_documents_of_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    corpus.show(2, 1, "revise")
    shown = capsys.readouterr().out
    assert shown.count("======== About(kind='revise'") == 2
    assert corpus.SYSTEM_REVISE in shown
