"""The config schema, with strict keys. It knows no loss, network or trick by name.

The keys of a named part (`[loss]`, `[networks.generator]`, `[tricks.r1]`, `[train.discriminator]`) are not listed here. They
are the keyword arguments of that part, and `ganzoo.config.resolve` checks them against its signature with `parse`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from inspect import Parameter
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, create_model, field_validator

from ganzoo.batch import is_point_shape
from ganzoo.config.migrate import RENAMED
from ganzoo.errors import InputError, unknown_name
from ganzoo.json_io import lowercase_first, shorten

Table = dict[str, Any]

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

MAX_INT = 2**31 - 1
"""Upper bound on integer settings (seeds excepted): the product of two still fits int64."""


class Section(BaseModel):
    """A table of the config; an unknown key is an error."""

    model_config = STRICT


class Data(Section):
    """The training data; `None` = the default of the source."""

    spec: str = "digits"  # data set name, folder or file, as for --data
    size: PositiveInt | None = None  # height and width in pixels
    channels: Literal[1, 3] | None = None  # 1 = grayscale, 3 = color
    flip: bool = False  # random horizontal flips
    classes: tuple[str | int, ...] | None = None  # a subset, by name or number; a resolved config has the names
    max_images: PositiveInt | None = None  # use at most this number of images
    labelled: PositiveInt | None = None  # number of images that keep their label
    labelled_share: Annotated[float, Field(gt=0, lt=1)] | None = (
        None  # share of labeled images in a batch, by repetition
    )
    on_corrupt: Literal["error", "skip"] = "error"  # for images that cannot be read


class LatentSpace(Section):
    """The distribution of the latent z."""

    dim: PositiveInt = 100
    distribution: Literal["gaussian", "uniform", "sphere"] = "gaussian"


class Networks(Section):
    """Both networks, on one backbone; the two tables have the keyword arguments of its parts."""

    name: str = "dcgan"  # backbone
    init: Literal["normal", "orthogonal", "he"] | None = None  # None = the backbone's default
    strict_kernel: bool = False  # refuse transposed convolutions with a kernel size not divisible by the stride
    generator: Table = {}
    discriminator: Table = {}


class Warmup(Section):
    """WGAN's schedule: more D steps at the start and every `every` G steps (Arjovsky's code: 100, 25, 500)."""

    d_steps: PositiveInt = 100  # D steps per G step in the warm-up
    first: PositiveInt = 25  # G steps with the warm-up at the start
    every: PositiveInt = 500  # G steps between later warm-up steps


class Thresholds(Section):
    """Extra steps of a player while its loss is above a threshold; off by default and discouraged (ganhacks, tip 11)."""

    d: float | None = None  # threshold of D's loss; None = off
    g: float | None = None  # threshold of G's loss; None = off
    most: PositiveInt = 5  # largest number of extra steps of a player in one training step


class Train(Section):
    """Training settings. One training step is one G step (more with `loss_thresholds`) and its D steps."""

    @field_validator("ratio", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if type(value) in (int, float) else value

    steps: PositiveInt = 2000  # training steps
    batch_size: PositiveInt = 64  # images
    g_batch_multiple: PositiveInt = 1  # G's batch size as a multiple of D's
    gradient_accumulation: PositiveInt = 1  # micro-batches per batch
    sync_batch_norm: bool = False  # batch norm statistics over all processes; CUDA only
    ratio: str = "1:1"  # D steps : G steps
    critic_warmup: Warmup | None = None
    loss_thresholds: Thresholds = Thresholds()
    discriminator: Table = {"name": "adam"}
    generator: Table = {"name": "adam"}
    lr_decay_steps: Annotated[int, Field(ge=0)] = 0  # steps of a linear decay of both learning rates to 0; 0 = constant
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999  # decay of G's moving average; 0 = a copy of G
    device: str = "auto"  # auto, cpu, cuda, cuda:N, mps
    precision: Literal["float32", "bf16", "auto"] = "float32"  # of the networks; auto = the faster one, measured once
    cuda_graphs: bool = False  # run each player's step as one CUDA graph, if possible
    threads: Annotated[int, Field(ge=0, le=1024)] = 0  # 0 = auto: one per free core, saved when the run is created
    log_every: PositiveInt = 20  # steps
    sample_every: PositiveInt = 250  # steps
    save_every: PositiveInt = 250  # steps
    tensorboard: bool = False  # also log to TensorBoard
    eval_every: Annotated[int, Field(ge=0)] = 0  # steps between scores during training; 0 = off
    eval_metric: Literal["kid", "fid"] = "kid"
    eval_samples: Annotated[int, Field(ge=2)] = 1000  # generated images per score
    on_failure: Literal["warn", "stop", "rollback"] = (
        "warn"  # if D has won; NaN and infinity always stop, after any rollbacks
    )
    rollbacks: PositiveInt = 3  # largest number of rollbacks
    rollback_lr_factor: Annotated[float, Field(gt=0, le=1)] = 0.5  # factor on both learning rates at each rollback


class DatasetInfo(Section):
    """Properties of a run's data; they must be the same at a resume."""

    name: str
    digest: str
    count: PositiveInt
    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    class_names: tuple[str, ...]
    licence: str = ""

    @property
    def is_points(self) -> bool:
        """True if the samples are 2D points, (2, 1, 1)."""
        return is_point_shape(self.shape)


