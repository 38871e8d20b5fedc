"""Scores of samples against real data, each under a name that says how it was measured.

A new extractor is one file in `extractors/`.
"""

from ganzoo.evaluation import extractors
from ganzoo.evaluation.curve import Curve
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.protocol import Evaluation, Score
from ganzoo.registry import import_folder

import_folder(extractors.__name__, list(extractors.__path__))

__all__ = ["EXTRACTORS", "METRICS", "Curve", "Evaluation", "Extractor", "Score"]
