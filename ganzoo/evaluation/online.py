"""Scores during training: a cheap, deterministic KID or FID of a few samples every n steps."""

from typing import Literal

from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import Extractor
from ganzoo.evaluation.features import DrawFn, FeatureReader, Features
from ganzoo.evaluation.metrics import MetricValue, fid, import_torch_fidelity, kid_of_subsets
from ganzoo.evaluation.score import Score


def check_online_metric(reference: Dataset, extractor: Extractor, n: int, metric: str) -> None:
    """Raise `InputError` if an `OnlineEvaluator` cannot be built from these arguments; reads no image."""
    import_torch_fidelity(f"metric_{metric}")  # a missing package must fail before training starts
    extractor.check_shape(reference.shape)
    if min(n, len(reference)) < 2:
        raise InputError(f"scores during training need at least 2 images, not {min(n, len(reference))}")


class OnlineEvaluator:
    """KID or FID of a few samples against as many images of `reference`, whose features are extracted once.

    KID uses all samples at once, so it is deterministic. Prefer it: FID is far too high at small n. Compare these scores
    only with each other.
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
        """The score of the images of seeds 0 to n - 1 by name, as in {"kid-digits@1k/train": 0.01}."""
        return {self.name: self._value(self.reader.samples(draw, self.n)).value}

    def _value(self, samples: Features) -> MetricValue:
        if self.metric == "fid":
            return fid(samples, self.real)["fid"]
        return kid_of_subsets(samples.features, self.real.features, subsets=1, size=self.n)
