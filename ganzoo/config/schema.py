"""The config schema, with strict keys. It knows no loss, network or trick by name.

The keys of a named part (`[loss]`, `[networks.generator]`, `[tricks.r1]`, `[train.discriminator]`) are not listed here. They
are the keyword arguments of that part, and `ganzoo.config.resolve` checks them against its signature.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from ganzoo.batch import is_point_shape
from ganzoo.config.tables import Table, flatten
from ganzoo.schedules import Weight

STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Section(BaseModel):
    """A table of the config; an unknown key is an error."""

    model_config = STRICT | ConfigDict(use_attribute_docstrings=True)  # `ganzoo config` prints them


class Data(Section):
    """The training data; `None` = the default of the source."""

    spec: str = "digits"
    """Training data: a name (digits, mnist, cifar10, ...), folder:PATH, npz:PATH or hf:NAME."""
    size: PositiveInt | None = None
    """Height and width of an image, in pixels; none = the source's own."""
    channels: Literal[1, 3] | None = None
    """1 for gray, 3 for RGB; none = the source's own."""
    crop: Literal["center", "pad"] = "center"
    """Keep the middle square of an image, or (pad) all of it between borders of its edge color."""
    flip: bool = False
    """Mirror training images horizontally at random."""
    classes: tuple[str | int, ...] | None = None
    """Train on these classes only, by name or number (a resolved config has the names); none = all."""
    max_images: PositiveInt | None = None
    """Use at most this number of images, evenly spaced; none = all."""
    labelled: PositiveInt | None = None
    """Number of images that keep their label (semi-supervised training); none = all."""
    labelled_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Fraction of the drawn images that are labelled, by repeating the labelled ones."""
    on_corrupt: Literal["error", "skip"] = "error"
    """Refuse a corrupt image file, or skip it."""


class LatentSpace(Section):
    """The distribution of the latent z."""

    dim: PositiveInt = 100
    """Length of the latent vector z."""
    distribution: Literal["gaussian", "uniform", "sphere"] = "gaussian"
    """Distribution of z: N(0, I), U[-1, 1) per axis, or uniform on the sphere of radius sqrt(dim)."""


class PyramidLevel(Section):
    """One level of a Laplacian pyramid above the coarsest (Denton et al. 2015, arXiv:1506.05751)."""

    generator: Table = {}
    discriminator: Table = {"name": "dcgan"}
    """Backbone of this level's D, and its options; those of networks.discriminator."""
    loss: Table = {}
    """Loss of this level, with a score; empty = the table [loss], which is the coarsest level's."""
    low_pass: bool = False
    """Give D the low-pass image too, as extra channels; the paper's D sees only its sum with the coefficients."""
    noise: Annotated[float, Field(ge=0)] = 0.0
    """Standard deviation of Gaussian noise on the low-pass images in training; pixels are in [-1, 1]."""


class Networks(Section):
    """Both networks, on one backbone; the two tables have the keyword arguments of its parts."""

    name: str = "dcgan"
    """Backbone of both networks."""
    init: Literal["normal", "orthogonal", "he", "fixup"] | None = None
    """Weight initialization; none = the backbone's own."""
    strict_kernel: bool = False
    """Refuse a transposed convolution whose kernel is not divisible by its stride (checkerboard patterns)."""
    generator: Table = {}
    discriminator: Table = {}
    pyramid: tuple[PyramidLevel, ...] = ()
    """Finer levels of a Laplacian pyramid, finest first; the tables above are the coarsest level. Empty = no pyramid."""


class Warmup(Section):
    """WGAN's schedule: more D steps at the start and every `every` G steps (Arjovsky's code: 100, 25, 500)."""

    d_steps: PositiveInt = 100
    """D steps per G step while the critic warms up."""
    first: PositiveInt = 25
    """Warm up during this number of G steps at the start."""
    every: PositiveInt = 500
    """After that, warm up in one G step of this many."""


class Thresholds(Section):
    """Extra steps of a player while its loss is above a threshold; off by default and discouraged (ganhacks, tip 11)."""

    d: float | None = None
    """D steps again while its loss is above this value; none = never."""
    g: float | None = None
    """G steps again while its loss is above this value; none = never."""
    most: PositiveInt = 5
    """Maximum number of further steps of a player in one training step."""


