"""The networks of a recipe on another backbone."""

from ganzoo.config.tables import Table
from ganzoo.networks import BACKBONES, HEADS, discriminator_schema, generator_schema


def on_backbone(networks: Table, name: object) -> Table:
    """The networks of a recipe without the options that another backbone lacks, and then with that backbone's init."""
    if not isinstance(name, str) or name not in BACKBONES or BACKBONES[name].decoder is None:
        return networks
    schemas = {"generator": generator_schema(name, encodes=True), "discriminator": discriminator_schema(name, HEADS)}
    kept = {player: {k: v for k, v in networks[player].items() if k in schema} for player, schema in schemas.items()}
    if kept["generator"].get("condition") == "batch-norm" and "norm" not in schemas["generator"]:
        kept["generator"]["condition"] = "concat"
    same = all(kept[player] == networks[player] for player in kept)
    return networks if same else {**networks, **kept, "init": None}


def on_points(networks: Table) -> Table:
    """The networks of a recipe with the backbone `mlp`; keeps shared options except the width, which was a filter count."""
    if BACKBONES[networks["name"]].data == "points":
        return networks
    schemas = {"generator": generator_schema("mlp"), "discriminator": discriminator_schema("mlp", HEADS)}
    kept = {
        player: {key: value for key, value in networks[player].items() if key in schema and key != "width"}
        for player, schema in schemas.items()
    }
    if kept["generator"].get("condition") == "batch-norm":
        kept["generator"].setdefault("norm", "batch")  # not mlp's default
    return {**networks, **kept, "name": "mlp", "init": None}
