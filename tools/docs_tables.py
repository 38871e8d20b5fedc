"""The tables of the pages in docs/ that are made from the registries.

`python -m tools.docs_tables` writes them; `--check` names each outdated page and exits with 1. A table stands between
`<!-- generated: NAME -->` and `<!-- end -->`. A last column with the header "notes" or "meaning" is handwritten and kept.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from ganzoo.config.compatibility import trick_conflicts
from ganzoo.config.reference import Key, config_keys
from ganzoo.config.techniques import Technique, techniques
from ganzoo.data import SOURCES, Source
from ganzoo.evaluation import EXTRACTORS, METRICS
from ganzoo.losses import LOSSES, Loss
from ganzoo.networks import BACKBONES, UPSAMPLERS, discriminator_schema, generator_schema
from ganzoo.networks.layers import NORMS, norm_has
from ganzoo.networks.resample import DOWNSAMPLERS
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.parts import describe
from ganzoo.registry import CITATION, summary
from ganzoo.tricks import TRICKS

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
KEPT = ("notes", "meaning")
MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "|_*"})
FORMULA = re.compile(r"(.+?) (=|<-) (.+?)(?: {2,}.*)?")

Table = list[list[str]]
"""Header and rows; the first cell of a row is its name."""


def losses() -> Table:
    """Objectives, paper and discriminator outputs of each loss, from its docstring."""
    return [["name", "L_D", "L_G", "with", "paper", "D gives"], *map(loss_row, LOSSES.values())]


def loss_row(loss: type[Loss]) -> list[str]:
    """One row; formulas are in the paragraph that begins with L_D, one per line, followed by two spaces and remarks."""
    paragraphs = (inspect.getdoc(loss) or "").split("\n\n")
    lines = next((each for each in paragraphs if each.startswith("L_D = ")), "").splitlines()
    found = {m[1]: (m[2], m[3]) for m in map(FORMULA.fullmatch, lines) if m}
    d, g = (code(found.pop(name, ("", ""))[1]) for name in ("L_D", "L_G"))
    rest = "; ".join(code(f"{name} {sign} {value}") for name, (sign, value) in found.items())
    gives = [head.replace("_", " ") for head in loss.heads] + ["no batch norm"] * loss.per_sample_gradients
    return [code(loss.name), d, g, rest, paper(loss), ", ".join(gives)]


def paper(part: object) -> str:
    """The source named in a docstring, as a link."""
    found = CITATION.search(summary(part))
    return f"[{found['authors'].removesuffix(',')} {found['year']}](https://{found['link']})" if found else ""


def technique_table() -> Table:
    """Keys, neutral settings and switches of each technique; for a trick also its incompatibilities, from its attributes."""
    header = ["technique", "#", "keys", "neutral", "switches", "refuses", "notes"]
    return [header, *map(technique_row, techniques())]


def technique_row(row: Technique) -> list[str]:
    """One row; for a trick the key `tricks.NAME` is followed by its options."""
    trick = row.keys[0].removeprefix("tricks.")
    keys = ", ".join(map(code, row.keys))
    if trick in TRICKS:
        keys += ": " + ", ".join(map(code, inspect.signature(TRICKS[trick]).parameters))
    off = [code(f"{key.rpartition('.')[2]} = {json.dumps(value)}") for key, value in row.neutral.items()]
    neutral = ", ".join(dict.fromkeys(off))  # both networks may have the same setting
    switches = ", ".join(map(code, (*row.on, *row.without)))
    return [row.name, str(row.number or ""), keys, neutral, switches, refusals(trick) if trick in TRICKS else "", ""]


def refusals(name: str) -> str:
    """Losses, data and networks that are incompatible with a trick at its defaults."""
    trick, default = TRICKS[name], TRICKS[name]()
    found = [code(loss) for loss, kind in LOSSES.items() if any(trick_conflicts(kind, trick))]
    found += ["points"] * trick.images_only
    found += ["batch norm or minibatch features in D"] * trick.per_sample_gradients
    found += ["a conditional D"] * default.drops_labels
    found += [f"an odd batch ({default.batch_divisor} must divide it)"] * (default.batch_divisor > 1)
    return ", ".join(found)


def backbones() -> Table:
    """Description, data and initialization of each backbone."""
    rows = [[code(name), describe(b), b.data, code(b.init), ""] for name, b in BACKBONES.items()]
    return [["name", "what it is", "data", "`networks.init`", "notes"], *rows]


def options(schema: Callable[[str], dict[str, inspect.Parameter]]) -> Table:
    """Defaults of a network's options, with one column per backbone."""
    names = sorted(BACKBONES, key=lambda name: BACKBONES[name].data)
    schemas = [schema(name) for name in names]
    every = dict.fromkeys(option for each in schemas for option in each)
    rows = [[code(o), *(default(each[o]) if o in each else "" for each in schemas), ""] for o in every]
    return [["option", *map(code, names), "meaning"], *rows]


def default(parameter: inspect.Parameter) -> str:
    """A default as TOML; "none" for None, which TOML lacks."""
    return "none" if parameter.default is None else code(json.dumps(parameter.default))


def norms() -> Table:
    """Description and traits of each norm; the traits determine its compatibility."""
    rows = [
        [code(name), describe(norm), *("yes" * norm_has(name, trait) for trait in ("mixes_samples", "maps_only"))]
        for name, norm in NORMS.items()
    ]
    return [["name", "what it is", "mixes samples", "maps only"], *rows]


