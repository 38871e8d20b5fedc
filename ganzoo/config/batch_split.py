"""Checks of a batch that is split over processes and micro-batches, and the config of each level of a pyramid."""

from collections.abc import Iterator
from math import prod

from ganzoo.config.schema import ResolvedConfig
from ganzoo.losses import LOSSES, Loss
from ganzoo.networks import BACKBONES
from ganzoo.networks.layers import norm_has
from ganzoo.registry import keywords, overrides
from ganzoo.tricks import Trick


def configured_loss(config: ResolvedConfig) -> Loss:
    """The loss of a resolved config, of which only attributes are read."""
    return LOSSES[config.loss["name"]](**keywords(config.loss))


def level_configs(config: ResolvedConfig) -> list[ResolvedConfig]:
    """For each finer level of a pyramid, the config in which this level's networks and loss are the only ones."""
    alone = []
    for level in config.networks.pyramid:
        own = {"generator": level.generator, "discriminator": level.discriminator, "pyramid": ()}
        networks = config.networks.model_copy(update={"name": level.discriminator["name"], **own})
        alone.append(config.model_copy(update={"loss": level.loss, "networks": networks}))
    return alone


def batch_coupled_parts(loss: Loss | type[Loss], tricks: list[Trick], unlabelled: int) -> list[str]:
    """Names of the parts that compare the samples of a batch, or take a mean over some of them."""
    some = unlabelled > 0 and "class_logits" in loss.heads  # the class term is a mean over labeled samples
    found = [f"loss {loss.name}"] if loss.couples_samples or some else []
    return found + [f"trick {trick.name}" for trick in tricks if trick.couples_samples]


def batch_split_incompatibilities(
    config: ResolvedConfig, tricks: list[Trick], unlabelled: int, processes: int = 1
) -> Iterator[str]:
    """Each reason why a batch cannot be split over `processes` and `train.gradient_accumulation` micro-batches in each."""
    train, loss = config.train, configured_loss(config)
    if train.sync_batch_norm and not train.device.startswith("cuda"):
        yield f"train.sync_batch_norm needs CUDA, but train.device is {train.device}; set train.sync_batch_norm=false"
    if processes * train.gradient_accumulation > 1:
        yield from _check_batch_division(config, tricks, processes)
        yield from _check_coupling(config, loss, tricks, unlabelled)
        for level in level_configs(config):
            yield from _check_coupling(level, configured_loss(level), tricks, unlabelled)
    if processes > 1:
        yield from _check_processes(config)
    yield from _check_single_sample_norm(config, tricks, processes)


def _check_batch_division(config: ResolvedConfig, tricks: list[Trick], processes: int) -> Iterator[str]:
    batch, parts = config.train.batch_size, processes * config.train.gradient_accumulation
    split = f"{processes} x {config.train.gradient_accumulation} parts (processes x train.gradient_accumulation)"
    if batch % parts:
        yield f"train.batch_size={batch} cannot be split into {split} of equal size; use a multiple of {parts}"
    for trick in tricks:
        if batch // parts % trick.batch_divisor:
            size = parts * trick.batch_divisor
            yield (
                f"trick {trick.name} needs {split} with a multiple of {trick.batch_divisor} images each; "
                f"set train.batch_size to a multiple of {size}"
            )


def _check_coupling(config: ResolvedConfig, loss: Loss, tricks: list[Trick], unlabelled: int) -> Iterator[str]:
    if config.networks.discriminator.get("minibatch_features", "none") != "none":
        yield (
            "minibatch features compare all samples of a batch, but D sees only a part of it here; "
            "set networks.discriminator.minibatch_features='none'"
        )
    penalties = [f"loss {loss.name}"] if loss.couples_samples and loss.has_penalty else []
    penalties += [f"trick {t.name}" for t in tricks if t.couples_samples and overrides(t, Trick, "d_terms")]
    if penalties:
        yield f"the penalty of {penalties[0]} uses a statistic of the whole batch, but D sees only a part of it here"
    if config.train.gradient_accumulation > 1 and (names := batch_coupled_parts(loss, tricks, unlabelled)):
        yield (
            f"{names[0]} compares the samples of a batch or takes a mean over some of them, so micro-batches would change its "
            "gradient; set train.gradient_accumulation=1 (several processes gather the batch)"
        )


def _check_processes(config: ResolvedConfig) -> Iterator[str]:
    if config.train.on_failure == "rollback":
        yield "train.on_failure='rollback' works with one process only; set train.on_failure='stop'"
    if config.train.device == "mps":
        yield "several processes cannot exchange tensors on MPS; start one process, or set train.device=cpu"
    if config.train.device.startswith("cuda:"):
        yield f"train.device={config.train.device!r} is one GPU for all processes; set train.device='cuda' for one per process"


def _check_single_sample_norm(config: ResolvedConfig, tricks: list[Trick], processes: int) -> Iterator[str]:
    # For one map, batch norm averages over the pixels; for one vector it has nothing to average.
    if BACKBONES[config.networks.name].data != "points":
        return
    drawn = config.train.batch_size // (processes * config.train.gradient_accumulation)
    seen = drawn // prod(trick.batch_divisor for trick in tricks)
    for name, table, at_once in (
        ("generator", config.networks.generator, drawn),
        ("discriminator", config.networks.discriminator, seen),
    ):
        norm = table.get("norm", "none")
        if at_once == 1 and norm_has(norm, "mixes_samples"):
            yield f"{norm} norm needs at least two vectors, but the {name} gets one at a time; raise train.batch_size"
