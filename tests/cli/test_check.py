"""`ganzoo check`: a broken part of each kind fails the check that is meant for it, with file and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ganzoo import cli
from ganzoo.cli.check import parts_in
from ganzoo.contracts import CHECKS, Result
from ganzoo.contracts.base import check_name, run_check
from ganzoo.data import SOURCES
from ganzoo.evaluation import EXTRACTORS, METRICS
from ganzoo.networks import BACKBONES, UPSAMPLERS
from ganzoo.networks.layers import ACTIVATIONS, NORMS
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.parts import KINDS
from ganzoo.tricks import TRICKS

ROOT = Path(__file__).parents[2]
PARTS = sorted((ROOT / "tests/parts").rglob("*.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
GOOD = re.search(r"```python\n(# softplus_margin\.py\n.*?)```", README, re.DOTALL)[1]
REAL, FAKE = "F.softplus(self.margin - real.score).mean()", "F.softplus(self.margin + fake.score).mean()"
ADV, STATE = "F.softplus(-fake.score).mean()", "        self.margin = margin\n"
D_LOSS, G_LOSS = "    def d_loss(self, real, fake):\n", "    def g_loss(self, real, fake):\n"
LINEAR = f"{STATE}        self.w = __import__('torch').nn.Linear(1, 1)\n"
PENALTY = "    def penalty(self, judge, real, fake):\n        return {'real': 0 * judge(fake).score.mean()}\n\n"
FREEZE = "    def after_d_step(self, D):\n        D.requires_grad_(False)\n\n"
DRIFT = "    def after_g_step(self, real, fake):\n        self.margin += 1\n\n"
VARIANCE = "(1 + (fake.score - fake.score.mean()).square().sum() / (len(fake.score) - 1)).log()"
BROKEN_LOSSES = [
    ("L_G = ", "G: ", "The docstring names", "bad.py:7: the docstring has no lines L_D = ... and L_G = ..."),
    ("*, margin", "margin", "Settings are", "bad.py:7: the setting 'margin' is positional; put it after a *"),
    (": float = 1.0", "=1.0", "Settings are", "bad.py:7: the setting 'margin' has no type; write margin: float = ..."),
    (": float = 1.0", ": float", "Settings are", "bad.py:7: the setting 'margin' has no default"),
    (STATE, LINEAR, "The loss has no weights", "bad.py:7: w.weight, w.bias: no optimizer trains a loss's parameters"),
    (REAL, REAL[:-7], "Terms are finite", "bad.py:24: SoftplusMargin.d_loss: term 'real' has shape (1,), expected"),
    (ADV, VARIANCE, "Terms are finite", "bad.py:29: SoftplusMargin.g_loss: term 'adv' is nan for a batch of 1"),
    (ADV, f"{ADV}.float()", "Terms are finite", "term 'adv' has torch.float32 for inputs of torch.float64"),
    (ADV, "real.score.mean()", "Terms are finite", "g_loss: AttributeError: 'NoneType' object has no attribute 'score'"),
    (ADV, f"{ADV} * __import__('time').time_ns()", "The same inputs", "bad.py:29: SoftplusMargin.g_loss"),
    (FAKE, f"{FAKE}.detach()", "Gradients agree", "bad.py:22: SoftplusMargin.d_loss: the gradient is"),
    (D_LOSS, f"{D_LOSS}        real, fake = real.detach(), fake.detach()\n", "D's terms", "d_loss: no term"),
    (G_LOSS, f"{PENALTY}{G_LOSS}", "`d_loss` and `penalty`", "real: named by d_loss and by penalty"),
    (G_LOSS, f"{FREEZE}{G_LOSS}", "After D's step", "bad.py:28: SoftplusMargin.after_d_step: D's encoder.1.weight, en"),
    (G_LOSS, f"{DRIFT}{G_LOSS}", "A loss loaded", "bad.py:24: SoftplusMargin.d_loss: term 'real' differs after loading"),
    (G_LOSS, f"{PENALTY}{G_LOSS}", "The penalty has no", "SoftplusMargin.penalty: term 'real' has a gradient for G; detach"),
    (G_LOSS, f"{DRIFT}{G_LOSS}", "Two steps on digits", "a resumed run differs from one without a stop in generator.safe"),
    (ADV, f"0 * {ADV}", "G's terms", "bad.py:28: SoftplusMargin.g_loss: no gradient for G's layers.0.weight"),
    (ADV, ADV.replace("mean", "sum"), "`couples_samples` says", "bad.py:29: SoftplusMargin.g_loss: term 'adv' is no mean"),
    (STATE, f"{STATE}        self.couples_samples = True\n", "`couples_samples` says", "is a mean over samples;"),
    (ADV, f"{ADV}.double().exp().sub(1e4).sqrt()", "Two steps in bf16", "bad.py:29: SoftplusMargin.g_loss: term"),
]  # fmt: skip
UNIFORM = 'rng.uniform("mirror", len(samples), 1, 1, 1, device=samples.images.device)'
ADAMW = "optim.AdamW(params, lr, betas, weight_decay=weight_decay, fused=True)"
BROKEN_PARTS = [
    ("mirror", '= {"p": 0.0}', '= {"p": 1.0}', "Neutral settings", "training with {'p': 1.0} differs from"),
    ("mirror", ".flip(3)", "", "Training with the trick", "3 steps with the defaults are those without it"),
    ("mirror", UNIFORM, "torch.rand(len(samples), 1, 1, 1)", "Two steps on digits", "a resumed run differs from one without"),
    ("mirror", "*, p:", "p:", "Settings are keywords", "the setting 'p' is positional; put it after a *"),
    ("mirror", "samples.images)", "samples.images / 0)", "The trick trains", "with minimax: NaN or infinite after 3 steps"),
    ("mirror", "2020, https", "202, http", "The docstring names", "the docstring names no year and https:// link"),
    ("bicubic", "scale_factor=2", "scale_factor=3", "The upsampler doubles", "kernel None, bias True: (2, 3, 6, 6)"),
    ("rms", ").rsqrt()", ").rsqrt().detach()", "First and second", "GradcheckError"),
    ("rms", "tuple(range(1, x.ndim))", "tuple(range(x.ndim))", "The norm has", "set mixes_samples = True"),
    ("rms", "self.weight.view", "self.weight.detach().view", "Gradients reach", "decoder: no gradient for decoder.stem"),
    ("symmetric", "(x, labels)", "(x, labels).detach()", "Gradients reach", "decoder: no gradient for emb"),
    ("symmetric", "(x, labels)", "(x, labels) + x.new_empty(()).uniform_()", "Two steps on data", "a resumed"),
    ("symmetric", "(image + image.flip(3)) / 2", "image[:, :, 1:]", "G gives images", "decoder for (1, 28, 28): images"),
    ("adamw", "AdamW(params, lr", "AdamW(params, -lr", "A step lowers", "bad.py:21: adamw: ValueError: Invalid learning"),
    ("adamw", ADAMW, "optim.SGD(params, lr, maximize=True)", "A step lowers", "bad.py:13: a step raises sum(w^2)"),
    ("adamw", "    *,\n", "", "Settings are", "bad.py:13: the setting 'lr' is positional; put it after a *"),
    ("mean_distance", "double().mean(0)", "double()[1:].mean(0)", "`least` samples", "nan for 1 samples and 1 real images"),
    ("mean_distance", '{"mean_distance": M', '{"mean": M', "The metric gives", "returns ['mean'], expected the key"),
    ("mean_distance", "double().mean(0)", "double()[:5].mean(0)", "The order of samples", "in another order"),
    ("thumbnail", 'sha256(b"thumbnail").hexdigest()', '"none"', "Features are", "sha256 is 'none', expected 64 hex digits"),
    ("stripes", '"test": 40', '"test": 200', "The source gives", "bad.py:14: test and train are the same"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def what_a_file_adds_is_taken_away():
    registries = (TRICKS, BACKBONES, UPSAMPLERS, NORMS, ACTIVATIONS, OPTIMIZERS, METRICS, EXTRACTORS, SOURCES)
    before = [dict(registry) for registry in registries]
    yield
    for registry, parts in zip(registries, before, strict=True):
        for name in registry.keys() - parts.keys():
            del registry[name]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Checks a file of this text; returns exit code and lines."""
    monkeypatch.chdir(tmp_path)

    def run(text: str) -> tuple[int, list[str]]:
        Path("bad.py").write_text(text)
        code = cli.run(["check", "bad.py"])
        return code, capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize("text", [GOOD, *(path.read_text() for path in PARTS)], ids=["loss", *(p.stem for p in PARTS)])
