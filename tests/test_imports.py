"""Imports point one way, and the package leaves out what it must not hold."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from pathlib import Path

import ganzoo

ROOT = Path(ganzoo.__file__).parent
LEVELS = [
    {
        "errors",
        "rng",
        "batch",
        "torch_state",
        "cpu_threads",
        "schedules",
        "config.migrate",
        "config.tables",
        "kernels",
        "pyramid",
    },
    {"atomic_io", "registry", "mistakes", "terminal", "markup", "latent"},
    {"json_io", "tensor_io", "image_io", "losses", "networks", "optimizers"},
    {"config.schema", "data", "tricks"},
    {"config.parsing"},
    {"config.overrides", "config.other_backbone", "config.batch_split"},
    {"config.resolve", "config.compatibility", "config.techniques", "evaluation"},
    {"config.recipes", "config.reference", "builder", "parts", "run_data"},
    {"training"},
    {"api", "atlas", "sampling"},
    {"contracts", "evaluator", "release"},
    {"experiments", "ui"},
    {"cli"},
]
"""Top-level modules and packages, lowest first; those of `config` one by one, because they span several levels."""
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}


def imports(path: Path, modules: Container[str]) -> set[str]:
    """The ganzoo modules that a file imports, wherever in it and for whatever use."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "ganzoo":
            names = (f"{node.module}.{name.name}" for name in node.names)
            found |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "ganzoo"}
    return found - {"ganzoo"}


def part(module: str) -> str:
    names = module.split(".")[1:]
    return ".".join(names[:2] if names[0] == "config" else names[:1])


def files() -> dict[str, Path]:
    """Module -> file; a package stands for its `__init__.py`."""
    found = {p.relative_to(ROOT.parent).with_suffix("").parts: p for p in ROOT.rglob("*.py") if p.stem != "__main__"}
    return {".".join(parts).removesuffix(".__init__"): p for parts, p in found.items()}


def edges() -> Iterator[tuple[str, str]]:
    modules = files()
    return ((name, target) for name, path in modules.items() for target in imports(path, modules))


def test_an_import_of_a_module_from_its_package_is_seen(tmp_path):
    for line in ("from ganzoo.data import cache", "from ganzoo.data.cache import home", "import ganzoo.data.cache"):
        (tmp_path / "x.py").write_text(f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    {line}\n")
        assert imports(tmp_path / "x.py", files()) == {"ganzoo.data.cache"}


def test_every_part_has_a_level():
    assert {part(name) for name in files() if name not in ("ganzoo", "ganzoo.config")} == LEVEL.keys()


def test_imports_point_down():
    for name, target in edges():
        assert part(target) == part(name) or LEVEL[part(target)] < LEVEL[part(name)], f"{name} -> {target}"


def test_no_module_imports_itself_through_others():
    graph: dict[str, set[str]] = {name: set() for name in files()}
    for name, target in edges():
        graph[name].add(target)
    done: set[str] = set()

    def reach(name: str, seen: frozenset[str]) -> None:
        assert name not in seen, f"a cycle through {name}"
        for target in graph[name] - done:
            reach(target, seen | {name})
        done.add(name)

    for name in graph:
        reach(name, frozenset())


def test_there_is_no_drawer_for_odds_and_ends():
    assert not {"utils", "common", "helpers", "manager"} & {p.stem for p in ROOT.rglob("*")}


def test_nothing_of_ours_is_a_pickle():
    forbidden = ("torch.load", "torch.save", "pickle", "allow_pickle=True")
    for name, path in files().items():
        if name != "ganzoo.data.download":
            code = path.read_text(encoding="utf-8")
            assert not [word for word in forbidden if f"{word}(" in code or f"import {word}" in code], name


def test_the_trainer_knows_no_loss_trick_or_network_by_name():
    from ganzoo import BACKBONES, LOSSES, TRICKS

    for path in [*(ROOT / "training").glob("*.py"), ROOT / "api.py"]:
        strings = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
        assert not strings & {*LOSSES, *TRICKS, *BACKBONES}, path
