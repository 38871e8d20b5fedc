"""The pages of the losses are true: rows, tests they name, and the example of an own loop."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import nn

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.config.recipes import variants
from ganzoo.losses import LOSSES, WGANGP, Hinge

from .test_patch_scores import PATCHES

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
    loop, step, *_ = python_blocks()
    torch.manual_seed(0)
    G, D = nn.Linear(64, 2), nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    before = [p.clone() for net in (G, D) for p in net.parameters()]
    names = {"torch": torch, "WGANGP": WGANGP, "Judged": DiscriminatorOutput, "Samples": Batch, "G": G, "D": D}
    names |= {"loader": torch.randn(3, 8, 2), "opt_g": torch.optim.Adam(G.parameters())}
    exec(step + loop, names | {"opt_d": torch.optim.Adam(D.parameters())})
    after = [p for net in (G, D) for p in net.parameters()]
    # The critic's last bias cancels between reals and fakes.
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [False] * 5 + [True]


def tokenizer(loader: torch.Tensor, start: int) -> tuple[nn.Module, nn.Module, list[dict]]:
    """An autoencoder and a D of patches trained by the page's example, and the terms of each step."""
    _, step, weight, loop, _ = python_blocks()
    torch.manual_seed(0)
    autoencoder = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=1))
    D, seen = nn.Conv2d(1, 1, 2, stride=2), []
    names = {"torch": torch, "Hinge": Hinge, "Judged": DiscriminatorOutput, "Samples": Batch, "start": start, "D": D}
    names |= {"autoencoder": autoencoder, "loader": loader, "opt_d": torch.optim.SGD(D.parameters(), lr=0.1)}
    names |= {"opt_g": torch.optim.SGD(autoencoder.parameters(), lr=0.1)}
    exec(step + weight, names)
    descend = names["step"]
    names["step"] = lambda optimizer, terms: (seen.append(terms), descend(optimizer, terms))
    exec(loop, names)
    return autoencoder, D, seen


def test_the_tokenizers_d_starts_late_and_its_weight_balances_both_slopes() -> None:
    autoencoder, D, seen = tokenizer(torch.rand(4, 5, 1, 8, 8), start=2)
    assert [sorted(terms) for terms in seen] == [["rec"], ["rec"], *[["adv", "rec"], ["fake", "real"]] * 2]
    assert all(p.grad is not None for p in (*autoencoder.parameters(), *D.parameters()))
    assert [p.grad for p in tokenizer(torch.rand(2, 5, 1, 8, 8), start=2)[1].parameters()] == [None, None]


def test_the_adaptive_weight_is_vqgans() -> None:
    names: dict = {"torch": torch}
    exec(python_blocks()[2], names)
    last = torch.tensor([1.0, 2.0], requires_grad=True)
    rec, adv = 3 * last.sum(), last.square().sum()  # slopes (3, 3) and (2, 4)
    expected = 18**0.5 / (20**0.5 + 1e-4)
    weight = names["adaptive_weight"](rec, adv, last)
    assert not weight.requires_grad and torch.isclose(weight, torch.tensor(expected))
    assert names["adaptive_weight"](rec, 0 * adv, last) == 1e4


def test_the_page_names_the_losses_of_patches() -> None:
    page = (GUIDE / "own-loop.md").read_text(encoding="utf-8")
    named = re.search(r"These are (.*?)\. A term", page, re.DOTALL)[1]
    assert {*re.findall(r"`([a-z-]+)`", named)} == {*PATCHES} & variants().keys()
