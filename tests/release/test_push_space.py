"""The Space that serves the demo of a release, pushed to a double of the Hub and run from its folder."""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from hub_double import Hub
from installed import need

from ganzoo import __version__, api, cli
from ganzoo.errors import InputError
from ganzoo.losses import NSGAN
from ganzoo.release import push as push_module
from ganzoo.release.push import SPACE_FILES, push, space_readme
from ganzoo.sampling import load
from ganzoo.training.release import DISPLAY_FILES, REQUIRED_FILES
from small_runs import small, toy_data

ADDRESS = "hf:jane/digits"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    need("gradio")
    import_module("gradio")  # which needs the real huggingface_hub
    found = Hub(tmp_path / "hub")
    for name, module in found.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def import_app(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("app", folder / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_space_is_pushed_after_the_model_and_serves_the_release_in_its_folder(hub, finished):
    urls = push(finished, ADDRESS, space=True)
    assert urls == ["https://huggingface.co/jane/digits", "https://huggingface.co/spaces/jane/digits"]
    model, folder = hub.folder / "jane/digits", hub.folder / "spaces/jane/digits"
    assert {p.name for p in folder.iterdir()} == {*REQUIRED_FILES, *DISPLAY_FILES, *SPACE_FILES}
    assert not (model / "app.py").exists() and "ganzoo sample hf:jane/digits" in (model / "README.md").read_text()
    assert (folder / "requirements.txt").read_text() == f"ganzoo-torch[demo]=={__version__}\n"
    demo = import_app(folder).demo
    (left,) = (block for block in demo.blocks.values() if getattr(block, "elem_id", None) == "left")
    assert left.choices == [("digits", "digits")] and demo.analytics_enabled is False
    (folder / "generator.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="SHA-256"):
        import_app(folder)


def test_the_readme_has_the_settings_that_the_hub_reads(finished):
    need("gradio", "huggingface_hub")
    card = import_module("huggingface_hub").SpaceCard(space_readme(load(finished), "jane/digits", None))
    assert card.data.sdk == "gradio" and card.data.sdk_version == version("gradio") and card.data.app_file == "app.py"
    assert card.data.license == "mit" and card.data.models == ["jane/digits"] and card.data.python_version == "3.11"
    card = import_module("huggingface_hub").SpaceCard(space_readme(load(finished), "jane/digits", "cc0-1.0"))
    assert card.data.license == "cc0-1.0" and card.data.title == "cgan on memory"


def test_from_the_command_line(hub, run, capsys):
    assert cli.run(["push", str(run), ADDRESS, "--space"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "https://huggingface.co/spaces/jane/digits"


def test_a_release_that_a_space_cannot_serve_is_refused_before_anything_is_sent(hub, tmp_path):
    points = api.train(small("mixtures/nsgan", train={"steps": 1}, data={"spec": "ring"}), out=tmp_path / "points")
    type("Mine", (NSGAN,), {"name": "mine", "__doc__": NSGAN.__doc__, "__module__": "plugin"})  # registers itself
    other = api.train(small("nsgan", train={"steps": 1}, loss={"name": "mine"}), toy_data(size=16), tmp_path / "other")
    for run, says in ((points, "makes points, but the demo shows images"), (other, "needs a plugin")):
        with pytest.raises(InputError, match=f"--space: .* {says}"):
            push(run, ADDRESS, space=True)
    assert not hub.log


def test_without_the_extra_it_is_named(hub, run, monkeypatch):
    def missing(name: str) -> str:
        raise push_module.PackageNotFoundError(name)

    monkeypatch.setattr(push_module, "version", missing)
    with pytest.raises(InputError, match=r"--space needs the package 'gradio': pip install 'ganzoo-torch\[demo\]'"):
        push(run, ADDRESS, space=True)
    assert not hub.log