class Config(Section):
    """All settings of a run, as written by its author; see `ResolvedConfig` for the complete form."""

    format: Literal[2] = 2
    variant: str = "custom"
    about: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    data: Data = Data()
    latent: LatentSpace = LatentSpace()
    loss: Table = {"name": "nsgan"}
    networks: Networks = Networks()
    tricks: dict[str, Table | bool] = {}
    train: Train = Train()
    dataset: DatasetInfo | None = None


class ResolvedConfig(Config):
    """A config with all defaults and `auto` values resolved and the properties of its data, as kept by runs and releases."""

    dataset: DatasetInfo


DEFAULTS: Table = Config().model_dump(mode="json")

Model = TypeVar("Model", bound=BaseModel)
AnyConfig = TypeVar("AnyConfig", bound=Config)


def parse(model: type[Model], table: Mapping[str, Any], where: str = "") -> Model:
    """`table` as a strictly typed `model`; raises `InputError` with the key and, for a misspelt key, the nearest valid one."""
    _check_keys(model, table, where)
    try:
        # Through JSON, because TOML's arrays must be valid tuples, but "3" must not be a valid 3.
        parsed = model.model_validate_json(as_json(table), strict=True)
    except ValidationError as error:
        raise InputError("; ".join(_line(e, where) for e in error.errors()[:3])) from None
    _check_numbers(table, where)
    return parsed


def as_json(table: Mapping[str, Any]) -> str:
    """`table` as JSON; raises `InputError` for values that JSON cannot hold, which only a program can pass."""
    try:
        return json.dumps(table, default=str)
    except (TypeError, ValueError, RecursionError):
        words = (
            "a key is not a string, a number has thousands of digits, or tables are nested too deeply or in themselves"
        )
        raise InputError(f"the settings cannot be written as JSON: {words}") from None


def parameters_model(name: str, parameters: Iterable[Parameter]) -> type[BaseModel]:
    """A schema with the annotations and defaults of the keyword-only parameters of a signature."""
    keywords = (p for p in parameters if p.kind is Parameter.KEYWORD_ONLY)
    fields: dict[str, Any] = {p.name: (annotation(p), ... if p.default is p.empty else p.default) for p in keywords}
    return create_model(name, __config__=STRICT, **fields)


def annotation(parameter: Parameter) -> Any:
    """The annotation of a parameter; without one, the type of its default, or Any."""
    if parameter.annotation is not parameter.empty:
        return parameter.annotation
    return Any if parameter.default in (None, parameter.empty) else type(parameter.default)


def _check_keys(model: type[BaseModel], table: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in model.model_fields and (new := RENAMED.get(join_path(where, key))):
            raise InputError(f"the config key {join_path(where, key)} is now called {new}")
        if key not in model.model_fields:
            raise unknown_name(
                "config key", join_path(where, key), [join_path(where, field) for field in model.model_fields]
            )
        inner = model.model_fields[key].annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and isinstance(value, dict):
            _check_keys(inner, value, join_path(where, key))


def _check_numbers(table: Mapping[str, Any], where: str) -> None:
    for key, value in flatten(dict(table), where).items():
        if type(value) is int and value > MAX_INT and key != "seed":
            raise InputError(f"{key}: input should be less than or equal to {MAX_INT}")


def join_path(where: str, key: str) -> str:
    """The dotted path of `key` within the table at `where`."""
    return f"{where}.{key}" if where else key


def _line(error: Any, where: str) -> str:
    # The path of a union's error ends in a tag ("int", "constrained-str"), which is not a key.
    keys = [str(part) for part in error["loc"] if isinstance(part, int) or str(part).isidentifier()]
    path = join_path(where, ".".join(key for key in keys if key not in ("int", "str", "bool", "float", "dict")))
    return f"{path.strip('.')}: {lowercase_first(error['msg'])}, not {shorten(error['input'])}"


def parse_ratio(text: str) -> Fraction:
    """D steps per G step from "5:1", "1:2" or "1.5"; raises `InputError` otherwise."""
    d, _, g = text.partition(":")
    # Checked before conversion, because the integer of "1e9999999" takes minutes to compute.
    too_long = len(text) > 60 or re.search(r"e[-+]?\d{3}", text.replace("_", ""), re.IGNORECASE)
    try:
        value = Fraction(0) if too_long else Fraction(d) / Fraction(g or 1)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not Fraction(1, MAX_INT) <= value <= MAX_INT:
        raise InputError(f"train.ratio: expected D:G such as '5:1', '1:2' or '1.5', not {text[:60]!r}")
    return value


def with_train(config: AnyConfig, **values: Any) -> AnyConfig:
    """`config` with changed values in `[train]`, unchecked."""
    return config.model_copy(update={"train": config.train.model_copy(update=values)})


def with_class_names(config: ResolvedConfig) -> ResolvedConfig:
    """`config` with names instead of numbers in `data.classes`, which keep their meaning if the data change."""
    if config.data.classes is None:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"classes": config.dataset.class_names})})


def config_diff(old: Config, new: Config) -> list[str]:
    """The keys in which two configs differ, as `key: old -> new`."""
    before, after = flatten(old.model_dump(mode="json")), flatten(new.model_dump(mode="json"))
    keys = sorted(before.keys() | after.keys())
    return [f"{k}: {before.get(k)!r} -> {after.get(k)!r}" for k in keys if before.get(k) != after.get(k)]


def flatten(table: Table, where: str = "") -> Table:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: Table = {}
    for key, value in table.items():
        path = join_path(where, key)
        found |= flatten(value, path) if isinstance(value, dict) and value else {path: value}
    return found
