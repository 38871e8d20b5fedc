"""Size and shape of the modules in ganzoo/, compared with targets for readable code.

    python tools/house_numbers.py [--step]

Empty modules and `__init__.py` files with nothing but a docstring are left out. `--step` traces one nsgan discriminator update
and lists the functions of ganzoo/ that it enters; networks/ and kernels/ are left out. A report for maintainers, not a check.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import CodeType, FrameType
from typing import Any

PACKAGE = Path(__file__).parents[1] / "ganzoo"
OUTSIDE_STEP = ("networks", "kernels")
LONG_FUNCTION, LONG_FILE = 45, 200


@dataclass(frozen=True)
class Module:
    """One source file: all lines, lines before the first definition, import statements, and function lengths by name."""

    path: str
    lines: int
    header: int
    imports: int
    functions: dict[str, int]


def read_module(path: Path) -> Module | None:
    """Measure one file; None if it holds no code."""
    source = path.read_text(encoding="utf-8")
    body = ast.parse(source).body
    statements = [node for node in body if not is_docstring(node)]
    if not statements:
        return None
    lines = source.count("\n")
    definitions = (node for node in statements if not isinstance(node, ast.Import | ast.ImportFrom))
    header = next((first_line(node) - 1 for node in definitions), lines)
    imports = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.Module(body, [])))
    return Module(str(path.relative_to(PACKAGE)), lines, header, imports, dict(functions(body)))


def is_docstring(node: ast.stmt) -> bool:
    """True if a statement is a bare string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def first_line(node: ast.stmt) -> int:
    """The first line of a statement, including its decorators."""
    decorators = node.decorator_list if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def functions(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, int]]:
    """Qualified name and length of each function, from `def` to its last line; nested functions count too."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{inside}{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield f"{name}:{node.lineno}", (node.end_lineno or node.lineno) - node.lineno + 1
            yield from functions(node.body, f"{name}.")


def print_report(modules: list[Module]) -> None:
    """Print each number with its target, then the files and functions that are too long."""
    lines = sum(module.lines for module in modules)
    lengths = [length for module in modules for length in module.functions.values()]
    rows = [
        ("median file, lines", median(module.lines for module in modules), ">= 90"),
        ("files under 60 lines, %", percent(module.lines < 60 for module in modules), "<= 33.3"),
        ("header lines, %", 100 * sum(module.header for module in modules) / lines, "< 13"),
        ("import statements per 100 lines", 100 * sum(module.imports for module in modules) / lines, "< 7"),
        ("longest function, lines", max(lengths), f"<= {LONG_FUNCTION}"),
        ("functions under 15 lines, %", percent(length < 15 for length in lengths), ">= 90"),
    ]
    print(f"{len(modules)} files, {lines:,} lines, {len(lengths):,} functions (median {median(lengths):g} lines)")
    for name, value, target in rows:
        print(f"{name:<34}{value:>8.1f}   {target}")
    for module in sorted(modules, key=lambda module: -module.lines):
        if module.lines > LONG_FILE:
            print(f"long file {module.lines:>7} {module.path}")
    for module in modules:
        for name, length in module.functions.items():
            if length > LONG_FUNCTION:
                print(f"long function {length:>3} {module.path} {name}")


def percent(flags: Iterator[bool]) -> float:
    """The share of true values, in percent."""
    values = list(flags)
    return 100 * sum(values) / len(values)


def functions_of_d_update() -> set[tuple[str, str]]:
    """File and name of each function that one nsgan discriminator update enters; lambdas and comprehensions do not count."""
    from ganzoo.builder import build_modules, resolve_config
    from ganzoo.config.recipes import make_config
    from ganzoo.data import BatchLoader
    from ganzoo.rng import RngScope
    from ganzoo.run_data import load_dataset
    from ganzoo.training.trainer import Trainer

    config = make_config("nsgan", {"train": {"batch_size": 4, "device": "cpu", "threads": 1, "precision": "float32"}})
    dataset = load_dataset(config)
    config = resolve_config(config, dataset)
    trainer = Trainer(build_modules(config), BatchLoader(dataset, config.seed), config)
    entered: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            entered.add(frame.f_code)

    with RngScope(0, "d", 0):
        real = trainer.reals(4)
        sys.setprofile(note)
        trainer.d_update(real)
        sys.setprofile(None)
    inside = [code for code in entered if Path(code.co_filename).is_relative_to(PACKAGE)]
    named = {(str(Path(code.co_filename).relative_to(PACKAGE)), code.co_qualname) for code in inside}
    return {(file, name) for file, name in named if file.split("/")[0] not in OUTSIDE_STEP and name[-1] != ">"}


def print_step() -> None:
    """Print the functions and files of one update, with the targets."""
    entered = sorted(functions_of_d_update())
    files = {file for file, _ in entered}
    print(f"one nsgan d_update: {len(entered)} functions (<= 30) in {len(files)} files (<= 8)")
    for file, name in entered:
        print(f"  {file:<30}{name}")


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", action="store_true", help="trace one nsgan discriminator update")
    found = [read_module(path) for path in sorted(PACKAGE.rglob("*.py"))]
    given = parser.parse_args()
    print_report([module for module in found if module])
    if given.step:
        print_step()


if __name__ == "__main__":
    main()
