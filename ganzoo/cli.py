"""The command line: arguments to calls. torch is imported inside the commands only, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from ganzoo import terminal
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.stdio import tolerant

app = typer.Typer(
    name="ganzoo",
    help="A multi-loss GAN zoo: train any variant, sample what was trained.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _load(plugins: list[Path] | None) -> list[Path]:
    from ganzoo.plugins import load_plugins

    load_plugins(plugins or [])
    return plugins or []


PLUGIN = "A Python file with losses, tricks or networks; repeatable."
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", callback=_load, help=PLUGIN)]
Sources = Annotated[list[Path] | None, typer.Option("--plugin", help=PLUGIN)]  # for a command that keeps what it reads
WHAT = "A release that ships (by name: wgan-gp-mnist), a release folder, a run, or hf:USER/NAME."
Checkpoint = Annotated[str, typer.Argument(help=WHAT)]
Checkpoints = Annotated[
    list[str] | None,
    typer.Argument(
        help="Releases that ship (by name: wgan-gp-mnist), release folders, runs, hf:USER/NAME, or folders of these; "
        "what ships and runs/ if not given."
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="The raw weights of a run, not their average.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a config key; repeatable.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]

# What `compare` and `ablate` share.
Spec = Annotated[str | None, typer.Option(metavar="SPEC", help="What all are trained on; digits if not given.")]
Seeds = Annotated[int, typer.Option(help="Seeds of each setting: 0 to N-1.")]
Folder = Annotated[Path, typer.Option(help="Where cells, results and report are kept; the same folder goes on.")]
Jobs = Annotated[int, typer.Option(help="Cells at once; each gets its share of the threads.")]
Samples = Annotated[
    int | None, typer.Option("--n", help="Samples a score (10000; modes: as many as published figures).")
]
Metrics = Annotated[str | None, typer.Option(help="fid,kid,precision,...; all that fit if not given.")]
Eyes = Annotated[
    str | None, typer.Option(help="digits, cifar, lite0, inception or inception:FILE; what fits the data.")
]
Tune = Annotated[
    int, typer.Option(metavar="N", help="First choose each setting's best of N draws, on the training split.")
]
Address = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Work on a Ray cluster; local starts one here.")]


@app.command("list")
def list_variants(
    techniques: Annotated[bool, typer.Option("--techniques", help="The stability techniques and their keys.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show every variant: its paper, and what D must give; and the checkpoints that ship."""
    from ganzoo.commands import techniques as of_techniques
    from ganzoo.commands import variants

    (of_techniques if techniques else variants).run(json)


