"""How every cell of a comparison is scored, checked before the first one is trained."""

from __future__ import annotations

from ganzoo.comparing.request import Request
from ganzoo.config import Table
from ganzoo.data import Dataset, find
from ganzoo.measure import counted, open_reader, planned


def how(request: Request, data: Dataset) -> Table:
    """The keywords `n`, `metrics` and `split` of `ganzoo.measure.measure`; raises `InputError` for what it would refuse.

    `n` defaults to 10,000, or to what the protocol of data with known modes says; the split to test where there is one.
    """
    metrics = None if request.metrics is None else list(request.metrics)
    n = planned(data, metrics, request.n)
    if not counted(metrics, data):
        open_reader(None, data)
    split = "test" if "test" in find(request.settings[0].config.data.spec).splits else "train"
    return {"n": n, "metrics": metrics, "split": split}
