"""The commands of `ganzoo` with their examples, and options of earlier versions and of other programs."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: its module and function, its line in the help, and examples of its use."""

    function: str
    line: str
    examples: tuple[str, ...]


COMMANDS = {
    "train": Command(
        "train.train",
        "Train a variant, or resume a run.",
        (
            "ganzoo train wgan-gp",
            "ganzoo train nsgan --data folder:photos --size 64 --steps 20000 --name photos",
            "ganzoo train --resume runs/photos --steps 40000",
        ),
    ),
    "data": Command(
        "data.data",
        "Show a data set as the network sees it: classes, sizes, duplicates, 64 images.",
        ("ganzoo data folder:photos --size 64", "ganzoo data folder:photos.zip --set data.crop=pad --out sheet.png"),
    ),
    "sample": Command(
        "sample.sample",
        "Draw images from one or more checkpoints.",
        ("ganzoo sample wgan-gp --out grid.png", "ganzoo sample runs/photos --interpolate 3,8,3 --out walk.gif"),
    ),
    "film": Command(
        "explore.film",
        "Show how a run's samples changed during training: GIF, WebP or MP4.",
        ("ganzoo film runs/photos", "ganzoo film runs/photos --seeds 3,12 --out two.webp --scale 8"),
    ),
    "evaluate": Command(
        "evaluate.evaluate",
        "Score a checkpoint: FID, KID, precision, recall, modes, ...",
        ("ganzoo evaluate wgan-gp", "ganzoo evaluate runs/photos -n 5000 --metrics fid,precision,recall"),
    ),
    "compare": Command(
        "compare.compare",
        "Train variants under one budget and several seeds, score them, write a report.",
        (
            "ganzoo compare nsgan wgan-gp --budget steps=2000 --seeds 3 --out compared",
            "ganzoo compare nsgan mine.toml --data fashion-mnist --budget minutes=5 --out compared",
        ),
    ),
    "ablate": Command(
        "compare.ablate",
        "Compare a variant with itself under each stability technique.",
        ("ganzoo ablate nsgan --switch replay --switch instance-noise --seeds 3 --out ablated",),
    ),
    "check": Command(
        "check.check",
        "Check a loss, trick or other part of your own.",
        ("ganzoo check softplus_margin.py",),
    ),
    "doctor": Command(
        "diagnose.doctor",
        "Diagnose a run from its log: failures and what to change.",
        (
            "ganzoo doctor runs/photos",
            "ganzoo doctor --csv log.csv --map d=loss_D,g=loss_G,step=iter --loss nsgan --out log.html",
        ),
    ),
    "list": Command(
        "list.list_parts",
        "List variants, stability techniques, bundled checkpoints and parts.",
        ("ganzoo list", "ganzoo list --techniques"),
    ),
    "config": Command(
        "list.config",
        "Print the keys of the config: type, default, meaning, source.",
        ("ganzoo config train", "ganzoo config lr"),
    ),
    "gallery": Command(
        "explore.gallery",
        "Write one HTML page that shows all checkpoints.",
        ("ganzoo gallery runs/photos wgan-gp --out gallery",),
    ),
    "demo": Command("explore.demo", "Explore checkpoints in the browser.", ("ganzoo demo", "ganzoo demo runs/photos")),
    "invert": Command(
        "explore.invert",
        "Find the latent whose image is nearest to a picture.",
        ("ganzoo invert seven.png wgan-gp --out found.png",),
    ),
    "reconstruct": Command(
        "explore.reconstruct",
        "Encode pictures and decode them again.",
        ("ganzoo reconstruct seven.png four.png runs/vaegan-digits-s0 --out copies.png",),
    ),
    "export": Command(
        "share.export",
        "Write a generator as ONNX or PyTorch program.",
        ("ganzoo export runs/photos --out photos.onnx",),
    ),
    "push": Command(
        "share.push",
        "Upload a release to the Hugging Face Hub.",
        ("ganzoo push runs/photos hf:USER/photos --license cc0-1.0",),
    ),
}
RENAMED = {"--sweep": "--traverse", "--raw": "--no-ema", "--n": "-n", "project": "invert"}
"""Options and commands of earlier versions."""
ELSEWHERE = {
    **dict.fromkeys(("--batch", "--batch_size", "--bs"), "--batch-size"),
    **dict.fromkeys(("--epochs", "--n-epochs", "--n_epochs", "--niter", "--kimg", "--iterations"), "--steps"),
    **dict.fromkeys(("--dataset", "--dataroot", "--data-dir", "--data_dir"), "--data"),
    **dict.fromkeys(("--image-size", "--image_size", "--img-size", "--img_size", "--resolution"), "--size"),
    **dict.fromkeys(("--outdir", "--output", "--results-dir", "--logdir", "--save-dir"), "--out"),
    **dict.fromkeys(("--learning-rate", "--learning_rate"), "--lr"),
    **dict.fromkeys(("--amp", "--fp16", "--bf16"), "--precision"),
    **dict.fromkeys(("--config", "--cfg"), "the TOML file instead of a variant: ganzoo train FILE.toml"),
    **dict.fromkeys(("--gpus", "--gpu", "--ngpu", "--nproc"), "torchrun --nproc-per-node N -m ganzoo train VARIANT"),
    **dict.fromkeys(("--wandb", "--tensorboard"), "--set train.tensorboard=true"),
    **dict.fromkeys(("--nz", "--z-dim", "--z_dim", "--latent-dim"), "--set latent.dim=N"),
    **dict.fromkeys(("--n-critic", "--n_critic", "--critic-iters"), "--set train.ratio=N:1"),
    **dict.fromkeys(("--workers", "--num-workers"), "--threads (images are kept in memory, without loader processes)"),
}
"""Options of other programs, and how to ask ganzoo for the same."""
