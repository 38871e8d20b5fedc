"""Change the order of the updates: D and G step at once, each against the other's weights before the step.

`Trainer.update_order` is one training step. The default updates D, then G against the new D. Prints the terms of both runs in
the last record of the log.

    python examples/04_simultaneous_updates.py [--steps 100] [--out runs/order]
"""

import argparse
import copy
import json
from pathlib import Path

from torch import nn

import ganzoo


class Simultaneous(ganzoo.Trainer):
    """G meets D as it was before the training step."""

    def update_order(self) -> None:
        """D steps, then G, against a copy of D from before."""
        self.old_d = copy.deepcopy(self.D)
        self.d_step()
        self.g_step()

    def opponent(self, player: nn.Module) -> nn.Module:
        """The network that judges or draws for the other player."""
        return self.old_d if player is self.D else super().opponent(player)


def main() -> None:
    """Train both orders on the same data, networks and seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/order"))
    given = parser.parse_args()

    for name, trainer in (("alternating", ganzoo.Trainer), ("simultaneous", Simultaneous)):
        folder = ganzoo.train("nsgan", out=given.out / name, steps=given.steps, seed=0, trainer=trainer)
        last = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        losses = {term: value for term, value in last["terms"].items() if term in ("d/real", "d/fake", "g/adv")}
        print(f"{name}, step {last['step']}: " + ", ".join(f"{term} {value:.3f}" for term, value in losses.items()))
    # To continue such a run: ganzoo.resume(folder, steps=200, trainer=Simultaneous)


if __name__ == "__main__":
    main()
