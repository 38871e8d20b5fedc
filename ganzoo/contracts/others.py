"""Checks of optimizers, metrics, extractors and data sources."""

import inspect
import math
import re

import torch
from torch import Tensor, nn, optim

from ganzoo.contracts.base import Check, check_settings, require, settings_of
from ganzoo.contracts.training import check_resume
from ganzoo.data import SOURCES, Dataset, find_source, load
from ganzoo.evaluation import EXTRACTORS, METRICS
from ganzoo.evaluation.extractor import Extractor, find_extractor
from ganzoo.evaluation.features import Features
from ganzoo.optimizers import OPTIMIZERS, lay_as_weights

SAMPLES = 300


def drawn(n: int, size: int, seed: int) -> Tensor:
    """(n, size) N(0, 1) numbers, the same at every call."""
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def settings_are_keywords(name: str) -> None:
    """Settings are keywords with types and defaults, after the weights."""
    check_settings(settings_of(OPTIMIZERS[name])[1:])


def descends(name: str) -> None:
    """A step lowers a smooth function."""
    weight = nn.Parameter(torch.linspace(-1, 1, 9))
    optimizer = OPTIMIZERS[name]([weight])
    require(
        isinstance(optimizer, optim.Optimizer), f"returns {type(optimizer).__name__}, expected a torch.optim.Optimizer"
    )
    before = weight.detach().clone()
    weight.square().sum().backward()
    optimizer.step()
    require(weight.isfinite().all() and weight.square().sum() < before.square().sum(), "a step raises sum(w^2)")


def state_takes_the_format_of_weights(name: str) -> None:
    """The optimizer's state can take the memory format of its weights without a change of numbers."""
    weight = nn.Parameter(drawn(4, 27, 0).view(4, 3, 3, 3).contiguous(memory_format=torch.channels_last))
    momentum = {"momentum": 0.9} if "momentum" in inspect.signature(OPTIMIZERS[name]).parameters else {}
    optimizer = OPTIMIZERS[name]([weight], **momentum)
    weight.grad = drawn(4, 27, 1).view(4, 3, 3, 3)
    optimizer.step()
    state = optimizer.state[weight]
    before = {key: value.clone() for key, value in state.items() if isinstance(value, Tensor)}
    require(len(before) == len(state), "the state holds values other than tensors, which no training state saves")
    state.update({key: value.contiguous() for key, value in state.items()})
    lay_as_weights(optimizer)
    for key, value in before.items():
        like_weight = not value.ndim or state[key].stride() == weight.stride() or value.shape != weight.shape
        require(torch.equal(state[key], value) and like_weight, f"state {key!r} changes with the memory format")


def optimizer_trains(name: str) -> None:
    """Two steps on digits, and a resume after the first has the same bytes."""
    check_resume({"train": {player: {"name": name} for player in ("generator", "discriminator")}})


def value_has_the_metrics_name(name: str) -> None:
    """The metric gives a finite value under its name."""
    found = METRICS[name].compute(*feature_sets(torch.arange(SAMPLES)))
    require(name in found, f"returns {[*found]}, expected the key {name!r}")
    require(math.isfinite(found[name].value), f"the value is {found[name].value}")


def order_changes_nothing(name: str) -> None:
    """The order of samples changes nothing."""
    order = torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(5))
    one, other = (METRICS[name].compute(*feature_sets(rows))[name] for rows in (torch.arange(SAMPLES), order))
    require(math.isclose(one.value, other.value, rel_tol=1e-6), f"{one.value} becomes {other.value} in another order")
    same = one.spread == other.spread or math.isclose(one.spread or 0, other.spread or 0, rel_tol=1e-6)
    require(same, f"the spread {one.spread} becomes {other.spread} in another order")


def smallest_set_is_enough(name: str) -> None:
    """`least` samples and `least_real` real images are enough."""
    samples, real = feature_sets(torch.arange(SAMPLES))
    metric = METRICS[name]
    found = metric.compute(samples.first(metric.least), real.first(max(metric.least_real, 1)))
    sizes = f"{metric.least} samples and {metric.least_real} real images"
    require(name in found, f"no value for {sizes}; raise `least` or `least_real`")
    require(math.isfinite(found[name].value), f"{found[name].value} for {sizes}; raise `least` or `least_real`")


