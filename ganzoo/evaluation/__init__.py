"""Scores of samples against real data; the name of a score states its protocol.

A new metric is one file in this folder, a new feature extractor one file in `extractors/`.
"""

from ganzoo.evaluation import extractors
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.online import OnlineEvaluator
from ganzoo.evaluation.score import Evaluation, Score
from ganzoo.registry import import_folder

import_folder(extractors.__name__, list(extractors.__path__))
import_folder(__name__, __path__)

__all__ = ["EXTRACTORS", "METRICS", "Evaluation", "Extractor", "OnlineEvaluator", "Score"]
