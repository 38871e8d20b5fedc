"""Configs from variants, the user's TOML files and kept configs."""

import tomllib
import warnings
from functools import reduce
from pathlib import Path

from ganzoo.config.migrate import RENAMED, current_name, renamed_keys
from ganzoo.config.other_backbone import on_backbone, on_points
from ganzoo.config.overrides import check_tables, checked
from ganzoo.config.parsing import parse
from ganzoo.config.resolve import backbone_keys, in_this_format, load_config
from ganzoo.config.schema import DEFAULTS, AnyConfig, Config, Data
from ganzoo.config.tables import Table, merge
from ganzoo.data import find_source, makes_points
from ganzoo.errors import InputError, unknown_name
from ganzoo.losses import LOSSES

SOURCES = (Path(__file__).parents[1] / "zoo_configs", Path(__file__).parents[2] / "zoo_configs")
"""Folders with variants: in an installed package, then in a checkout."""

LOSS_RECIPE = "nsgan"
"""The variant whose recipe a loss without one takes."""


def variants() -> dict[str, Path]:
    """Every bundled variant: name (`wgan-gp`, `papers/cifar10/wgan-gp`) -> file."""
    found: dict[str, Path] = {}
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.toml"), key=lambda path: (path.parent != folder, path)):
            found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def config_layers(variant: str, extended_by: tuple[Path, ...] = ()) -> list[Table]:
    """The bundled recipe merged into the defaults, or a kept config; then each of the user's files, the outermost last."""
    if variant.lower().endswith(".json"):
        return [kept_table(Path(variant))]
    users = is_config_file(variant)
    variant = variant if users else _present_name(variant)
    path = Path(variant) if users else variants().get(variant)
    if path is None and variant in LOSSES:
        return _loss_layers(variant)
    if path is None:
        raise unknown_name("variant", variant, [*variants(), *LOSSES])
    if path.resolve() in extended_by:
        raise InputError(f"{variant} extends itself")
    table = _read_toml(path)
    check_tables(table, f"{path}: ")
    parent = _parent(table, path)
    below = [DEFAULTS] if parent is None else config_layers(parent, (*extended_by, path.resolve()))
    _check_variant_name(table, below[-1]["variant"])
    table.setdefault("variant", path.stem if users else variant)
    return [*below, table] if users else [merge(below[-1], table)]


def recipe_files(variant: str) -> list[Path]:
    """The file of a variant, then the files that it extends; for a loss without a recipe, those of `LOSS_RECIPE`."""
    known = variants()
    path = Path(variant) if is_config_file(variant) else known.get(current_name(variant), known[LOSS_RECIPE])
    parent = None if path.suffix.lower() == ".json" else _parent(_toml_table(path), path)
    return [path] if parent is None else [path, *recipe_files(parent)]


def _loss_layers(loss: str) -> list[Table]:
    """The layers of `LOSS_RECIPE` with another loss, for a loss without a recipe; warns that it is so."""
    warnings.warn(f"{loss} has no recipe: using that of {LOSS_RECIPE}, with loss.name = {loss!r}", stacklevel=2)
    return [*config_layers(LOSS_RECIPE), {"variant": loss, "loss": {"name": loss}}]


def _present_name(variant: str) -> str:
    """The current name of `variant`, with a warning if it was renamed."""
    if (now := current_name(variant)) != variant and now in variants():
        warnings.warn(f"the variant {variant} is now called {now}", stacklevel=2)
        return now
    return variant


def is_config_file(variant: str) -> bool:
    """True for a TOML file or a kept config, False for the name of a bundled variant."""
    return variant.lower().endswith((".toml", ".json"))


def kept_table(path: Path) -> Table:
    """The config.json of a run or release as a recipe; raises `InputError` with the file for any other JSON.

    Omits the properties of the data, and a size and channels that are the source's defaults. They are determined again, so
    that `data.spec` can be changed.
    """
    config = load_config(path, trains=True)
    return merge(config.model_dump(mode="json"), {"dataset": None, "data": _default_shape(config.data)})


