"""The footer: what the agent is doing, the figures, and what must not be cut off where there is little room."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.tui.status import Status
from localnpm.tui.widgets.status_bar import StatusBar

BUSY = Status(
    "generating", tokens_per_second=12.42, used=1800, context=8192, mode="ask", steering=0.6, waiting=2, private=True
)


def test_a_task_that_is_steered():
    told = replace(BUSY, waiting=0, private=False).words()
    assert told == "generating · 12.4 tok/s · ctx 1.8k/8.2k · ask · steering 0.6 · offline"


def test_where_there_is_room_all_is_told():
    assert BUSY.words(200) == BUSY.words()
    assert "12.4 tok/s · ctx 1.8k/8.2k · ask · steering 0.6 · 2 waiting · private · offline" in BUSY.words()


@given(width=st.integers(58, 120), waiting=st.integers(0, 99), steering=st.floats(0, 9), watching=st.booleans())
def test_mode_and_privacy_stay_in_view_on_sixty_columns(width, waiting, steering, watching):
    status = replace(BUSY, activity="learning", mode="read-only", waiting=waiting, watching=watching, steering=steering)
    told = status.words(width)
    assert len(told) <= width
    assert {"read-only", "private"} <= set(told.split(" · "))


@pytest.mark.anyio
async def test_the_footer_follows_the_width_of_the_terminal(place, running, until):
    app = place.scripted()
    async with running(app, size=(60, 20)) as pilot:
        app.status = replace(BUSY, activity="learning")
        bar = app.screen.query_one(StatusBar)
        await until(pilot, lambda: "private" in str(bar.render()))
        assert "tok/s" not in str(bar.render())
        await pilot.resize_terminal(120, 34)
        await until(pilot, lambda: "12.4 tok/s" in str(bar.render()))
