"""`ganzoo doctor`: failures found in a run's log, text plots, a PNG of losses and gradient norms."""

import io
import json
import math
import textwrap
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any

import typer

from ganzoo import terminal
from ganzoo.atomic_io import write_bytes
from ganzoo.builder import make_loss
from ganzoo.cli.options import Plugins
from ganzoo.errors import InputError, missing_extra
from ganzoo.losses import Loss
from ganzoo.training import failure_rules
from ganzoo.training.failure_rules import Record, diagnose, rules_without_enough_records, term_history
from ganzoo.training.run_dir import RunDir

BLOCKS = "▁▂▃▄▅▆▇█"
COLUMNS = 80  # width of the output
WIDTH = 29  # characters of a plot
PLOTTED = {
    "norm/d": "D's gradient norm",
    "norm/g": "G's gradient norm",
    "score/apart": "reals above fakes",
    "score/held_out": "over held-out reals",
    "variety/pixels": "pixel diversity",
    "variety/features": "feature diversity",
    "unrest/lately": "recent change",
}
"""Name in the log -> name in the plots."""
SIGNALS = {
    "score/apart": "reals above fakes: share of (real, fake) pairs in which D scores the real image higher; 0.5 is chance",
    "score/held_out": "over held-out reals: share of pairs in which D scores the training image above the held-out one; 1 = "
    "D memorizes",
    "variety/pixels": "diversity: mean distance of two samples over that of two real images, in pixels and in D's features",
    "unrest/lately": "recent change: distance that a latent's image moved in the last 5 records, over that of two reals",
}
"""Name in the log -> explanation below the plots."""


def doctor(
    run: Annotated[Path, typer.Argument(help="A run, finished or still training.")],
    out: Annotated[Path | None, typer.Option(help="Plot file; default: RUN/doctor.png.")] = None,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON, without plots.")] = False,
) -> None:
    """Diagnose a run from its log: failures, their meaning, settings to change."""
    if out is not None and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: expected a name that ends in .png")
    opened = RunDir.open(run)
    records = opened.records()
    if not records:
        raise InputError(f"{run} has logged nothing yet; resume it: ganzoo train --resume {run}")
    loss = make_loss(opened.config())
    found, early = findings(opened, records, loss), rules_without_enough_records(len(records), loss.watch)
    if as_json:
        table = {"step": records[-1]["step"], "findings": found, "too_few_records": early}
        return terminal.out_lines(json.dumps(table, indent=2))
    for text in (headline(opened, records), *plots(records), "", *verdict(found), *too_few(len(records), early)):
        for line in textwrap.wrap(text, COLUMNS, subsequent_indent="  ", break_on_hyphens=False) or [""]:
            terminal.out(line)
    terminal.out(picture(records, out or run / "doctor.png"))


def findings(opened: RunDir, records: list[Record], loss: Loss) -> list[dict[str, Any]]:
    """Findings reported during training, plus those of rules that fire on the log only now, by step."""
    reported = opened.findings()
    known = {finding["rule"] for finding in reported}
    read = diagnose(records, loss.watch, loss.d_loss_bounds)
    now = [finding.as_record() for finding in read if finding.rule not in known]
    return sorted(reported + now, key=lambda finding: finding["step"])


def headline(opened: RunDir, records: list[Record]) -> str:
    """The run's folder, variant and progress in one line."""
    config, last = opened.config(), records[-1]
    counts = ", ".join(f"{last[name]:,} {what}" for name, what in (("d_steps", "D steps"), ("g_steps", "G steps")))
    return f"{opened.folder}: {config.variant}, logged to step {last['step']:,} of {config.train.steps:,} ({counts})"


def series(records: list[Record]) -> dict[str, list[float]]:
    """The plotted curves by name, one value per record."""
    losses = {
        "D's loss": failure_rules.loss_history(records, "d"),
        "G's loss": failure_rules.loss_history(records, "g"),
    }
    logged = records[-1]["terms"]
    return losses | {shown: term_history(records, name) for name, shown in PLOTTED.items() if name in logged}


def plots(records: list[Record]) -> list[str]:
    """One line of blocks for each curve, scaled from its minimum to its maximum, and the meaning of the curves."""
    lines = [f"{'':{20 + WIDTH}} {'min':>9} {'max':>9} {'last':>9}"]
    for name, values in series(records).items():
        finite = [value for value in values if math.isfinite(value)] or [math.nan]
        numbers = (min(finite), max(finite), values[-1])
        lines.append(f"{name:<19} {spark(values):{WIDTH}} " + " ".join(f"{number:>9.3g}" for number in numbers))
    return lines + [""] + [text for name, text in SIGNALS.items() if name in records[-1]["terms"]]


def spark(values: list[float]) -> str:
    """At most `WIDTH` blocks, each the mean of its part of `values`; a space if no value of the part is finite."""
    count = min(WIDTH, len(values))
    parts = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    means = [fmean(finite) if (finite := [v for v in part if math.isfinite(v)]) else math.nan for part in parts]
    known = [mean for mean in means if not math.isnan(mean)]
    span = (max(known) - min(known) or 1) if known else 1
    return "".join(" " if math.isnan(m) else BLOCKS[int((m - min(known)) / span * 7.999)] for m in means)


def verdict(found: list[dict[str, Any]]) -> list[str]:
    """The findings as lines, or one line without findings; early images predict nothing, so no line advises to stop."""
    return [f"[{finding['rule']}] {finding['text']}" for finding in found] or ["no failure found"]


def too_few(records: int, early: dict[str, int]) -> list[str]:
    """One line with the rules that need more records, by the number they need; empty if all rules can judge."""
    needs = sorted(set(early.values()))
    rules = ((", ".join(name for name in early if early[name] == need), need) for need in needs)
    listed = "; ".join(f"{names} (needs {need})" for names, need in rules)
    return [f"too few records ({records}) for: {listed}"] if early else []


def picture(records: list[Record], path: Path) -> str:
    """Plot losses and gradient norms over steps as a PNG; returns its path, or a hint if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        return f"no plot: {missing_extra('matplotlib', 'eval', 'the plot of losses and gradient norms')}"
    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps, shown = [record["step"] for record in records], series(records)
    panels = {
        "loss": ("D's loss", "G's loss"),
        "gradient norm": [name for name in shown if name.endswith("gradient norm")],
    }
    figure, axes = pyplot.subplots(len(panels), 1, sharex=True, figsize=(8, 6), layout="constrained")
    for axis, (title, names) in zip(axes, panels.items(), strict=True):
        for name in names:
            axis.plot(steps, shown[name], label=name, linewidth=1)
        axis.set_ylabel(title)
        axis.legend(frameon=False)
    axes[-1].set_yscale("log")
    axes[-1].set_xlabel("step")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    pyplot.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content.getvalue())
    return str(path)
