"""Checks by training: two steps of a small GAN with the part, the same after a resume, finite in bf16."""

import hashlib
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

from ganzoo import api
from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, merge
from ganzoo.contracts.base import require
from ganzoo.data import load
from ganzoo.losses import LOSSES
from ganzoo.networks import discriminator_schema
from ganzoo.training.loop import make_trainer
from ganzoo.training.run_dir import RunDir

IMAGES = 40
SMALL: Table = {
    "data": {"max_images": IMAGES, "labelled": None, "labelled_share": None},
    "latent": {"dim": 8},
    "networks": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "train": {
        "batch_size": 4, "steps": 2, "log_every": 1, "sample_every": 100, "save_every": 100,
        "device": "cpu", "threads": 1, "precision": "float32", "penalty_precision": "float32", "lr_decay_steps": 0,
    },
}  # fmt: skip
"""Settings with which a step of any recipe takes milliseconds."""


def small_config(tables: Table) -> Config:
    """The recipe of the loss in `tables` (default nsgan; nsgan's recipe for a loss without one) in a small form."""
    name = tables.get("loss", {}).get("name", "nsgan")
    labels = {"networks": {"generator": {"condition": "concat"}}} if LOSSES[name].needs_labels else {}
    recipe = name if name in variants() else "nsgan"
    options = discriminator_schema(tables.get("networks", {}).get("name", "dcgan"))
    norm = {"networks": {"discriminator": {"norm": "none"}}} if "norm" in options else {}
    return make_config(recipe, reduce(merge, (SMALL, norm, labels, tables)))


def check_resume(tables: Table) -> None:
    """Raise `Broken` unless two steps are finite and give the same weights and states as one step and a resume."""
    config = small_config(tables)
    with TemporaryDirectory() as folder:
        whole, parts = (Path(folder) / name for name in ("whole", "parts"))
        api.train(config, out=whole)
        api.train(config, out=parts, steps=1)
        api.resume(parts, steps=2)
        one, other = (digests(RunDir(run)) for run in (whole, parts))
    differ = [name for name, digest in one.items() if other[name] != digest]
    advice = "keep state in register_buffer, draw random numbers with ganzoo.rng"
    require(not differ, f"a resumed run differs from one without a stop in {', '.join(differ)}; {advice}")


def digests(run: RunDir) -> dict[str, str]:
    """SHA-256 of the tensors of the release and of the training state after step 2."""
    files = (run.release / "generator.safetensors", run.states / "00000002/state.safetensors")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check_bf16(tables: Table) -> None:
    """Raise `Broken` unless two steps in bf16 have finite losses."""
    config = small_config(merge(tables, {"train": {"precision": "bf16"}}))
    data = load(config.data.spec, max_images=IMAGES, quiet=True)
    trainer = make_trainer(resolve_config(config, data), data)
    for _ in range(2):
        trainer.train_step()
    require(trainer.is_finite(), f"a loss is NaN or infinite in step {trainer.last_finite_step() + 1}")
