"""Checks for incompatible settings before training, each with the reason and a fix."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ganzoo.config.batch_split import batch_split_incompatibilities, configured_loss, level_configs
from ganzoo.config.schema import ResolvedConfig
from ganzoo.losses import LOSSES, Loss
from ganzoo.networks import BACKBONES, checkerboard
from ganzoo.networks.layers import norm_has
from ganzoo.registry import overrides
from ganzoo.schedules import as_schedule
from ganzoo.tricks import Trick
from ganzoo.tricks.base import Phase

FEW_IMAGES = 2000
"""Below this, D overfits early without augmentation (Karras et al. 2020, arXiv:2006.06676, fig. 1)."""


def incompatibilities(
    config: ResolvedConfig, tricks: list[Trick], unlabelled: int = 0, empty_classes: Sequence[str] = ()
) -> Iterator[str]:
    """Each reason why the parts of a resolved config do not work together or with the data.

    `unlabelled`: number of samples without a label; `empty_classes`: classes without samples.
    """
    loss, facts = configured_loss(config), config.dataset
    yield from _check_shapes(config, tricks)
    yield from _check_labels(config, loss, bool(facts and facts.class_names))
    yield from _check_encoder(config, loss)
    yield from _class_misfits(config, loss, empty_classes)
    yield from _check_unlabeled(config, unlabelled)
    yield from _check_minibatch_features(config)
    yield from _check_penalties(config, loss, tricks)
    yield from _check_tricks(config, loss, tricks)
    yield from _check_kernels(config)
    yield from _check_rates(config)
    yield from _check_pyramid(config, tricks)
    yield from batch_split_incompatibilities(config, tricks, unlabelled)


def _check_shapes(config: ResolvedConfig, tricks: list[Trick]) -> Iterator[str]:
    points = config.dataset.is_points
    if points and BACKBONES[config.networks.name].data == "images":
        yield f"the backbone {config.networks.name} is for images, but the data are points; set networks.name='mlp'"
    if points and config.data.flip:
        yield "data.flip mirrors images, but the data are points; set data.flip=false"
    if BACKBONES[config.networks.name].data == "points":
        for name, table in (("generator", config.networks.generator), ("discriminator", config.networks.discriminator)):
            if norm_has(norm := table.get("norm", "none"), "maps_only"):
                yield (
                    f"{norm} norm needs maps, but the backbone {config.networks.name} has vectors; "
                    f"set networks.{name}.norm='layer' or 'none'"
                )
    if config.networks.init == "fixup" and config.networks.discriminator.get("spectral_norm"):
        yield "spectral norm divides by 0 for the zero weights of networks.init='fixup'; set networks.init='he'"
    for trick in tricks:
        if points and trick.images_only:
            yield f"trick {trick.name} is for images, but the data are points; set tricks.{trick.name}=false"


def _check_labels(config: ResolvedConfig, loss: Loss, labelled: bool) -> Iterator[str]:
    g, d = (table.get("condition", "none") for table in (config.networks.generator, config.networks.discriminator))
    spec = config.data.spec
    if (loss.needs_labels or "class_logits" in loss.heads) and not labelled:
        yield f"loss {loss.name} needs labels, but the data {spec!r} have none; put each class into a separate sub-folder"
    if (g != "none" or d != "none") and not labelled:
        yield f"networks.*.condition needs labels, but the data {spec!r} have none; set both conditions to 'none'"
    if g == "batch-norm" and (norm := config.networks.generator.get("norm")) != "batch":
        yield (
            f"networks.generator.condition='batch-norm' needs batch norm, but the generator's norm is {norm!r}; "
            "set networks.generator.norm='batch' or condition='concat'"
        )
    if d in ("projection", "product") and "score" not in loss.heads:
        yield f"condition={d!r} changes D's score, but loss {loss.name} has no score; set condition='channels'"
    if d in ("channels", "plane") and "class_logits" in loss.heads:
        yield (
            f"loss {loss.name} trains D to predict the class, but condition={d!r} gives D the class as input; "
            "set networks.discriminator.condition='none' or 'projection'"
        )
    if loss.label_blind and g != "none":
        yield f"G cannot learn labels with loss {loss.name}, which ignores them; set both conditions to 'none'"
    elif g != "none" and d == "none" and not loss.needs_labels:
        yield (
            f"networks.generator.condition={g!r}, but with loss {loss.name} D neither gets nor predicts labels, so G would "
            "not learn them; set networks.discriminator.condition='channels', or the generator's to 'none'"
        )
    if loss.needs_labels and g == "none":
        yield f"loss {loss.name} needs a conditional generator; set networks.generator.condition='concat'"
    if d != "none" and g == "none":
        yield "a conditional discriminator needs a conditional generator; set networks.generator.condition='concat'"


def _check_encoder(config: ResolvedConfig, loss: Loss) -> Iterator[str]:
    if not loss.encodes:
        return
    g, prior = config.networks.generator, config.latent.distribution
    if prior != "gaussian":
        yield f"the encoder of loss {loss.name} needs Gaussian latents, not {prior}; set latent.distribution='gaussian'"
    if g.get("condition", "none") != "none":
        yield f"the encoder of loss {loss.name} takes no labels; set networks.generator.condition='none'"
    if g.get("norm") == "virtual":
        yield f"the encoder of loss {loss.name} has no reference batch for virtual norm; set networks.generator.norm='batch'"


def _class_misfits(config: ResolvedConfig, loss: Loss, empty_classes: Sequence[str]) -> Iterator[str]:
    names = config.dataset.class_names if config.dataset else ()
    tables = (config.networks.generator, config.networks.discriminator)
    conditional = any(table.get("condition", "none") != "none" for table in tables)
    if not names or not (conditional or loss.needs_labels or "class_logits" in loss.heads):
        return
    who = "a conditional network" if conditional else f"loss {loss.name}"
    if len(names) == 1:
        yield f"{who} needs at least two classes, but {names[0]!r} is the only one; {_more_classes(config, names[0])}"
    if empty_classes:
        yield f"{who} needs images of every class: {empty(config, empty_classes)}"


def _more_classes(config: ResolvedConfig, only: str) -> str:
    kind, _, path = config.data.spec.partition(":")
    inner = [each for each in (Path(path) / only, Path(path) / "train" / only) if kind == "folder" and each.is_dir()]
    if inner and any(entry.is_dir() for entry in inner[0].iterdir()):
        return f"did you mean folder:{inner[0]}?"
    return "add one to data.classes" if config.data.classes else "put each class into a separate folder"


def empty(config: ResolvedConfig, empty_classes: Sequence[str]) -> str:
    """A text that lists the classes without samples, with the likely fix."""
    names = config.dataset.class_names if config.dataset else ()
    shown = ", ".join(map(repr, empty_classes[:5])) + (", ..." if len(empty_classes) > 5 else "")
    text = f"{len(empty_classes)} of {len(names)} classes have no labeled image ({shown})"
    if list(empty_classes) == ["0"] and names == tuple(map(str, range(len(names)))):
        return f"{text}; if the labels start at 1, subtract 1"
    if lack := next((key for key in ("labelled", "max_images") if getattr(config.data, key) is not None), None):
        return f"{text}; raise data.{lack}"
    return f"{text}; remove them from the class names, or number the labels without gaps"


def _check_unlabeled(config: ResolvedConfig, unlabelled: int) -> Iterator[str]:
    if unlabelled and config.networks.discriminator.get("condition", "none") != "none":
        yield (
            f"a conditional discriminator needs the class of every real, but {unlabelled} of {config.data.spec!r} have none; "
            "set networks.discriminator.condition='none', or remove data.labelled"
        )


def _check_minibatch_features(config: ResolvedConfig) -> Iterator[str]:
    # Unlike the standard deviation, it is a sum over the batch: D would get larger sums in G's steps than in its training.
    if (
        config.networks.discriminator.get("minibatch_features") == "discrimination"
        and config.train.g_batch_multiple != 1
    ):
        yield (
            "minibatch discrimination sums over the batch, but train.g_batch_multiple gives G a different batch size than D; "
            "set train.g_batch_multiple=1 or networks.discriminator.minibatch_features='stddev'"
        )


def _check_penalties(config: ResolvedConfig, loss: Loss, tricks: list[Trick]) -> Iterator[str]:
    users = [f"loss {loss.name}"] if loss.per_sample_gradients else []
    users += [f"trick {trick.name}" for trick in tricks if trick.per_sample_gradients]
    norm = config.networks.discriminator.get("norm", "none")
    if users and norm_has(norm, "mixes_samples"):
        yield (
            f"{users[0]} takes the gradient of D per sample, but {norm} norm in D mixes samples; "
            "set networks.discriminator.norm='layer' or 'none'"
        )
    if users and config.networks.discriminator.get("minibatch_features", "none") != "none":
        yield (
            f"{users[0]} takes the gradient of D per sample, but minibatch features mix samples; "
            "set networks.discriminator.minibatch_features='none'"
        )


def _check_tricks(config: ResolvedConfig, loss: Loss, tricks: list[Trick]) -> Iterator[str]:
    conditional = config.networks.discriminator.get("condition", "none") != "none"
    for trick in tricks:
        name = trick.name
        yield from trick_conflicts(loss, type(trick))
        if config.train.batch_size % trick.batch_divisor:
            divisor, batch = trick.batch_divisor, config.train.batch_size
            yield f"trick {name} needs a batch size that is a multiple of {divisor}, but train.batch_size is {batch}"
        if trick.subtracts_scores and config.train.precision != "float32":
            yield f"trick {name} subtracts nearly equal scores, for which bf16 is too coarse; set train.precision='float32'"
        if trick.drops_labels and conditional:
            yield f"trick {name} removes D's labels; set networks.discriminator.condition='none'"


def trick_conflicts(loss: Loss | type[Loss], trick: type[Trick]) -> Iterator[str]:
    """Each reason why a loss and a trick do not work together, for any settings."""
    name = trick.name
    if name in loss.penalties:
        yield f"loss {loss.name} already has the penalty {name}; set tricks.{name}=false"
    if misled := set(trick.excludes) & set(loss.heads):
        yield f"trick {name} would train D's {' and '.join(sorted(misled))} wrongly, which loss {loss.name} needs"
    kind = loss if isinstance(loss, type) else type(loss)
    if trick.replaces_d and kind.after_g_step is not Loss.after_g_step:
        yield f"trick {name} has a copy of D judge G, but loss {loss.name} reads D's own output after G's step"
    if missing := set(trick.heads) - set(loss.heads):
        yield f"trick {name} needs D's {' and '.join(sorted(missing))}, but loss {loss.name} has no such output"


def _check_kernels(config: ResolvedConfig) -> Iterator[str]:
    # D's table has an upsample key if it reconstructs images.
    for name, table in (("generator", config.networks.generator), ("discriminator", config.networks.discriminator)):
        kernel = table.get("kernel") if table.get("upsample") == "convtranspose" else None
        if kernel and config.networks.strict_kernel and (unevenness := checkerboard(kernel)):
            yield (
                f"networks.{name}.kernel={kernel} is not divisible by the stride 2, so the transposed convolutions cause "
                f"checkerboard artifacts (overlaps differ by {unevenness:.0%}); use kernel 4"
            )


def _check_rates(config: ResolvedConfig) -> Iterator[str]:
    for player in ("generator", "discriminator"):
        if config.train.lr_decay_steps and as_schedule(getattr(config.train, player).get("lr")):
            yield f"train.lr_decay_steps and the schedule of train.{player}.lr both change it; set train.lr_decay_steps=0"


def _check_pyramid(config: ResolvedConfig, tricks: list[Trick]) -> Iterator[str]:
    levels, size = config.networks.pyramid, config.dataset.shape[1]
    if not levels:
        return
    if config.dataset.is_points:
        yield "networks.pyramid is for images, but the data are points; set networks.pyramid=[]"
    if size % 2 ** len(levels):
        yield (
            f"a pyramid of {1 + len(levels)} levels needs an image size divisible by {2 ** len(levels)}, not {size}; "
            "set data.size or remove levels from networks.pyramid"
        )
    for trick in tricks:
        if trick.images_only or trick.batch_divisor > 1 or joins_levels(trick):
            yield (
                f"trick {trick.name} needs one image and one score per sample, but networks.pyramid has one for each level; "
                f"set tricks.{trick.name}=false (gradient penalties: choose a loss that has one)"
            )
    yield from _check_pyramid_losses(config)
    for number, level in enumerate(level_configs(config)):
        for reason in _check_level(config, level, tricks):
            yield reason.replace("networks.", f"networks.pyramid[{number}].")


def joins_levels(trick: Trick) -> bool:
    """True if a trick would mix the levels of a pyramid: in a norm of D's slope, distances of images or a statistic."""
    norm = trick.phase in (Phase.SLOPE_BETWEEN, Phase.SLOPE_AROUND)
    return (
        norm or trick.compares_images or overrides(trick, Trick, "judged_terms") or overrides(trick, Trick, "g_batch")
    )


