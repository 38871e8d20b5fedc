"""Migration from config format 1: renamed config keys and recipe folders."""

from collections.abc import Collection
from typing import Any

FORMAT = 2
"""The format of config.json and of TOML files."""
_TRAIN = {
    "batch": "batch_size",
    "g_batch": "g_batch_multiple",
    "accumulate": "gradient_accumulation",
    "warmup": "critic_warmup",
    "thresholds": "loss_thresholds",
    "decay_steps": "lr_decay_steps",
    "ema": "ema_decay",
    "eval_n": "eval_samples",
    "rollback_rate": "rollback_lr_factor",
}
_NETWORK = {
    "spectral": "spectral_norm",
    "minibatch": "minibatch_features",
    "hidden": "bottleneck",
    "growth": "max_width_multiple",
}
PLAYERS = ("generator", "discriminator")
RENAMED = {
    "data.limit": "data.max_images",
    **{f"train.{old}": f"train.{new}" for old, new in _TRAIN.items()},
    **{f"networks.{player}.{old}": f"networks.{player}.{new}" for player in PLAYERS for old, new in _NETWORK.items()},
}
"""Dotted keys of format 1 -> keys of format 2."""
_EACH_LR = "train.generator.lr and train.discriminator.lr"
_EACH_BETAS = "train.generator.betas and train.discriminator.betas"
ELSEWHERE = {
    **dict.fromkeys(("lr", "learning_rate", "lr_g", "lr_d"), _EACH_LR),
    **dict.fromkeys(("beta1", "beta2", "betas"), _EACH_BETAS),
    **dict.fromkeys(("epochs", "n_epochs", "num_epochs", "niter", "iterations", "max_steps", "steps"), "train.steps"),
    **dict.fromkeys(("batch", "batch_size", "bs"), "train.batch_size"),
    **dict.fromkeys(("image_size", "img_size", "resolution"), "data.size"),
    **dict.fromkeys(("dataset", "dataroot", "data_dir"), "data.spec"),
    **dict.fromkeys(("nz", "z_dim", "latent_dim"), "latent.dim"),
    **dict.fromkeys(("ngf", "ndf", "width"), "networks.generator.width and networks.discriminator.width"),
    **dict.fromkeys(("n_critic", "critic_iters"), "train.ratio"),
    **dict.fromkeys(("gp_weight", "lambda_gp"), "tricks.gp.weight"),
    **dict.fromkeys(("wandb", "tensorboard"), "train.tensorboard"),
    **dict.fromkeys(("device", "gpus", "ngpu"), "train.device"),
    **dict.fromkeys(("fp16", "amp", "bf16"), "train.precision"),
    **dict.fromkeys(("ema", "ema_decay"), "train.ema_decay"),
}
"""Keys of other programs -> keys of ganzoo, for messages about an unknown key."""


FOLDERS = {"cifar10/": "papers/cifar10/", "cifar10-cpu/": "cifar10-small/", "toy/": "mixtures/"}
"""Old -> new folder of recipes."""


def current_name(variant: str) -> str:
    """The current name of a variant whose folder was renamed; any other name unchanged."""
    old = next((folder for folder in FOLDERS if variant.startswith(folder)), "")
    return FOLDERS[old] + variant[len(old) :] if old else variant


def migrate(table: dict[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """A config `table` of format 1 with the names of format 2; a table of format 2 unchanged.

    `own` are dotted keys to keep: options of a plugin's backbone with the name of an old key.
    """
    if table.get("format", 1) != 1:
        return table
    found = _rename(table, own)
    if isinstance(variant := found.get("variant"), str):
        found["variant"] = current_name(variant)
    return found | {"format": FORMAT} if "format" in found else found


def _rename(table: dict[str, Any], own: Collection[str], where: str = "") -> dict[str, Any]:
    found = {}
    for key, value in table.items():
        path = f"{where}.{key}" if where else key
        new = key if path in own else RENAMED.get(path, path).rpartition(".")[2]
        if isinstance(value, dict):
            found[new] = migrate_flat(value, own) if path == "tune" else _rename(value, own, path)
        else:
            found[new] = _value(path, value)
    return found


def migrate_flat(settings: dict[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """Dotted `settings` of format 1, as in the results of a comparison, with the names of format 2; `own` as in `migrate`."""
    found = {}
    for key, value in settings.items():
        old = next((old for old in RENAMED if f"{key}.".startswith(f"{old}.") and old not in own), "")
        found[RENAMED[old] + key[len(old) :] if old else key] = _value(key, value)
    return found


def _value(path: str, value: Any) -> Any:
    return "error" if (path, value) == ("data.on_corrupt", "refuse") else value


def renamed_keys(table: dict[str, Any], own: Collection[str] = (), where: str = "") -> list[str]:
    """The dotted keys in `table` that format 2 renamed, except those in `own`."""
    found = []
    for key, value in table.items():
        path = f"{where}.{key}" if where else key
        if path in RENAMED and path not in own:
            found.append(path)
        elif isinstance(value, dict):
            found += renamed_keys(value, own, path)
    return found
