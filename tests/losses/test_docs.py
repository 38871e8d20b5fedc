"""The pages of the losses are true: rows, tests they name, and the example of an own loop."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.config.recipes import variants
from ganzoo.losses import LOSSES, WGANGP

HERE = Path(__file__).parent
GUIDE = HERE.parents[1] / "docs/guide"
PAGE = (GUIDE / "losses.md").read_text(encoding="utf-8")


def test_every_loss_with_a_recipe_has_both_rows_and_the_link_of_its_docstring() -> None:
    """The first row is generated, the second says where sources differ; a loss without a recipe may lack that one."""
    for name, loss in LOSSES.items():
        rows = [row for row in PAGE.splitlines() if row.startswith(f"| `{name}` ")]
        link = re.search(r"https://arxiv\.org/abs/[\d.]+", loss.__doc__)
        assert len(rows) == 2 or (len(rows) == 1 and name not in variants())
        assert link[0] in rows[0]


def test_every_test_it_names_exists() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in HERE.parent.rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) > len(LOSSES)
    assert [name for name in named if f"def {name}(" not in tests] == []


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (GUIDE / "own-loop.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_other_order_of_updates_is_the_tested_one() -> None:
    tested = re.sub(
        r" -> \w[\w.]*|: nn\.Module", "", (HERE.parent / "training/test_trainer.py").read_text(encoding="utf-8")
    )
    for method in python_blocks()[-1].split("\n\n"):
        assert method.removeprefix("class Simultaneous(Trainer):\n").strip() in tested


def test_the_example_trains_both_players() -> None:
    loop, step, _ = python_blocks()
    torch.manual_seed(0)
    G, D = nn.Linear(64, 2), nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    before = [p.clone() for net in (G, D) for p in net.parameters()]
    names = {"torch": torch, "WGANGP": WGANGP, "Judged": DiscriminatorOutput, "Samples": Batch, "G": G, "D": D}
    names |= {"loader": torch.randn(3, 8, 2), "opt_g": torch.optim.Adam(G.parameters())}
    exec(step + loop, names | {"opt_d": torch.optim.Adam(D.parameters())})
    after = [p for net in (G, D) for p in net.parameters()]
    # The critic's last bias cancels between reals and fakes.
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [False] * 5 + [True]
