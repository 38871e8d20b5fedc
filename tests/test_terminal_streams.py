"""A reader of stdout or stderr that goes away ends nothing."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys

import pytest

from ganzoo.terminal import tolerant
from ganzoo.training import progress

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")

RECORD = {"step": 3, "terms": {"d/real": 1.0, "d/fake": 0.5, "g/adv": 2.0}, "images_per_second": 7.0}


@pytest.fixture
def unread():
    """A text stream into a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1, encoding="utf-8") as stream:
        yield stream


def test_what_nobody_reads_is_discarded(unread):
    stream = tolerant(unread, BrokenPipeError)
    for _ in range(3):
        assert stream.write("a line\n") == 7
        stream.flush()
    unread.flush()  # as the interpreter does when it ends: what was buffered is gone


def test_another_error_is_raised():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        print("x", file=tolerant(Full(), BrokenPipeError))
    print("x", file=tolerant(Full()), flush=True)


def test_a_stream_that_was_closed_before_the_program_began():
    print("x", file=tolerant(None), flush=True)


@pytest.mark.parametrize("form", [progress.Lines, lambda steps: progress.Bar(steps, 0)])
def test_progress_goes_on_in_silence(form, unread, monkeypatch):
    monkeypatch.setattr(sys, "stderr", unread)
    with form(5) as report:
        for step in range(1, 6):
            report.update(step, RECORD if step == 3 else None)
            report.write_line("a line")


def test_the_last_line_names_the_step_of_its_losses(monkeypatch):
    monkeypatch.setattr(sys, "stderr", said := io.StringIO())
    report = progress.Lines(5)
    for step, record in ((3, RECORD), (5, None), (5, RECORD | {"step": 5})):
        report.update(step, record)
    assert said.getvalue().splitlines() == [
        "step 3/5  d 1.500  g 2.000  7 images/s",
        "step 5/5  d 1.500  g 2.000  7 images/s  (logged at step 3)",
        "step 5/5  d 1.500  g 2.000  7 images/s",
    ]


SMALL = (
    "latent.dim=8 networks.generator.width=4 networks.discriminator.width=4 train.batch_size=4 train.threads=1".split()
)


def piped(words: list[str], **more: object) -> tuple[int, bytes]:
    """The exit code and the stderr of a command whose reader ends after the first line."""
    command = subprocess.Popen([sys.executable, "-m", "ganzoo", *words], stdout=subprocess.PIPE, **more)
    assert command.stdout
    command.stdout.readline()
    command.stdout.close()
    said = command.stderr.read() if command.stderr else b""
    return command.wait(), said


def test_a_training_whose_output_nobody_reads_ends_well(tmp_path):
    sets = [word for setting in SMALL for word in ("--set", setting)]
    words = ["train", "nsgan", "--steps", "3", *sets, "--set", "train.log_every=1", "--out", str(tmp_path / "run")]
    assert piped(words, stderr=subprocess.STDOUT) == (0, b"")
    assert (tmp_path / "run/state/00000003").is_dir()


def test_a_list_that_is_cut_off_ends_in_silence():
    assert piped(["list", "--techniques"], stderr=subprocess.PIPE) == (0, b"")
