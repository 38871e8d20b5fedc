"""A small score at every so many steps of a training: cheap, the same each time, and without a random number."""

from typing import Literal

from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import Extractor
from ganzoo.evaluation.features import DrawFn, FeatureReader, Features
from ganzoo.evaluation.metrics import MetricValue, fid, import_torch_fidelity, kid_of_subsets
from ganzoo.evaluation.score import Score


def check_online_metric(reference: Dataset, extractor: Extractor, n: int, metric: str) -> None:
    """Raise `InputError` where a `OnlineEvaluator` of these cannot be; no image is read."""
    import_torch_fidelity(f"metric_{metric}")  # that it is missing must be known before a training begins
    extractor.check_shape(reference.shape)
    if min(n, len(reference)) < 2:
        raise InputError(f"a curve needs at least 2 images, not {min(n, len(reference))}")


class OnlineEvaluator:
    """KID or FID of a few samples against as many images of `reference`, whose features are read once.

    KID is of all of them at once, so that it has no chance in it; it is the better choice, since FID is far too high at
    small n. Compare the points of a curve with each other, and with nothing else.
    """

    def __init__(
        self,
        reference: Dataset,
        extractor: Extractor,
        n: int = 1000,
        metric: Literal["kid", "fid"] = "kid",
        device: str = "cpu",
    ) -> None:
        check_online_metric(reference, extractor, n, metric)
        self.n, self.metric = min(n, len(reference)), metric
        self.reader = FeatureReader(extractor, device)
        self.real = self.reader.data(reference.subset(self.n))
        self.name = Score(metric, 0.0, self.n, "lower", extractor.tag, reference.split).name

    def measure(self, draw: DrawFn) -> dict[str, float]:
        """The score of the images of seeds 0 to n - 1, under its name, as in {"kid-digits@1k/train": 0.01}."""
        return {self.name: self._value(self.reader.samples(draw, self.n)).value}

    def _value(self, samples: Features) -> MetricValue:
        if self.metric == "fid":
            return fid(samples, self.real)["fid"]
        return kid_of_subsets(samples.features, self.real.features, subsets=1, size=self.n)