def optimizers() -> Table:
    """Settings and description of each optimizer."""
    rows = [[code(name), settings(make), describe(make)] for name, make in OPTIMIZERS.items()]
    return [["name", "settings", "what it is"], *rows]


def settings(part: Callable[..., Any]) -> str:
    """The keyword-only parameters of a part with their defaults."""
    keywords = (p for p in inspect.signature(part).parameters.values() if p.kind is p.KEYWORD_ONLY)
    return ", ".join(code(f"{p.name} = {json.dumps(p.default)}") for p in keywords)


def metrics() -> Table:
    """Direction, input and minimum numbers of images of each metric."""
    rows = [
        [code(name), m.better, m.needs, str(m.least), str(m.least_real), describe(m)] for name, m in METRICS.items()
    ]
    return [["metric", "better", "reads", "samples", "real images", "what it is"], *rows]


def described(registry: Mapping[str, object]) -> Table:
    """Each part of a registry with the first line of its docstring."""
    return [["name", "what it is", "notes"], *([code(name), describe(part), ""] for name, part in registry.items())]


def sources() -> Table:
    """Specs accepted by `--data`."""
    return [["SPEC", "what it is", "size, channels", "splits", "notes"], *map(source_row, SOURCES.values())]


def source_row(kind: type[Source]) -> list[str]:
    """One row; a source without a size takes that of its file."""
    shape = "points" if kind.points else f"{kind.size}, {kind.channels}" if kind.size else "the file's"
    return [code(kind.usage), describe(kind), shape, ", ".join(kind.splits), ""]


CONFIG_TABLES = ["", "data", "latent", "loss", "networks", "tricks", "train"]
CONFIG_TABLES += [f"{table}.{player}" for table in ("networks", "train") for player in ("generator", "discriminator")]
"""The tables of the config that have a heading on the reference page; "" is the top level."""


def config_table(table: str) -> Table:
    """The keys of one table of the config, and of the tables within it that have no heading."""
    rows = [config_row(key) for key in config_keys() if heading(key.path) == table]
    return [["key", "of", "type", "default", "meaning", "source"], *rows]


def heading(path: str) -> str:
    """The longest of the tables with a heading that the key `path` is in."""
    return max((table for table in CONFIG_TABLES if path.startswith(f"{table}." if table else "")), key=len)


def config_row(key: Key) -> list[str]:
    """One key; the parts that have it are empty for a key of every config."""
    return [code(key.path), ", ".join(key.parts), key.type, code(key.shown_default), key.meaning, linked(key.source)]


def linked(source: str) -> str:
    """A source with its arXiv number as a link."""
    return re.sub(r"arXiv:([\d.]+\d)", r"[\1](https://arxiv.org/abs/\1)", source)


TABLES: dict[str, Callable[[], Table]] = {
    "losses": losses,
    "techniques": technique_table,
    "backbones": backbones,
    "generator options": lambda: options(lambda name: generator_schema(name, encodes=True)),
    "discriminator options": lambda: options(lambda name: discriminator_schema(name, ("score", "reconstruction"))),
    "upsamplers": lambda: described(UPSAMPLERS),
    "downsamplers": lambda: described(DOWNSAMPLERS),
    "norms": norms,
    "optimizers": optimizers,
    "metrics": metrics,
    "extractors": lambda: described(EXTRACTORS),
    "data sources": sources,
    **{f"config {table}".strip(): partial(config_table, table) for table in CONFIG_TABLES},
}


def code(text: str) -> str:
    """`text` as code; empty if it is. A pipe needs HTML, because the site and GitHub escape one in a table differently."""
    if "|" in text:
        return f"<code>{escape(text, quote=False).translate(MARKS)}</code>"
    return f"`{text}`" if text else ""


def cells(line: str) -> list[str]:
    """The cells of one line of a Markdown table."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def kept_cells(old: str) -> dict[str, str]:
    """Row name -> last cell of the table `old`, if that column is handwritten."""
    rows = [cells(line) for line in old.splitlines() if line.startswith("|")]
    return {row[0]: row[-1] for row in rows[2:]} if rows and rows[0][-1] in KEPT else {}


def markdown(table: Table, kept: dict[str, str]) -> str:
    """`table` as Markdown, with its handwritten cells from `kept`."""
    header, *rows = ([cell.replace("|", "\\|") for cell in row] for row in table)
    rows = [[*row[:-1], kept.get(row[0], "")] if header[-1] in KEPT else row for row in rows]
    lines = [header, ["---"] * len(header), *rows]
    return "".join("|" + "".join(f" {cell} |" if cell else " |" for cell in line) + "\n" for line in lines)


def page(text: str) -> str:
    """The text of a page with its tables regenerated."""
    return BLOCK.sub(lambda m: f"{m[1]}{markdown(TABLES[m[2]](), kept_cells(m[3]))}{m[4]}", text)


def stale(pages: Iterable[Path]) -> Iterator[Path]:
    """The pages whose tables are out of date."""
    return (path for path in pages if page(text := path.read_text(encoding="utf-8")) != text)


def main(words: list[str]) -> int:
    """Write the pages, or with `--check` only name them; 1 if there was one to name."""
    found = list(stale(sorted(DOCS.rglob("*.md"))))
    for path in found:
        if words != ["--check"]:
            path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{path.relative_to(DOCS.parent)}: {'run python -m tools.docs_tables' if words else 'written'}")
    return int(bool(found and words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
