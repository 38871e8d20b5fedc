"""Checks and their results."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ganzoo.errors import InputError, first_line
from ganzoo.mistakes import plugin_place, shown_path, wants_traceback

C = TypeVar("C", bound="Callable[[str], None]")
Check = Callable[[str], None]
"""Takes the name of a part; raises `Broken` or any other exception if the part breaks the contract."""


class Broken(Exception):
    """A contract that a part breaks; the message says where and how."""


@dataclass(frozen=True)
class Result:
    """Result of one check on one part."""

    kind: str
    part: str
    check: str
    """The first line of the check's docstring."""
    reason: str = ""
    """Place and nature of the mistake; empty if the contract holds."""
    note: bool = False
    """True if a broken contract is only a remark: the part still works."""

    @property
    def failed(self) -> bool:
        """True if the contract is broken and that is no mere remark."""
        return bool(self.reason) and not self.note


NOTES: set[Check] = set()
"""Checks whose result is only a remark."""


def note(check: C) -> C:
    """Mark a check whose result is only a remark."""
    NOTES.add(check)
    return check


def require(holds: object, reason: str) -> None:
    """Raise `Broken` with `reason` unless `holds`."""
    if not holds:
        raise Broken(reason)


def listed(names: Sequence[str]) -> str:
    """The first three names, and the number of the others."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def run_check(kind: str, name: str, part: object, check: Check) -> Result:
    """Run one check; with GANZOO_TRACEBACK=1 an unexpected exception is raised."""
    reason = ""
    try:
        check(name)
    except (Broken, InputError) as error:
        reason = with_place(str(error), part)
    except Exception as error:
        if wants_traceback():
            raise
        where = plugin_place(error)
        text = f"{type(error).__name__}: {first_line(error)}"
        reason = f"{where}: {text}" if where else with_place(text, part)
    return Result(kind, name, check_name(check), reason, check in NOTES)


def with_place(reason: str, part: object) -> str:
    """`reason` with the file and line of the part's definition, unless it names the file itself."""
    definition: Any = next(
        (each for each in definitions(part) if inspect.isclass(each) or inspect.isfunction(each)), None
    )
    try:
        path, line = inspect.getsourcefile(definition) or "", inspect.getsourcelines(definition)[1]
    except (OSError, TypeError):
        return reason
    return reason if f"{shown_path(path)}:" in reason else f"{shown_path(path)}:{line}: {reason}"


def definitions(part: object) -> Iterable[object]:
    """The part, and the functions or classes that it holds (a metric's, a backbone's)."""
    yield part
    yield from (getattr(part, name, None) for name in ("compute", "decoder", "encoder"))


def check_name(check: Check) -> str:
    """The first line of a check's docstring without its period."""
    return (inspect.getdoc(check) or check.__name__).partition("\n")[0].removesuffix(".")


def settings_of(part: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a part that the config can set."""
    parameters = inspect.signature(part, eval_str=True).parameters.values()
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def check_settings(settings: Iterable[inspect.Parameter]) -> None:
    """Raise `Broken` unless every setting is a keyword with a type and a default."""
    for p in settings:
        require(p.kind is p.KEYWORD_ONLY, f"the setting {p.name!r} is positional; put it after a *")
        require(p.annotation is not p.empty, f"the setting {p.name!r} has no type; write {p.name}: float = ...")
        require(p.default is not p.empty, f"the setting {p.name!r} has no default")
