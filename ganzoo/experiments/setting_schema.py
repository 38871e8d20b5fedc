"""Schema of the settings in `results.json`: configs, refusals, and the files they were read from."""

from typing import Any

from pydantic import Field

from ganzoo.json_io import FileSchema


class SettingRecord(FileSchema):
    """A row of the comparison: a variant, or a variant with switches."""

    name: str
    """Unique within the comparison."""
    variant: str
    """Recipe or TOML file, as given by the user."""
    overrides: dict[str, Any]
    """Dotted config keys in which the setting differs from the variant, except those of `protocol.set`."""
    switches: list[str]
    """Active techniques in an ablation."""
    refused: str | None
    """Always None: settings that cannot be trained are in `Results.refused`."""
    left_out: dict[str, str]
    """For the setting `all`: each omitted switch, with the reason."""
    config: dict[str, Any] = Field(default_factory=dict)
    """The resolved config of its cells by dotted key, with every default and `auto` as a value; see `Cell.resolved_keys`.

    Empty in older results, and while the setting is tuned.
    """


class Refusal(FileSchema):
    """A setting that is not trained."""

    setting: str
    """Name of the setting, or "all without SWITCH"."""
    reason: str
    """The error, or the conflict with another switch."""


class UsedFile(FileSchema):
    """A file that decided the results: a recipe, a file that it extends, or a plugin."""

    name: str
    """The path as given by the user; `zoo_configs/NAME.toml` for a bundled recipe."""
    sha256: str
    """SHA-256 of the text in UTF-8."""
    text: str
    """The whole text, as it was read before training."""