def _check_pyramid_losses(config: ResolvedConfig) -> Iterator[str]:
    for name in dict.fromkeys([config.loss["name"], *(level.loss["name"] for level in config.networks.pyramid)]):
        if LOSSES[name].heads != ("score",) or LOSSES[name].needs_labels or LOSSES[name].encodes:
            yield f"loss {name} needs more than D's score, but each level of a pyramid gives a score only; choose another"
        if LOSSES[name].trainer:
            yield f"loss {name} has its own trainer, but the levels of a pyramid are trained by one; choose another"


def _check_level(config: ResolvedConfig, level: ResolvedConfig, tricks: list[Trick]) -> Iterator[str]:
    loss, networks = configured_loss(level), level.networks
    if (networks.generator["condition"] == "none") != (config.networks.generator["condition"] == "none"):
        yield "networks.generator.condition: all levels of a pyramid take labels or none does; set it alike"
    if BACKBONES[networks.name].data == "points" and norm_has(norm := networks.discriminator["norm"], "maps_only"):
        yield f"{norm} norm needs maps, but {networks.name} has vectors; set networks.discriminator.norm='layer' or 'none'"
    yield from _check_labels(level, loss, bool(config.dataset.class_names))
    yield from _check_minibatch_features(level)
    yield from _check_penalties(level, loss, tricks)
    yield from _check_tricks(level, loss, tricks)


def few_images_warning(config: ResolvedConfig) -> str:
    """A warning if D can memorize the training images; empty for data with augmentation, and for points."""
    count, points = config.dataset.count, config.dataset.is_points
    if count >= FEW_IMAGES or points or config.tricks.keys() & {"ada", "augment"}:
        return ""
    return f"{count:,} images are few: D may memorize them; --set tricks.augment=true augments what D sees"