class Train(Section):
    """Training settings. One training step is one G step (more with `loss_thresholds`) and its D steps."""

    @field_validator("ratio", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value) if type(value) in (int, float) else value

    steps: PositiveInt = 2000
    """Length of the training, in training steps (one G step each)."""
    batch_size: PositiveInt = 64
    """Images per batch."""
    g_batch_multiple: PositiveInt = 1
    """Size of G's batch as a multiple of D's."""
    gradient_accumulation: PositiveInt = 1
    """Micro-batches per batch: more need less memory and give the same gradients."""
    sync_batch_norm: bool = False
    """Take batch-norm statistics over the batches of all processes (CUDA only)."""
    ratio: str = "1:1"
    """D steps : G steps, as in "5:1", "1:2" or "1.5"."""
    critic_warmup: Warmup | None = None
    """More D steps at the start and at intervals (WGAN's schedule); none = off."""
    loss_thresholds: Thresholds = Thresholds()
    discriminator: Table = {"name": "adam"}
    generator: Table = {"name": "adam"}
    lr_decay_steps: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """Both learning rates fall linearly to 0 over this number of steps; all = `train.steps`, 0 = constant."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay per step of the exponential moving average of G, which is sampled and released; 0 = G itself."""
    ema_half_life: Weight | None = None
    """Half-life of that average in images (steps x batch_size), in place of `ema_decay`; 0 = G itself, none = `ema_decay`."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Literal["float32", "bf16", "auto"] = "float32"
    """Precision of the networks; auto times both once and keeps the faster."""
    penalty_precision: Literal["float32", "bf16", "same"] = "float32"
    """Precision of D in gradient penalties, which differentiate twice; same = `train.precision`. Norms stay in float32."""
    cuda_graphs: bool = False
    """Launch each player's step as one CUDA graph where that is possible."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """CPU threads; 0 = auto: one per free core, recorded when the run is created."""
    log_every: PositiveInt = 20
    """Steps between two records of the log (metrics.jsonl)."""
    sample_every: PositiveInt = 250
    """Steps between two sample grids."""
    save_every: PositiveInt = 250
    """Steps between two saved training states."""
    tensorboard: bool = False
    """Also write the log for TensorBoard, into RUN/tensorboard (extra: tensorboard)."""
    eval_every: Annotated[int, Field(ge=0)] = 0
    """Steps between two quick scores of the samples; 0 = never."""
    eval_metric: Literal["kid", "fid"] = "kid"
    """Metric of the quick scores."""
    eval_samples: Annotated[int, Field(ge=2)] = 1000
    """Samples per quick score."""
    on_failure: Literal["warn", "stop", "rollback"] = "warn"
    """Reaction when D has won; NaN and infinity always stop the run, after any rollbacks."""
    rollbacks: PositiveInt = 3
    """Maximum number of rollbacks."""
    rollback_lr_factor: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Each rollback multiplies both learning rates by this factor."""


class DatasetInfo(Section):
    """Properties of a run's data; they must be the same at a resume."""

    name: str
    """Name of the dataset."""
    digest: str
    """SHA-256 of the prepared images and labels."""
    count: PositiveInt
    """Number of training images."""
    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    """(channels, height, width) of a sample; points of the plane are (2, 1, 1)."""
    class_names: tuple[str, ...]
    """Name of each class; empty without labels."""
    licence: str = ""
    """License of the data, where the source states one."""

    @property
    def is_points(self) -> bool:
        """True if the samples are 2D points, (2, 1, 1)."""
        return is_point_shape(self.shape)


class Config(Section):
    """All settings of a run, as written by its author; see `ResolvedConfig` for the complete form."""

    format: Literal[2] = 2
    """Version of these keys."""
    variant: str = "custom"
    """Name of the recipe; part of the default run folder."""
    about: str = ""
    """One line about the recipe, for lists and model cards."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights, data order, latents and noise."""
    data: Data = Data()
    latent: LatentSpace = LatentSpace()
    loss: Table = {"name": "nsgan"}
    networks: Networks = Networks()
    tricks: dict[str, Table | bool] = {}
    train: Train = Train()
    dataset: DatasetInfo | None = None
    """Facts about the training data, written by ganzoo; a resume must find the same."""


class ResolvedConfig(Config):
    """A config with all defaults and `auto` values resolved and the properties of its data, as kept by runs and releases."""

    dataset: DatasetInfo


DEFAULTS: Table = Config().model_dump(mode="json")

AnyConfig = TypeVar("AnyConfig", bound=Config)


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
