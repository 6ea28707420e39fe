"""When a process in the background is stopped, and when it may go on."""

import signal

from give_way import QUIET_SECONDS, TICKS, Yielding, used_by_all


def test_work_by_others_stops_the_process() -> None:
    assert Yielding().update(others=0.5, seconds=0.5) is signal.SIGSTOP


def test_a_little_work_by_others_does_not_stop_it() -> None:
    assert Yielding().update(others=0.2, seconds=0.5) is None


def test_a_stopped_process_is_not_stopped_again() -> None:
    assert Yielding(stopped=True).update(others=2.0, seconds=0.5) is None


def test_it_goes_on_after_enough_quiet_seconds() -> None:
    state = Yielding(stopped=True, quiet_for=QUIET_SECONDS - 0.2)
    assert state.update(others=0.0, seconds=0.5) is signal.SIGCONT


def test_it_waits_until_then() -> None:
    assert Yielding(stopped=True).update(others=0.0, seconds=QUIET_SECONDS - 1) is None


def test_a_moment_of_work_starts_the_waiting_anew() -> None:
    state = Yielding(stopped=True, quiet_for=QUIET_SECONDS - 0.2)
    state.update(others=0.2, seconds=0.5)
    assert state.update(others=0.0, seconds=0.5) is None


def test_idle_and_waiting_time_do_not_count_as_work() -> None:
    assert used_by_all("cpu  100 20 30 9999 8888 1 2 7777 0 0\ncpu0 1 2 3\n") == 153 / TICKS
