"""InfoGAN's code, changed one part at a time (Chen et al. 2016, arXiv:1606.03657, figure 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.records import Code

CATEGORY = "category"
REACH = 2.0  # a continuous code is drawn from [-1, 1] and shown over twice that, as in the figure
COLUMNS = 10  # where there is no category to say how many


def names(code: Code | None) -> tuple[str, ...]:
    """What can be changed: "category", and the numbers of the continuous codes from "1"; empty without a code."""
    if code is None:
        return ()
    return (*([CATEGORY] if code.categorical else []), *(str(i + 1) for i in range(code.continuous)))


def columns(code: Code) -> int:
    """How many values each part takes: as many as there are categories, or ten."""
    return code.categorical or COLUMNS


def swept(values: Tensor, code: Code, name: str) -> Tensor:
    """`values` (N, K + C), rows of `columns(code)` alike, with the part called `name` changing along each row.

    A category takes each of its values in turn, a continuous code goes evenly from -2 to 2.
    """
    changed, width = values.clone(), columns(code)
    rows = len(values) // width
    if name == CATEGORY:
        changed[:, : code.categorical] = F.one_hot(torch.arange(width), width).repeat(rows, 1)
    else:
        changed[:, code.categorical + int(name) - 1] = torch.linspace(-REACH, REACH, width).repeat(rows)
    return changed