@app.command()
def train(
    variant: Annotated[str | None, typer.Argument(help="A name from 'ganzoo list', or a TOML file.")] = None,
    data: Annotated[str | None, typer.Option(metavar="SPEC", help="digits, mnist, folder:PATH, npz:PATH, ...")] = None,
    steps: Annotated[int | None, typer.Option(help="G steps to train for.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, data order, latents and noise.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<variant>-<data>-s<seed> if not given.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="float32|bf16|auto", help="Of the networks; auto: the faster one here.")
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="auto|N", help="CPU threads; auto: one for each core that is free.")
    ] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between two small scores of the samples (KID).")] = None,
    on_failure: Annotated[
        str | None,
        typer.Option("--on-failure", metavar="warn|stop|rollback", help="Where D has won, or a number is NaN."),
    ] = None,
    settings: Sets = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with this run.")] = None,
    plugin: Plugins = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print config and networks, then stop.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a variant, or go on with a run."""
    from ganzoo.commands import train as command

    given = {"data.spec": data, "train.steps": steps, "seed": seed, "train.device": device}
    given |= {"train.threads": None if threads is None else command.number(threads)}
    given |= {"train.precision": precision, "train.on_failure": on_failure, "train.eval_every": eval_every}
    over = {key: value for key, value in given.items() if value is not None}
    command.run(variant, settings or [], over, out=out, resume=resume, plugins=plugin or [], dry=dry_run, quiet=quiet)


@app.command()
def sample(
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CHECKPOINT...", help=f"{WHAT} Several: a row each, in one picture.")
    ],
    n: Annotated[
        int | None, typer.Option("-n", help="How many images: seeds 0 to N-1 (64 if not given; 20 in a row).")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Which seeds, as in 0-63 or 3,8,20-25; one seed is one image.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Classes to take in turn, by number or name: 0,1,2.")] = None,
    per_class: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="A row for each class (all if no --classes), of seeds 0 to N-1."),
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(metavar="CODE", help="InfoGAN's code along each row: category, 1, 2, ..., or all.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(metavar="PSI", help="Bound the values of a Gaussian z: better, less various.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="x.png for a grid, x.gif for a walk, a folder for single PNGs.")
    ] = None,
    interpolate: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Walk from seed to seed; back to the first for an endless film."),
    ] = None,
    along: Annotated[
        str | None, typer.Option(help="circle or line; if not given, what suits the latent: line for a uniform one.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(help="Images of the walk from one seed to the next, both included (8 if not given).")
    ] = None,
    raw: Raw = False,
    plugin: Plugins = None,
) -> None:
    """Draw images from a checkpoint, or the same seeds from several."""
    from ganzoo.commands import sample as command

    request = command.Request(n, seeds, classes, per_class, interpolate, along, frames, sweep, truncation)
    if len(checkpoints) == 1:
        command.run(checkpoints[0], request, out, raw)
    else:
        command.run_rows(checkpoints, request, out, raw)


@app.command()
def project(
    image: Annotated[Path, typer.Argument(help="Any picture; it is cut and scaled as training data are.")],
    checkpoint: Checkpoint,
    steps: Annotated[int, typer.Option(min=1, help="Steps of Adam on the latents.")] = 200,
    restarts: Annotated[int, typer.Option(min=1, help="Latents that are tried, for each class or category.")] = 4,
    only: Annotated[
        str | None, typer.Option("--class", help="The class, if known; all are tried if not given.")
    ] = None,
    extractor: Annotated[str | None, typer.Option(help="Match its features as well: digits, cifar, lite0, ...")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Image and reconstruction; <image>-projected.png if not given.")
    ] = None,
    raw: Raw = False,
    plugin: Plugins = None,
) -> None:
    """Find the latent whose image is nearest to a picture."""
    from ganzoo.commands import project as command

    command.run(image, checkpoint, steps=steps, restarts=restarts, only=only, extractor=extractor, out=out, raw=raw)


@app.command()
def gallery(
    checkpoints: Checkpoints = None,
    out: Annotated[Path, typer.Option(help="The folder that gets index.html.")] = Path("gallery"),
    plugin: Plugins = None,
) -> None:
    """Write one page that shows all checkpoints at hand: images, scores, facts, the command that made each."""
    from ganzoo.commands import gallery as command

    command.run(checkpoints or [], out, plugin or [])


@app.command()
def demo(
    checkpoints: Checkpoints = None,
    host: Annotated[
        str, typer.Option(help="The address to listen at; the default is open to nobody else.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    plugin: Plugins = None,
) -> None:
    """Explore checkpoints in the browser, on a page of this machine; Ctrl-C ends it."""
    from ganzoo.commands import demo as command

    command.run(checkpoints or [], host, port)


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    data: Annotated[str | None, typer.Option(metavar="SPEC", help="What it was trained on, if not given.")] = None,
    metrics: Annotated[str | None, typer.Option(help="fid,kid,is,precision,...; all that fit if not given.")] = None,
    extractor: Eyes = None,
    n: Annotated[int | None, typer.Option("--n", help="Samples (10000; modes: as many as published figures).")] = None,
    split: Annotated[str | None, typer.Option(help="train or test; test where there is one.")] = None,
    batch: Annotated[int, typer.Option(help="Images at once; changes no score.")] = 128,
    raw: Raw = False,
    neighbours: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw samples beside the nearest training images.")
    ] = None,
    plugin: Plugins = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, complete.")] = False,
) -> None:
    """Measure the samples of a checkpoint against real data: FID, KID, precision, recall, modes, ..."""
    from ganzoo.commands import evaluate as command

    command.run(
        checkpoint,
        data,
        metrics=metrics,
        extractor=extractor,
        n=n,
        split=split,
        batch=batch,
        raw=raw,
        neighbours_png=neighbours,
        as_json=json,
    )


@app.command()
def compare(
    out: Folder,
    variants: Annotated[list[str] | None, typer.Argument(help="Names from 'ganzoo list', or TOML files.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="What each cell gets: steps=2000, images=200000 (shown to D) or minutes=5.")
    ] = None,
    data: Spec = None,
    seeds: Seeds = 5,
    jobs: Jobs = 1,
    n: Samples = None,
    metrics: Metrics = None,
    extractor: Eyes = None,
    tune: Tune = 0,
    settings: Sets = None,
    plugin: Sources = None,
    cluster: Address = None,
    quiet: Quiet = False,
) -> None:
    """Train variants with the same budget and several seeds, score them, and write a report."""
    from ganzoo.commands import compare as command

    asked = command.Asked(
        out, budget, data, seeds, jobs, n, metrics, extractor, tune, settings or [], plugin or [], cluster, quiet
    )
    command.run(variants or [], asked)


@app.command()
def ablate(
    variant: Annotated[str, typer.Argument(help="A name from 'ganzoo list', or a TOML file.")],
    out: Folder,
    switch: Annotated[
        list[str] | None, typer.Option("--switch", metavar="NAME", help="A technique, or all; repeatable.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="As for compare; the variant's own steps if not given.")] = None,
    data: Spec = None,
    seeds: Seeds = 5,
    jobs: Jobs = 1,
    n: Samples = None,
    metrics: Metrics = None,
    extractor: Eyes = None,
    tune: Tune = 0,
    settings: Sets = None,
    plugin: Sources = None,
    cluster: Address = None,
    quiet: Quiet = False,
) -> None:
    """Compare a variant with itself under each switch alone; 'all' is the largest set that fits together."""
    from ganzoo.commands import ablate as command

    asked = command.Asked(
        out, budget, data, seeds, jobs, n, metrics, extractor, tune, settings or [], plugin or [], cluster, quiet
    )
    command.run(variant, switch or [], asked)


@app.command()
def doctor(
    run: Annotated[Path, typer.Argument(help="A run, finished or still training.")],
    out: Annotated[Path | None, typer.Option(help="The picture; RUN/doctor.png if not given.")] = None,
    plugin: Plugins = None,
    json: Annotated[bool, typer.Option("--json", help="The findings as JSON, without plots.")] = False,
) -> None:
    """Say what a run's log shows: failures, what they mean, what to change."""
    from ganzoo.commands import doctor as command

    command.run(run, out, json)


@app.command()
def push(
    release: Annotated[
        str, typer.Argument(help="A release that ships (by name: wgan-gp-mnist), a release folder, or a run.")
    ],
    address: Annotated[str, typer.Argument(metavar="hf:USER/NAME", help="Where to, on the Hugging Face Hub.")],
    licence: Annotated[
        str | None, typer.Option("--license", metavar="ID", help="Of the weights, as the Hub has it: mit, cc0-1.0, ...")
    ] = None,
    plugin: Plugins = None,
) -> None:
    """Upload a release to the Hugging Face Hub, with a model card; 'ganzoo sample hf:USER/NAME' then draws from it."""
    from ganzoo.commands import push as command

    command.run(release, address, licence)


@app.command()
def export(
    checkpoint: Checkpoint,
    form: Annotated[str, typer.Option("--format", metavar="onnx|pt2", help="ONNX, or PyTorch's own.")] = "onnx",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="CHECKPOINT.onnx or .pt2 if not given.")] = None,
    plugin: Plugins = None,
) -> None:
    """Write a generator as one file for other programs, checked against PyTorch."""
    from ganzoo.commands import export as command

    command.run(checkpoint, form, out)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with 0 done, 1 the training failed, 2 the user's input, 130 interrupted."""
    # A reader that goes away must not end what is done; `ganzoo list > /dev/full` is an error all the same.
    sys.stdout, sys.stderr = tolerant(sys.stdout, BrokenPipeError), tolerant(sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not what takes its place in a notebook
            stream.reconfigure(errors="backslashreplace")  # what it cannot encode must not end what is done
    warnings.showwarning = _warn
    warnings.simplefilter("once", UserWarning)  # not again for every layer
    code = _run(arguments)
    if "WORLD_SIZE" in os.environ:
        # Threads of torch's process groups may outlive them, and abort an interpreter that ends in its own time.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        result: Any = app(arguments, prog_name="ganzoo", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except InputError as error:
        return _fail(str(error), 2)
    except TrainingFailed as error:
        return _fail(str(error), 1)
    except Interrupted as stop:
        return _fail(str(stop), 130)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 2)
    except Exception as error:
        if _is_out_of_memory(error):
            return _fail("out of memory; lower train.batch or the networks' width", 1)
        # Which module the parser's errors live in differs between versions of typer; their form does not.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            terminal.out_lines(error.format_message())
            return 2
        command = getattr(getattr(error, "ctx", None), "command_path", "ganzoo")
        return _fail(f"{error.format_message()} (see '{command} --help')", 2)


def _is_out_of_memory(error: Exception) -> bool:
    # torch has a class of error for a GPU's memory, and words for the machine's.
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(words in str(error) for words in ("DefaultCPUAllocator", "Storage size calculation overflowed"))


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    terminal.err(f"ganzoo: warning: {message}")


def _fail(message: str, code: int) -> int:
    terminal.err(f"ganzoo: {message}")
    return code