def feature_sets(rows: Tensor) -> tuple[Features, Features]:
    """Samples, in the order of `rows`, and real images and held-out ones, with features of size 4 and three classes."""
    ours, theirs = drawn(SAMPLES, 4, 0) + 0.3, drawn(SAMPLES, 4, 1)
    logits, bands, labels = drawn(SAMPLES, 3, 2), drawn(SAMPLES, 3, 3).abs(), torch.arange(SAMPLES) % 3
    images = Dataset.from_tensor(drawn(SAMPLES, 256, 5).view(-1, 1, 16, 16).clamp(-1, 1), labels, ["a", "b", "c"])
    samples = Features(ours[rows], logits[rows], bands[rows], labels[rows], images=images.take(rows.numpy()))
    held = Features(drawn(SAMPLES, 4, 4), logits, bands, labels)
    return samples, Features(theirs, logits, bands.flip(0) + 1, labels, held, images)


def extractor_reads_images(name: str) -> None:
    """Features are (N, F), finite and the same at every call, for 28 and 32 pixels."""
    if not (extractor := opened(name)):
        return
    require(re.fullmatch("[0-9a-f]{64}", extractor.sha256), f"sha256 is {extractor.sha256!r}, expected 64 hex digits")
    sizes = []
    for side in (28, 32):
        images = drawn(4, extractor.channels * side * side, 0).clamp(-1, 1).view(4, -1, side, side)
        read, again = extractor(images), extractor(images)
        where = f"images {tuple(images.shape)}"
        require(read.features.ndim == 2 and len(read.features) == 4, f"{where}: features {tuple(read.features.shape)}")
        require(read.logits.ndim == 2 and len(read.logits) == 4, f"{where}: logits {tuple(read.logits.shape)}")
        require(read.features.isfinite().all(), f"{where}: features are not finite")
        require(torch.equal(read.features, again.features), f"{where}: features change; call .eval()")
        require(len(extractor.class_names) in (0, read.logits.shape[1]), f"{len(extractor.class_names)} class names")
        sizes.append(read.features.shape[1])
    require(sizes[0] == sizes[1], f"{sizes[0]} features at 28 pixels, {sizes[1]} at 32")


def opened(name: str) -> Extractor | None:
    """The extractor; None if it takes a file, which a check does not have."""
    return None if inspect.signature(EXTRACTORS[name]).parameters else find_extractor(name)


def gives_the_same_data_each_time(name: str) -> None:
    """The source gives the same images and labels each time, of the size that it states; splits differ."""
    if re.search(r"[:]\w", SOURCES[name].usage):  # an argument that a check does not have
        return
    kind = find_source(name)
    one, again = (load(name, max_images=20, quiet=True) for _ in range(2))
    require(one.digest == again.digest, "two reads differ; the draw must depend on nothing but the split")
    shape = (2, 1, 1) if kind.points else (kind.channels, kind.size, kind.size)
    require(one.shape == shape, f"shape {one.shape}, expected {shape}")
    labels = [] if one.labels is None else one.labels.tolist()
    require({*labels} <= {*range(one.classes)}, f"labels {sorted({*labels})} for {one.classes} classes")
    if "test" in kind.splits:
        require(
            load(name, split="test", quiet=True).digest != load(name, quiet=True).digest, "test and train are the same"
        )


OPTIMIZER_CHECKS: tuple[Check, ...] = (
    settings_are_keywords,
    descends,
    state_takes_the_format_of_weights,
    optimizer_trains,
)
METRIC_CHECKS: tuple[Check, ...] = (value_has_the_metrics_name, order_changes_nothing, smallest_set_is_enough)
EXTRACTOR_CHECKS: tuple[Check, ...] = (extractor_reads_images,)
SOURCE_CHECKS: tuple[Check, ...] = (gives_the_same_data_each_time,)
