"""How every cell of a comparison is scored, checked before the first one is trained."""

from __future__ import annotations

from collections.abc import Sequence

from ganzoo.comparing import tune
from ganzoo.comparing.request import Request
from ganzoo.comparing.results import read_results
from ganzoo.config import Config, Table
from ganzoo.errors import InputError
from ganzoo.evaluation import METRICS, modes
from ganzoo.evaluation.features import Reader, with_labels
from ganzoo.evaluation.real import Real, prepared
from ganzoo.evaluation.scores import images_read, lacking, too_few
from ganzoo.evaluation.truths import counts
from ganzoo.measure import counted, open_reader, planned, refuse_extractor, say_time


def how(request: Request, rows: Sequence[Config]) -> Table:
    """The keywords `n`, `metrics` and `split` of `ganzoo.measure.measure` for the resolved configs `rows`.

    And `extractor`, if one was asked for. `n` defaults to 10,000, or to what the protocol of data with known modes says; the
    split to test where there is one. Says how long a slow extractor will take. Raises `InputError` for what could be scored
    in no row.
    """
    metrics, real = None if request.metrics is None else list(request.metrics), prepared(rows[0], rows[0].data.spec)
    n, split = planned(real.train, metrics, request.n), real.split(None)[0]
    if counted(metrics, real.train):
        refuse_extractor(request.extractor, real.train)
        counts(metrics, real.train, modes.measure(real.train, real.train.samples([0]).images))
    else:
        smallest = min(len(real.split(each)[1]) for each in (split, *([tune.SPLIT] if request.tune else [])))
        asked = [name for row in rows for name in class_names(row)]
        reader = open_reader(request.extractor, real.train, rows[0].train.device, quiet=not tells(request))
        refuse_impossible(metrics or [], real, n, min(n, smallest), asked[:n], reader)
        say_time(reader, images_read(real.train, real.test, n), n * len(rows) * (request.seeds + request.tune))
    chosen = {} if request.extractor is None else {"extractor": request.extractor}
    return {"n": n, "metrics": metrics, "split": split} | chosen


def tells(request: Request) -> bool:
    """Whether the time of a slow extractor is said: once, and not of a cluster, of whose machines nothing is known here."""
    return not request.quiet and request.cluster is None and read_results(request.out) is None


def of_row(how: Table, config: Config) -> Table:
    """`how` for a row of a resolved `config`: without what needs labels where its G takes none."""
    if not how["metrics"] or class_names(config):
        return how
    return how | {"metrics": [name for name in how["metrics"] if name not in of_labels()]}


def of_labels() -> list[str]:
    """The metrics of what was asked of a conditional generator."""
    return [name for name, metric in METRICS.items() if metric.needs == "labels"]


def class_names(config: Config) -> tuple[str, ...]:
    """The classes that G of a resolved config can be asked for."""
    assert config.dataset is not None, "a row's config is resolved"
    conditional = config.networks.generator.get("condition", "none") != "none"
    return config.dataset.class_names if conditional else ()


def refuse_impossible(
    metrics: Sequence[str], real: Real, n: int, fewest: int, asked: Sequence[str], reader: Reader
) -> None:
    """Raise `InputError` for a metric that has no value of `n` samples against `fewest` pictures like those of `real`.

    `asked` are the classes that samples are asked to be of.
    """
    read = reader.samples(lambda seeds: real.train.samples(seeds).images, 1)
    one = with_labels(read, asked, reader.extractor)
    for name in metrics:
        if why := too_few(name, n, fewest) or lacking(name, one, reader.extractor):
            raise InputError(why)
