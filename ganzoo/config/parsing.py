"""Tables to strictly typed models, with one line for each mistake: the key, what was expected, what was found."""

import json
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from inspect import Parameter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, create_model

from ganzoo.config.migrate import ELSEWHERE, RENAMED
from ganzoo.config.schema import STRICT
from ganzoo.config.tables import flatten, join_path
from ganzoo.errors import InputError, unknown_name
from ganzoo.json_io import lowercase_first, shorten

MAX_INT = 2**31 - 1
"""Upper bound on integer settings (seeds excepted): the product of two still fits int64."""

UNION_TAGS = ("int", "str", "bool", "float", "dict", "number", "schedule")
"""Words in the path of a pydantic error that are no keys."""

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], table: Mapping[str, Any], where: str = "") -> Model:
    """`table` as a strictly typed `model`; raises `InputError` with the key and, if misspelled, the nearest valid one."""
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
        if key not in model.model_fields and where in ("", "train") and (known := ELSEWHERE.get(key)):
            raise InputError(f"no config key is called {join_path(where, key)!r}; ganzoo's name is {known}")
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


def _line(error: Any, where: str) -> str:
    # The path of a union's error ends in a tag ("int", "constrained-str"), which is not a key.
    keys = [str(part) for part in error["loc"] if isinstance(part, int) or str(part).isidentifier()]
    path = join_path(where, ".".join(key for key in keys if key not in UNION_TAGS))
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
