"""Write a loss, train it in the zoo, and compare its log with nsgan's.

A subclass of `Loss` with a `name` registers itself; its name then stands for nsgan's recipe with this loss. Prints the terms
of both losses in the last record of the log. From the command line, the same file is a plugin:

    python examples/02_custom_loss.py [--steps 100] [--out runs/custom]
    ganzoo train softplus-margin --plugin examples/02_custom_loss.py --set loss.margin=0.5
"""

import argparse
import json
from pathlib import Path

from torch.nn.functional import softplus

import ganzoo
from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses import Loss


class SoftplusMargin(Loss):
    """A margin on nsgan's scores. An example, 2026, after Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(margin - D(x)) + E softplus(margin + D(g))
    L_G = E softplus(-D(g))

    Settings: the margin.
    """

    name = "softplus-margin"

    def __init__(
        self,
        *,
        margin: float = 1.0,  # distance of both scores from 0 that D asks for
    ) -> None:
        super().__init__()
        self.margin = margin

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Reals above the margin, fakes below its negative."""
        return {
            "real": softplus(self.margin - real.score).mean(),
            "fake": softplus(self.margin + fake.score).mean(),
        }

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """As in nsgan."""
        return {"adv": softplus(-fake.score).mean()}


def main() -> None:
    """Train both losses on the same data, networks and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/custom"))
    given = parser.parse_args()

    table = {"extends": "softplus-margin", "loss": {"margin": 0.5}}
    for name, config in (("nsgan", "nsgan"), ("softplus-margin", table)):
        folder = ganzoo.train(config, out=given.out / name, steps=given.steps, seed=0)
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        losses = {term: value for term, value in last["terms"].items() if term in ("d/real", "d/fake", "g/adv")}
        print(f"{name}, step {last['step']}: " + ", ".join(f"{term} {value:.3f}" for term, value in losses.items()))


if __name__ == "__main__":
    main()
