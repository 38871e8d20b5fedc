"""`ganzoo list`: variants, stability techniques, bundled checkpoints, parts. `ganzoo config`: the keys of the config."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from ganzoo import terminal
from ganzoo.cli.options import Plugins
from ganzoo.config.migrate import current_name
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.reference import Key, config_keys, keys_below
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.tables import flatten
from ganzoo.config.techniques import Technique, techniques
from ganzoo.errors import escape
from ganzoo.evaluation.score import ScoreRecord, format_number
from ganzoo.json_io import read_record
from ganzoo.losses import LOSSES
from ganzoo.parts import KINDS, describe
from ganzoo.sampling import shipped_releases
from ganzoo.training.release import Card
from ganzoo.tricks import TRICKS


def list_parts(
    techniques: Annotated[
        bool, typer.Option("--techniques", help="List the stability techniques and their keys.")
    ] = False,
    parts: Annotated[bool, typer.Option("--parts", help="List every part by kind, with a description.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List variants (paper, discriminator outputs), bundled checkpoints and the names of all parts."""
    if techniques:
        list_techniques(as_json)
    elif parts:
        list_kinds(as_json)
    else:
        list_variants(as_json)


def list_variants(as_json: bool) -> None:
    """Print every variant and the bundled checkpoints."""
    cards = {name: read_record(folder / "card.json", Card) for name, folder in shipped_releases().items()}
    found = [row(name, cards) for name in variants()]
    if as_json:
        return terminal.out_lines(json.dumps(found, indent=2))
    console = terminal.console()
    console.print(as_table([r for r in found if "/" not in r["variant"]]), "")
    console.print(*map(escape, other_sizes(found)), sep="\n")
    if cards:
        console.print("", checkpoints(cards))
    rows = [(kind.name, kind.choice, ", ".join(kind.registry)) for kind in KINDS]
    console.print("", terminal.table(("part", "chosen by", "names"), rows))


def row(name: str, cards: Mapping[str, Card]) -> dict[str, Any]:
    """The facts of one variant; `cards` are those of the bundled releases."""
    config = make_config(name)
    loss = LOSSES[config.loss["name"]]
    releases = [release for release, card in cards.items() if name in makers(card)]
    return {
        "variant": name,
        "paper": config.about,
        "loss": loss.name,
        "backbone": config.networks.name,
        "discriminator_gives": list(loss.heads),
        "checkpoints": releases,
    }


def makers(card: Card) -> tuple[str, str]:
    """The recipe that a release was trained from and the variant it extends, such as mnist/wgan-gp and wgan-gp."""
    config = current_name(card.variant)
    return config, config.rpartition("/")[2]


def as_table(rows: list[dict[str, Any]]) -> Table:
    """The variants as a table."""
    shown = [(r["variant"], r["paper"], ", ".join(r["discriminator_gives"])) for r in rows]
    return terminal.table(("variant", "what it is", "D gives"), shown)


def other_sizes(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each folder of recipes."""
    named = [r["variant"].rpartition("/") for r in rows if "/" in r["variant"]]
    folders = dict.fromkeys(folder for folder, _, _ in named)
    return [f"{folder}/: {', '.join(name for where, _, name in named if where == folder)}" for folder in folders]


def checkpoints(cards: Mapping[str, Card]) -> Table:
    """The bundled releases, each with its distance to unseen images and the floor of that distance."""
    rows = [(name, *distance(card.scores)) for name, card in cards.items()]
    return terminal.table(("checkpoint", "distance", "value", "floor"), rows)


def distance(scores: Sequence[ScoreRecord]) -> tuple[str, str, str]:
    """Name, value and floor of the first FID among `scores`; empty strings without one."""
    fid = next((score for score in scores if score.metric == "fid"), None)
    return ("", "", "") if fid is None else (fid.name, format_number(fid.value), format_number(fid.floor))


def list_kinds(as_json: bool) -> None:
    """Print every part with the first line of its documentation."""
    rows = [
        {"kind": kind.name, "name": name, "about": describe(part)}
        for kind in KINDS
        for name, part in kind.registry.items()
    ]
    if as_json:
        return terminal.out_lines(json.dumps(rows, indent=2))
    shown = [tuple(row.values()) for row in rows]
    terminal.console().print(terminal.table(("kind", "name", "what it is"), shown))


def list_techniques(as_json: bool) -> None:
    """Print every technique with its keys and their defaults."""
    values = technique_defaults()
    rows = [technique_row(technique, values) for technique in techniques()]
    terminal.out_lines(json.dumps(rows, indent=2) if as_json else "\n".join(as_text(row) for row in rows))


def technique_defaults() -> dict[str, Any]:
    """Every dotted key of a config with all tricks on, and its default."""
    return flatten(
        resolve_defaults(make_config(None, {"tricks": {name: True for name in TRICKS}})).model_dump(mode="json")
    )


def technique_row(technique: Technique, values: dict[str, Any]) -> dict[str, Any]:
    """One technique; a key that is a table is expanded to the keys in it."""
    keys = {k: v for k, v in values.items() if any(k == key or k.startswith(f"{key}.") for key in technique.keys)}
    shown = {"number": technique.number, "name": technique.name, "keys": keys, "source": technique.source}
    return shown | {"switches": technique.on | technique.without}


def as_text(row: dict[str, Any]) -> str:
    """One technique as text: its name, then its keys as `--set` takes them."""
    keys = [f"      {key} = {json.dumps(value)}" for key, value in row["keys"].items()]
    named = [f"      --switch {name}" for name in row["switches"]]
    return "\n".join([f"{row['number'] or '':>3}  {row['name']} ({row['source']})", *keys, *named])


def config(
    prefix: Annotated[
        str | None, typer.Argument(help="A key or table, as in train, tricks.r1 or networks.generator; default: all.")
    ] = None,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the keys of the config: type, default, meaning, source."""
    keys = config_keys() if prefix is None else keys_below(prefix)
    rows = [vars(key) for key in keys]
    terminal.out_lines(json.dumps(rows, indent=2) if as_json else "\n".join(map(key_text, keys)))


def key_text(key: Key) -> str:
    """The key with its default, as `--set` takes it; then its type, meaning and source."""
    of = f"  # {', '.join(key.parts)}" if key.parts else ""
    about = [f"    {key.type}", *(f"    {line}" for line in (key.meaning, key.source) if line)]
    return "\n".join([f"{key.path} = {key.shown_default}{of}", *about])
