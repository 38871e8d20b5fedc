"""JSON files are read here and nowhere else: each with a schema, and refused in one line where it does not fit.

The schema of a file stands next to the code that writes it. An unknown key is kept: a later version may add one that this
one need not know; what it must know gets a new format number.
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
"""A number of things: steps, images, bytes."""
Finite = Annotated[float, Field(ge=-1e300, le=1e300)]
"""A number with which sums and differences stay finite."""
Number = Finite | None
"""A measured number; null where it was not finite."""


def _check_only(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    check(value)
    return value


_AS_WRITTEN = (WrapValidator(_check_only), PlainSerializer(lambda value: value))
Amount = Annotated[Finite, *_AS_WRITTEN]
"""A `Finite` that is kept as it was written: 2000 does not become 2000.0."""
Measured = Annotated[Number, *_AS_WRITTEN]
"""A `Number` that is kept as it was written."""
Size = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""A side of a picture, or its channels."""
Shape = tuple[Size, Size, Size]
"""(C, H, W)"""


class FileSchema(BaseModel):
    """Base of the schema of a JSON file, or of a table in one."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def read_record(path: Path, schema: type[Model]) -> Model:
    """The table in `path` as a `schema`, strictly typed; raises `InputError`."""
    return validate(read_json(path), schema, str(path))


def read_table(path: Path, schema: type[BaseModel]) -> dict[str, Any]:
    """The table in `path`, which fits `schema`, as it was written; raises `InputError`."""
    table = read_json(path)
    validate(table, schema, str(path))
    return table


def as_table(record: BaseModel) -> dict[str, Any]:
    """`record` as JSON values, without the keys that it was made without: a file that is read and written stays the same."""
    return record.model_dump(mode="json", exclude_unset=True)


def validate(table: Any, schema: type[Model], where: str) -> Model:
    """`table`, of the file or line called `where`, as a `schema`; raises `DamagedFile`, naming the keys that are wrong."""
    try:
        # Through JSON, whose arrays may be tuples in a strict schema.
        return schema.model_validate_json(json.dumps(table), strict=True)
    except ValidationError as error:
        raise DamagedFile(f"{where} is damaged: {'; '.join(map(describe_error, error.errors()[:3]))}") from None
    except RecursionError:
        raise DamagedFile(f"{where} is damaged: its tables are nested too deep") from None


def describe_error(error: ErrorDetails) -> str:
    """A validation error: the key, what was expected there, and what stands there."""
    key = ".".join(map(str, error["loc"])) or "the file"
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "json_invalid":  # its input is the whole file
        return error["msg"]
    return f"{key}: {lowercase_first(error['msg'])}, not {shorten(error['input'])}"


def lowercase_first(message: str) -> str:
    """A message of pydantic as the second half of a sentence."""
    return message[:1].lower() + message[1:]


def shorten(value: Any) -> str:
    """A value as it stands in a file, of which the first 80 characters are shown."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:80]}..."