def _default_shape(data: Data) -> Table:
    try:
        source = find_source(data.spec)
    except InputError:
        return {}  # the data of a program or a plugin; loading reports the error
    return {key: None for key in ("size", "channels") if getattr(data, key) == getattr(source, key)}


def _parent(table: Table, path: Path | None = None) -> str | None:
    """The value of `extends`, removed from `table`. A file is searched next to `path`, then in the working directory."""
    parent = table.pop("extends", None)
    if not isinstance(parent, str | None):
        where = "" if path is None else f"{path}: "
        raise InputError(f"{where}extends: expected the name of a variant or of a TOML file, not {parent!r}")
    adjacent = path and parent and is_config_file(parent) and path.parent / parent
    return str(adjacent) if adjacent and adjacent.is_file() else parent


def _check_variant_name(table: Table, extended: str) -> None:
    """Raise `InputError` if `table` sets the name of a bundled variant without extending it."""
    name = table.get("variant")
    if name != extended and name in [*variants()]:
        raise InputError(f"variant = {name!r} sets only a name, and a bundled variant has it; write extends = {name!r}")


def _read_toml(path: Path) -> Table:
    """The table at `path`, converted to this format; warns about renamed keys if it states no format."""
    table = _toml_table(path)
    if "format" not in table and (old := renamed_keys(table, backbone_keys(table))):
        warnings.warn(f"{path}: {', '.join(f'{key} is now called {RENAMED[key]}' for key in old)}", stacklevel=2)
    return in_this_format(table)


def _toml_table(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read the config {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # including numbers with thousands of digits
        raise InputError(f"{path} is not TOML: {error}") from None


def make_config(variant: str | None = None, over: Table | None = None, points: bool | None = None) -> Config:
    """The config of a variant, TOML file or config.json, updated with `over`.

    `variant` None = the value of `extends` in `over`, or the defaults. If the data are points (None = decided by `data.spec`),
    the networks of a recipe for images are converted by `on_points`; the user's settings for the networks override the result.
    """
    over = dict(checked(over or {}))
    variant = _parent(over) if variant is None else variant
    own = [DEFAULTS] if variant is None else [without_tuning_ranges(layer) for layer in config_layers(variant)]
    _check_variant_name(over, own[-1]["variant"])
    recipe, *users = [*own, over]
    table = reduce(merge, users, recipe)
    about = about_another_loss(recipe, table) if not any("about" in user for user in users) else {}
    recipe |= about | {"networks": on_backbone(recipe["networks"], _part(table, "networks").get("name"))}
    table = reduce(merge, users, recipe)
    if points is None:
        points = makes_points(str(_part(table, "data").get("spec")))
    if points:
        table = reduce(merge, users, recipe | {"networks": on_points(recipe["networks"])})
    return parse(Config, table)


def with_settings(config: AnyConfig, over: Table) -> AnyConfig:
    """`config` with the tables `over` on top; raises `InputError`."""
    return parse(type(config), merge(config.model_dump(mode="json"), checked(over))) if over else config


def about_another_loss(recipe: Table, table: Table) -> Table:
    """The `about` text of a run whose loss differs from its recipe's, from the loss's docstring; else an empty table."""
    name = _part(table, "loss").get("name")
    if name == recipe["loss"]["name"] or not isinstance(name, str) or name not in LOSSES:
        return {}
    source = (LOSSES[name].__doc__ or name).strip().splitlines()[0]
    return {"about": f"{source} On the recipe of {recipe['variant']}."}


def without_tuning_ranges(table: Table) -> Table:
    """`table` without `[tune]`, which is not part of a run."""
    return {key: value for key, value in table.items() if key != "tune"}


def _part(table: Table, key: str) -> Table:
    part = table.get(key)
    return part if isinstance(part, dict) else {}  # `parse` reports a wrong type later
