"""What the signals of a user and of the system do to a training."""

from __future__ import annotations

import os
import signal

import pytest

from ganzoo.training.interrupt import Interrupt

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_asks_for_an_end_is_noted_and_a_hangup_that_is_ignored_stays_so(name):
    number = signal.Signals[name]
    before = signal.getsignal(number)
    try:
        for handler, noted in ((signal.SIG_DFL, number), (signal.SIG_IGN, None if name == "SIGHUP" else number)):
            signal.signal(number, handler)
            with Interrupt() as interrupt:
                if handler is signal.SIG_DFL:
                    assert signal.getsignal(number) is not handler
                os.kill(os.getpid(), number)
            assert interrupt.signal == noted and signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
