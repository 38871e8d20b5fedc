"""A part is one file: nine files, one of each kind, are put into a copy of the package, and nothing else is edited."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PARTS = Path(__file__).parent / "parts"
ADDED = {
    "loss": "softplus-margin",
    "trick": "mirror",
    "backbone": "symmetric",
    "upsampler": "bicubic",
    "norm": "rms",
    "optimizer": "adamw",
    "metric": "mean_distance",
    "extractor": "thumbnail",
    "data source": "stripes",
}
CONTRACTS = """
    tests/test_part_contracts.py tests/losses/test_docs.py tests/test_techniques.py tests/tricks/test_contracts.py
    tests/networks/test_backbones.py::test_the_kernel_is_that_of_every_convolution tests/networks/test_resample.py
    tests/networks/test_layers.py tests/networks/test_networks_page.py tests/training/test_capturable.py
    tests/evaluation/test_extractors.py tests/test_imports.py tests/test_docs_tables.py
""".split()


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The checkout with the nine files; pages and tests are still those of before."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("ganzoo", "tests", "tools"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=shutil.ignore_patterns("*.png", "*.json", "*.html"))
    for name in ("zoo_configs", "checkpoints", "README.md", "pyproject.toml"):
        (copy / name).symlink_to(ROOT / name)
    shutil.copytree(PARTS, copy / "ganzoo", dirs_exist_ok=True)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(# softplus_margin\.py\n.*?)```", readme, re.DOTALL)
    (copy / "ganzoo/losses/softplus_margin.py").write_text(example[1], encoding="utf-8")
    return copy


def run(copy: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(copy), "GANZOO_HOME": str(copy / "home")}
    return subprocess.run([sys.executable, *words], cwd=copy, env=environment, capture_output=True, text=True)


def test_the_list_and_the_command_line_know_each(copy):
    listed = run(copy, "-m", "ganzoo", "list", "--parts", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {(row["kind"], row["name"]) for row in json.loads(listed.stdout)} >= ADDED.items()
    settings = """
        loss.name=softplus-margin tricks.mirror=true networks.name=symmetric networks.generator.upsample=bicubic
        networks.discriminator.norm=rms train.generator.name=adamw
    """.split()
    keys = [word for setting in settings for word in ("--set", setting)]
    shown = run(copy, "-m", "ganzoo", "train", "nsgan", "--data", "stripes", *keys, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    for setting in ('"margin": 1.0', '"mirror": {', '"name": "symmetric"', '"upsample": "bicubic"', '"norm": "rms"'):
        assert setting in shown.stdout
    assert '"weight_decay": 0.01' in shown.stdout and '"spec": "stripes"' in shown.stdout


def test_the_tables_of_the_pages_take_each_in_and_the_contracts_hold(copy):
    pages = [f"guide/{page}.md" for page in ("config-reference", "data", "losses", "metrics", "networks", "techniques")]
    both = "from tools.docs_tables import main; print('checked', main(['--check'])); main([])"
    checked, code, written = run(copy, "-c", both).stdout.partition("checked 1\n")
    assert code and re.findall(r"docs/(\S+): run", checked) == re.findall(r"docs/(\S+): written", written) == pages
    text = "".join((copy / "docs" / page).read_text(encoding="utf-8") for page in pages)
    assert [name for name in ADDED.values() if f"| `{name}` |" not in text and f"`tricks.{name}`" not in text] == []
    chosen = " or ".join([*ADDED.values(), "test_imports", "test_docs", "networks_page", "test_what_there_is"])
    held = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONTRACTS, "-k", chosen)
    assert held.returncode == 0, held.stdout[-3000:]
