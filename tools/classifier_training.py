"""Training states of a bundled classifier, so that a stopped training resumes with the same numbers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ganzoo.atomic_io import FORMAT, sha256_hex, write_bytes, write_folder, write_json
from ganzoo.errors import InputError
from ganzoo.evaluation.classifier_training import ClassifierTraining
from ganzoo.json_io import Count, FileSchema, Finite, read_record
from ganzoo.tensor_io import read_tensors, tensor_specs


class TrainingRecord(FileSchema):
    """Content of `state.json` of an unfinished classifier."""

    step: Count
    seconds: Finite
    sha256: str
    training: dict[str, Any]


class ResumableTraining(ClassifierTraining):
    """`ClassifierTraining` that writes its state to a folder and continues from there."""

    def parts(self) -> dict[str, Tensor]:
        """All tensors that the next epoch depends on, by name; not copies."""
        found = {f"classifier.{name}": value for name, value in self.classifier.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        learned = [(name, p) for name, p in self.classifier.named_parameters() if p.requires_grad]
        return found | {f"momentum.{name}": self.momentum(p) for name, p in learned}

    def momentum(self, parameter: Tensor) -> Tensor:
        """The momentum of `parameter`; zeros before the first step."""
        state: dict[str, Tensor] = self.optimizer.state[parameter]
        return state.setdefault("momentum_buffer", torch.zeros_like(parameter))

    def save(self, folder: Path) -> None:
        """Write the training state atomically."""
        content = save({name: value.contiguous() for name, value in self.parts().items()})
        facts = {"format": FORMAT, "step": self.step, "seconds": self.seconds, "sha256": sha256_hex(content)}

        def fill(new: Path) -> None:
            write_bytes(new / "state.safetensors", content)
            write_json(new / "state.json", facts | {"training": self.identity()})

        write_folder(folder, fill)

    def restore(self, folder: Path) -> None:
        """Restore a saved training state; raises `InputError` if it is damaged or belongs to another plan or data."""
        facts, parts = read_record(folder / "state.json", TrainingRecord), self.parts()
        if facts.training != self.identity():
            raise InputError(f"{folder} belongs to another plan or data; delete it to start over")
        saved = read_tensors(folder / "state.safetensors", facts.sha256, tensor_specs(parts))
        for name, value in parts.items():
            value.copy_(saved[name])
        self.step, self.seconds = facts.step, facts.seconds
        self.batches.position = self.step * self.plan.batch

    def identity(self) -> dict[str, Any]:
        """Plan and data, which must not change when training is resumed, as JSON types."""
        plan = asdict(self.plan) | {"data": self.plan.data.name, "vary": self.plan.vary.__name__}
        return plan | {"widths": list(self.plan.widths), "data_digest": self.batches.dataset.digest}
