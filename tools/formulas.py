"""An extension of griffe, for the site: formulas in a docstring are a block of code, so that each keeps its line."""

import re
from typing import Any

from griffe import Extension, Object

FORMULAS = re.compile(r"(?m)^L_D = .*(?:\n.+)*")


class Formulas(Extension):
    """The paragraph of a loss that begins with L_D."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Indent the formulas of a docstring, which Markdown shows as they stand."""
        if obj.docstring:
            obj.docstring.value = FORMULAS.sub(lambda found: f"```text\n{found[0]}\n```", obj.docstring.value)
