"""What the signals of a user and of the system do to a training."""

from __future__ import annotations

import os
import signal

import pytest

from ganzoo.training import signals
from ganzoo.training.signals import StopSignal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_asks_for_an_end_is_noted_and_a_hangup_that_is_ignored_stays_so(name):
    number = signal.Signals[name]
    before = signal.getsignal(number)
    try:
        for handler, noted in ((signal.SIG_DFL, number), (signal.SIG_IGN, None if name == "SIGHUP" else number)):
            signal.signal(number, handler)
            with StopSignal() as entered:
                if handler is signal.SIG_DFL:
                    assert signal.getsignal(number) is not handler
                os.kill(os.getpid(), number)
            assert entered.signal == noted and signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


@pytest.fixture
def heard(monkeypatch):
    """An `StopSignal` that has its handlers, with the debounce as an instant in which nothing comes."""
    monkeypatch.setattr(signals.time, "sleep", lambda seconds: None)
    lines, before = [], signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup
    with StopSignal(lines.append) as entered:
        entered.lines = lines
        yield entered
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_is_said_once_and_a_second_ctrl_c_ends_at_once(first, heard):
    signal.raise_signal(signal.Signals[first])
    for name in ("SIGTERM", "SIGHUP", "SIGTERM", "SIGHUP"):
        signal.raise_signal(signal.Signals[name])
    presses = 1 if first == "SIGINT" else 2
    with pytest.raises(KeyboardInterrupt):
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
    assert heard.lines == [signals.STOPPING] and heard.signal == signal.Signals[first]


def test_a_ctrl_c_that_is_delivered_twice_counts_once(monkeypatch):
    monkeypatch.setattr(signals.time, "sleep", lambda seconds: signal.raise_signal(signal.SIGINT))
    with StopSignal() as entered:
        signal.raise_signal(signal.SIGINT)
        assert entered.signal == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_line_that_cannot_be_said_in_a_handler_is_left_out():
    def say(line):
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    with StopSignal(say) as entered:
        signal.raise_signal(signal.SIGINT)
        assert entered.signal == signal.SIGINT
