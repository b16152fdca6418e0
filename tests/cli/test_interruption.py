"""A signal asks once, whatever the program is doing, and insists the second time."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from orobuild.cli import endings, interruption


@pytest.fixture
def interrupting():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    endings.arrived.clear()


def test_the_first_signal_asks_and_the_second_insists(interrupting):
    with interruption.deferred() as asked:
        os.kill(os.getpid(), signal.SIGINT)
        assert (asked.asked.is_set(), asked.number, asked.status) == (True, signal.SIGINT, 130)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_whose_exception_a_library_has_swallowed_is_not_forgotten(interrupting):
    def action():
        with contextlib.suppress(BaseException):  # as a bare `except` does
            os.kill(os.getpid(), signal.SIGINT)
        with interruption.deferred() as asked:
            return asked.status if asked.asked.is_set() else 0

    with pytest.raises(SystemExit) as end:
        endings.finish(action)
    assert end.value.code == 130