def test_a_good_part_of_each_kind_keeps_every_contract(text, run):
    code, (title, *lines, last) = run(text)
    assert code == 0 and lines and [line for line in lines if not line.startswith("  ok    ")] == []
    assert last == f"{len(lines)} of {len(lines)} checks hold" and " " in title


def result_of(text: str, check: str) -> Result:
    """The result of the one check whose name starts so, on the part in `text`."""
    Path("bad.py").write_text(text)
    ((registry, name),) = parts_in(Path("bad.py"))
    (kind,) = (kind.name for kind in KINDS if kind.registry is registry)
    (found,) = (each for each in CHECKS[kind] if check_name(each).startswith(check))
    return run_check(kind, name, registry[name], found)


@pytest.mark.parametrize(("old", "new", "check", "reason"), BROKEN_LOSSES)
def test_a_broken_loss_fails_its_check(old, new, check, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert GOOD.count(old) and not result_of(GOOD, check).reason
    result = result_of(GOOD.replace(old, new, 1), check)
    assert reason in result.reason and "bad.py:" in result.reason
    assert result.failed is (check != "The docstring names")


@pytest.mark.parametrize(("part", "old", "new", "check", "reason"), BROKEN_PARTS)
def test_a_broken_part_fails_its_check(part, old, new, check, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (text,) = (path.read_text() for path in PARTS if path.stem == part)
    assert text.count(old)
    result = result_of(text.replace(old, new, 1), check)
    assert reason in result.reason and "bad.py:" in result.reason
    assert result.failed is (check != "The docstring names")


def test_a_place_is_explained_once(run):
    code, lines = run(GOOD.replace(REAL, "F.softplus(self.margin - real.score)"))
    assert code == 2 and sum("take the mean" in line for line in lines) == 1
    assert sum(line.endswith(": see bad.py:24 above") for line in lines) > 5
    assert re.fullmatch(r"\d+ of 15 checks hold", lines[-1])


def test_a_file_without_parts_is_refused(run, capsys):
    Path("other.py").write_text("x = 1\n")
    assert cli.run(["check", "other.py"]) == 2
    assert capsys.readouterr().err.startswith("ganzoo: other.py: adds no part; subclass Loss, Trick or Source")
    assert cli.run(["check", "none.py"]) == 2
    assert capsys.readouterr().err == "ganzoo: none.py: no such Python file\n"


def test_a_kind_without_checks_is_named(run):
    add = "from torch import nn\nfrom ganzoo.networks.layers import ACTIVATIONS\nACTIVATIONS.add('gelu', nn.GELU)\n"
    assert run(add) == (0, ["activation gelu: no checks for this kind of part", "0 of 0 checks hold"])


def test_the_traceback_of_a_check_is_there_if_wanted(run, monkeypatch):
    monkeypatch.setenv("GANZOO_TRACEBACK", "1")
    with pytest.raises(NameError):
        run(GOOD.replace("= margin\n", "= margins\n"))
