"""Failure monitoring: the rules that have fired, and the last training state before a failure."""

from pathlib import Path

from ganzoo.training import checkpoint
from ganzoo.training.failure_rules import Finding, new_findings
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import History, Record
from ganzoo.training.trainer import Trainer


class Monitor:
    """Checks each log record against the failure rules; a rule fires at most once between two rollbacks."""

    def __init__(self, run: RunDir, trainer: Trainer) -> None:
        self.run, self.trainer = run, trainer
        self.history = History(run.records(), trainer.loss.d_loss_bounds)
        self.known = {found["rule"] for found in run.findings() if found["rollbacks"] == trainer.rollbacks}

    def check(self, record: Record) -> list[Finding]:
        """The new findings after `record`; appends them to the run's `findings.jsonl`."""
        self.history.add(record)
        found = new_findings(self.history, self.known, self.trainer.loss.watch)
        for finding in found:
            self.known.add(finding.rule)
            self.run.append_finding(finding.as_record() | {"rollbacks": self.trainer.rollbacks})
        return found

    def last_good_state(self, finding: Finding) -> Path:
        """The newest training state from before the records that show `finding`, or the oldest one saved."""
        states = checkpoint.saved_states(self.run.states)
        began = self.history.late[0]["step"]
        earlier = [path for path in states if checkpoint.step_of(path) < began]
        return earlier[-1] if earlier else states[0]
