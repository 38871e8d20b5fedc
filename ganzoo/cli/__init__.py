"""The command line: `main` ends the process, `run` returns the exit code."""

from ganzoo.cli.app import main, run

__all__ = ["main", "run"]
