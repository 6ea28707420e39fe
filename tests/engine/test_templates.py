"""Chat templates are rendered as their makers expect, and a hostile one can do no harm."""

import threading
from datetime import datetime

import pytest

from localnpm.engine.templates import Template, TemplateRefusedError
from localnpm.errors import ModelError


def rendered(source: str, **variables: object) -> str:
    with Template(source) as template:
        return template.render(now=datetime(2026, 11, 21, 9, 30), **variables)


def test_tojson_escapes_neither_markup_nor_other_alphabets() -> None:
    assert rendered("{{ value | tojson }}", value={"a": "<b> & 'é'"}) == '{"a": "<b> & \'é\'"}'


def test_tojson_indents_when_asked() -> None:
    assert rendered("{{ value | tojson(indent=2) }}", value=[1]) == "[\n  1\n]"


def test_block_lines_leave_no_blank_lines() -> None:
    assert rendered("a\n  {% if true %}\nb\n  {% endif %}\nc") == "a\nb\nc"


def test_loops_can_break_and_continue() -> None:
    assert rendered("{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}") == "012"


def test_generation_blocks_print_what_they_hold() -> None:
    assert rendered("{% generation %}said{% endgeneration %}.") == "said."


def test_strftime_now_tells_the_given_time() -> None:
    assert rendered("{{ strftime_now('%d %b %Y %H:%M') }}") == "21 Nov 2026 09:30"


def test_what_a_template_raises_is_told() -> None:
    with Template("{{ raise_exception('no system role') }}") as template, pytest.raises(TemplateRefusedError) as caught:
        template.render()
    assert str(caught.value) == "no system role"


def test_a_refusal_does_not_spoil_the_next_rendering() -> None:
    with Template("{% if bad %}{{ raise_exception('no') }}{% endif %}fine") as template:
        with pytest.raises(TemplateRefusedError):
            template.render(bad=True)
        assert template.render(bad=False) == "fine"


def test_what_is_not_a_template_is_a_clear_error() -> None:
    with pytest.raises(ModelError, match="chat template cannot be compiled"):
        Template("{% endif %}")


def test_a_template_that_spins_is_stopped() -> None:
    spinning = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with Template(spinning, seconds=1) as template, pytest.raises(ModelError, match="took longer than 1 s"):
        template.render()


def test_a_template_that_was_stopped_stays_stopped() -> None:
    spinning = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    with Template(spinning, seconds=1) as template:
        with pytest.raises(ModelError):
            template.render()
        with pytest.raises(ModelError, match="ended its process"):
            template.render()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ 'a' * 10000000000 }}", "too much memory"),
        (
            "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
            "too much memory",
        ),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ 'long' * 9 }}{% endfor %}{% endfor %}",
            "prints more than",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without end"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{{ messages.append(1) }}", "unsafe"),
    ],
)
def test_a_hostile_template_is_refused(source: str, reason: str) -> None:
    with Template(source) as template, pytest.raises(TemplateRefusedError, match=reason):
        template.render(messages=[])


def test_threads_get_their_own_renderings() -> None:
    with Template("{{ value }}") as template:
        first = threading.Thread(target=lambda: [template.render(value=number) for number in range(50)])
        first.start()
        assert [template.render(value=f"v{number}") for number in range(50)] == [f"v{number}" for number in range(50)]
        first.join()
