"""Validated reading of JSON files, the only reader of them: each has a schema, and a mismatch is a one-line error.

The schema of a file is next to the code that writes it. Unknown keys are kept, because a later version may add keys that
this one can ignore; a change that it must not ignore gets a new format number.
"""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import ErrorDetails

from ganzoo.atomic_io import read_json
from ganzoo.errors import DamagedFile

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A number of steps, images or bytes."""
Finite = Annotated[float, Field(ge=-1e300, le=1e300)]
"""A number whose sums and differences stay finite."""
Number = Finite | None
"""A measured number; null if it was not finite."""


def _check_only(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


_AS_WRITTEN = (WrapValidator(_check_only), PlainSerializer(lambda value: value))
Amount = Annotated[Finite, *_AS_WRITTEN]
"""A `Finite` that keeps its written form: 2000 does not become 2000.0."""
Measured = Annotated[Number, *_AS_WRITTEN]
"""A `Number` that keeps its written form."""
Size = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""A side of an image in pixels, or its number of channels."""
Shape = tuple[Size, Size, Size]
"""(C, H, W)"""


class FileSchema(BaseModel):
    """Base class for the schema of a JSON file or of an object in it."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def read_record(path: Path, schema: type[Model]) -> Model:
    """The JSON object in `path` as a `schema`, strictly typed; raises `InputError`."""
    return validate(read_json(path), schema, str(path))


def read_table(path: Path, schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON object in `path`, validated against `schema` but unchanged; raises `InputError`."""
    table = read_json(path)
    validate(table, schema, str(path))
    return table


def as_table(record: BaseModel) -> dict[str, Any]:
    """`record` as JSON values, without keys that were never set, so that reading and writing a file does not change it."""
    return record.model_dump(mode="json", exclude_unset=True)


def validate(table: Any, schema: type[Model], where: str) -> Model:
    """`table`, from the file or line `where`, as a `schema`; raises `DamagedFile`, which names the wrong keys."""
    try:
        # Through JSON, because a strict schema accepts JSON arrays, but not lists, as tuples.
        return schema.model_validate_json(json.dumps(table), strict=True)
    except ValidationError as error:
        raise DamagedFile(f"{where} is damaged: {'; '.join(map(describe_error, error.errors()[:3]))}") from None
    except RecursionError:
        raise DamagedFile(f"{where} is damaged: its tables are nested too deeply") from None


def describe_error(error: ErrorDetails) -> str:
    """A validation error as text: the key, the expectation and the value."""
    key = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "json_invalid":  # its input is the whole file
        return error["msg"]
    return f"{key}: {lowercase_first(error['msg'])}, not {shorten(error['input'])}"


def lowercase_first(message: str) -> str:
    """A pydantic message with a lowercase first letter, to follow a colon."""
    return message[:1].lower() + message[1:]


def shorten(value: Any) -> str:
    """The first 80 characters of a value as JSON."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:80]}..."
