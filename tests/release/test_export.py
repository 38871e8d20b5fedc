"""One file that another program draws the same images with."""

from __future__ import annotations

import sys
import zipfile
from importlib import import_module

import pytest
import torch
from installed import need

import ganzoo
from ganzoo import api, cli
from ganzoo.errors import InputError
from ganzoo.release import export as module
from ganzoo.release.export import export
from small_runs import small, toy_data


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    config = small("infogan", train={"steps": 1}, networks={"init": "he"})
    return ganzoo.load(api.train(config, toy_data(), tmp_path_factory.mktemp("export") / "run"))


def test_onnx_has_named_inputs_any_batch_and_the_same_images(run, tmp_path, capsys):
    need("onnx", "onnxscript", "onnxruntime")
    runtime = import_module("onnxruntime")
    path = tmp_path / "cgan.onnx"
    assert cli.run(["export", str(run), "--out", str(path)]) == 0
    assert "cgan.onnx: images within" in capsys.readouterr().out
    session = runtime.InferenceSession(path)
    assert {each.name: each.shape[1:] for each in session.get_inputs()} == {"z": [8], "labels": []}
    generator = ganzoo.load(run).generator
    for n in (1, 5):
        z, labels = torch.randn(n, 8), torch.arange(n) % 3
        (images,) = session.run(["images"], {"z": z.numpy(), "labels": labels.numpy()})
        assert images.shape == (n, 1, 32, 32)
        assert (torch.from_numpy(images) - generator(z, labels)).abs().max() < 1e-4
    assert [p.name for p in tmp_path.iterdir()] == ["cgan.onnx"], "weights and all"


def test_pt2_takes_z_and_code_and_is_no_pickle(coded, tmp_path):
    assert export(coded, tmp_path / "g.pt2", "pt2") < 1e-4
    program = torch.export.load(tmp_path / "g.pt2").module()
    for n in (1, 4):
        z, code = torch.rand(n, 8), torch.rand(n, sum(coded.latent.code))
        images = program(z=z, labels=None, code=code)
        assert (images - coded.generator(torch.cat([z, code], 1), None)).abs().max() < 1e-4
    with zipfile.ZipFile(tmp_path / "g.pt2") as archive:
        for name in archive.namelist():
            assert archive.read(name)[:1] != b"\x80" and archive.read(name)[:2] != b"PK", name


def test_a_file_that_draws_something_else_is_not_written(coded, tmp_path, monkeypatch):
    read = module.READERS["pt2"]
    monkeypatch.setitem(module.READERS, "pt2", lambda path: lambda inputs: read(path)(inputs) + 2e-4)
    (tmp_path / "g.pt2").write_bytes(b"an older one")
    with pytest.raises(InputError, match=r"was not written: .* differ from PyTorch's by 0\.0002"):
        export(coded, tmp_path / "g.pt2", "pt2")
    assert (tmp_path / "g.pt2").read_bytes() == b"an older one" and len(list(tmp_path.iterdir())) == 1


def test_what_the_exporter_stumbles_over_is_one_line(coded, tmp_path, monkeypatch):
    def stumbles(*_: object) -> None:
        raise RuntimeError("data-dependent\nand thirty lines more")

    monkeypatch.setattr(module, "trace", stumbles)
    with pytest.raises(InputError, match=r"cannot be exported as pt2: data-dependent$"):
        export(coded, tmp_path / "g.pt2", "pt2")
    assert not list(tmp_path.iterdir())


def test_noise_in_the_layers_cannot_be_exported(tmp_path):
    config = small("nsgan", train={"steps": 1}, networks={"generator": {"noise": 0.1}})
    sampler = ganzoo.load(api.train(config, toy_data(), tmp_path / "run"))
    with pytest.raises(InputError, match="draw noise or dropout"):
        export(sampler, tmp_path / "g.pt2", "pt2")
    assert not (tmp_path / "g.pt2").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "onxx"], "did you mean 'onnx'?"),
        (["--format", "pt2", "--out", "g.onnx"], "ends in .pt2"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(run, words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["export", str(run), *words]) == 2
    printed = capsys.readouterr().err
    assert says in printed and printed.count("\n") == 1 and not list(tmp_path.iterdir())


def test_without_the_extra_it_is_named(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert cli.run(["export", str(run)]) == 2
    assert "'onnxruntime': pip install 'ganzoo-torch[export]'" in capsys.readouterr().err
