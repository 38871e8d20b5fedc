"""The `ganzoo` program: table of commands, one-line errors, exit codes."""

import os
import re
import sys
import warnings
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from ganzoo import terminal
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.terminal import tolerant

COMMANDS = {
    "train": ("train.train", "Train a variant, or resume a run."),
    "sample": ("sample.sample", "Draw images from one or more checkpoints."),
    "film": ("film.film", "Film a run: how its samples came to be, as GIF, WebP or MP4."),
    "evaluate": ("evaluate.evaluate", "Score a checkpoint: FID, KID, precision, recall, modes, ..."),
    "compare": ("compare.compare", "Train variants under one budget and several seeds, score them, write a report."),
    "ablate": ("compare.ablate", "Compare a variant with itself under each stability technique."),
    "doctor": ("diagnose.doctor", "Diagnose a run from its log: failures and what to change."),
    "list": ("list.list_parts", "List variants, stability techniques, bundled checkpoints and parts."),
    "config": ("config.config", "Print the keys of the config: type, default, meaning, source."),
    "gallery": ("explore.gallery", "Write one HTML page that shows all checkpoints."),
    "demo": ("explore.demo", "Explore checkpoints in the browser."),
    "invert": ("explore.invert", "Find the latent whose image is nearest to a picture."),
    "export": ("share.export", "Write a generator as ONNX or PyTorch program."),
    "push": ("share.push", "Upload a release to the Hugging Face Hub."),
}
"""Command -> (module and function, line in the help)."""
SUCCESSORS = {"--sweep": "--traverse", "--raw": "--no-ema", "--n": "-n", "project": "invert"}
"""Options and commands that were renamed."""


class Commands(TyperGroup):
    """Commands that import their modules on use, so that `ganzoo --help` does not wait for torch."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name][0].split(".")
        single = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(getattr(import_module(f"ganzoo.cli.{module}"), function))
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


app = typer.Typer(
    name="ganzoo",
    cls=Commands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _about() -> None:
    """A multi-loss GAN zoo: train any variant, sample and score what was trained, compare losses."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 success, 1 training failed, 2 wrong input, 130 interrupted."""
    # A closed pipe on stdout must not end the command; a full disk (`ganzoo list > /dev/full`) is still an error.
    sys.stdout, sys.stderr = tolerant(sys.stdout, BrokenPipeError), tolerant(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's stream has none
            stream.reconfigure(errors="backslashreplace")  # a character it cannot encode must not end the command
    warnings.showwarning = _warn
    warnings.simplefilter("once", UserWarning)  # once, not for every layer
    code = run(arguments)
    if "WORLD_SIZE" in os.environ:
        # Threads of torch's process groups may outlive them and abort an interpreter that shuts down normally.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: list[str] | None) -> int:
    """Run one command and return its exit code; errors are one line on stderr."""
    try:
        result: Any = app(arguments, prog_name="ganzoo", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except InputError as error:
        return _fail(str(error), 2)
    except TrainingFailed as error:
        return _fail(str(error), 1)
    except Interrupted as stop:
        return _fail(str(stop), 130)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 2)
    except Exception as error:
        if _is_out_of_memory(error):
            return _fail("out of memory; lower train.batch_size or the networks' width", 1)
        # The module of the parser's errors differs between versions of typer; `format_message` does not.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            terminal.out_lines(error.format_message())
            return 2
        return _fail(_usage(error), 2)


def _usage(error: Any) -> str:
    """The parser's message, with the successor of a renamed option or command."""
    text = error.format_message()
    old = getattr(error, "option_name", None) or "".join(re.findall(r"^No such command '(.*?)'", text))
    if old in SUCCESSORS:
        return f"{old} is now called {SUCCESSORS[old]}"
    return f"{text} (see '{getattr(getattr(error, 'ctx', None), 'command_path', 'ganzoo')} --help')"


def _is_out_of_memory(error: Exception) -> bool:
    # torch has an exception class for GPU memory, but only message texts for CPU memory.
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(words in str(error) for words in ("DefaultCPUAllocator", "Storage size calculation overflowed"))


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    terminal.err(f"ganzoo: warning: {message}")


def _fail(message: str, code: int) -> int:
    terminal.err(f"ganzoo: {message}")
    return code
