"""Signals wait while they are held, and what they do is done afterwards."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from orobuild.held_signals import held


class Stop(BaseException):
    pass


@pytest.fixture
def stopping():
    """SIGTERM raises `Stop`, as the command line has it."""

    def stop(number, frame):
        raise Stop

    before = signal.signal(signal.SIGTERM, stop)
    yield stop
    signal.signal(signal.SIGTERM, before)


def test_a_signal_comes_when_what_it_must_not_interrupt_is_over(stopping):
    done = []

    @held()
    def work():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("all of it")

    with pytest.raises(Stop):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGTERM) is stopping


def test_a_function_may_hold_them_and_returns_what_it_returns(stopping):
    @held()
    def answer():
        return 42

    assert [answer(), answer()] == [42, 42]
    assert signal.getsignal(signal.SIGTERM) is stopping


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_hold_nothing_for_no_handler_runs_there(stopping):
    seen = []

    def work():
        with held():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [stopping]
