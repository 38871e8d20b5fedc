"""Imports point one way, and the package leaves out what it must not hold."""

from __future__ import annotations

import ast
from pathlib import Path

import ganzoo

ROOT = Path(ganzoo.__file__).parent
LEVELS = [
    {"errors", "stdio"},
    {"registry", "plugins", "files", "cores", "torch_state", "terminal", "markdown", "html_page"},
    {"json_io", "tensor_io"},
    {"records", "streams", "config", "pictures"},
    {"techniques"},
    {"losses", "networks", "data", "latent", "optimisers"},
    {"tricks", "recipes"},
    {"misfits", "complete"},
    {"build"},
    {"evaluation", "legal"},
    {"training"},
    {"api", "sampling"},
    {"measure"},
    {"comparing", "sharing"},
    {"showing"},
    {"commands"},
    {"cli"},
]
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}


def imports(path: Path) -> set[str]:
    """The ganzoo modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ganzoo"):
            found |= {f"{node.module}.{name.name}" if node.module == "ganzoo" else node.module for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("ganzoo")}
    return found - {"ganzoo.__version__"}


def part(module: str) -> str:
    return module.split(".")[1]


def files() -> dict[str, Path]:
    return {
        ".".join(("ganzoo", *p.relative_to(ROOT).with_suffix("").parts)): p
        for p in ROOT.rglob("*.py")
        if p.name not in ("__init__.py", "__main__.py")
    }


def test_every_part_has_a_level():
    assert {part(name) for name in files()} == LEVEL.keys()


def test_imports_point_down():
    for name, path in files().items():
        for target in imports(path):
            assert part(target) == part(name) or LEVEL[part(target)] < LEVEL[part(name)], f"{name} -> {target}"


def test_no_module_imports_itself_through_others():
    graph = {name: {t for t in imports(path) if t in files()} for name, path in files().items()}

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
        if name != "ganzoo.data.trusted":
            code = path.read_text(encoding="utf-8")
            assert not [word for word in forbidden if f"{word}(" in code or f"import {word}" in code], name


def test_the_trainer_knows_no_loss_trick_or_network_by_name():
    from ganzoo import BACKBONES, LOSSES, TRICKS

    for path in [*(ROOT / "training").glob("*.py"), ROOT / "api.py"]:
        strings = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
        assert not strings & {*LOSSES, *TRICKS, *BACKBONES}, path
