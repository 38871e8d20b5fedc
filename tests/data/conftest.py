from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def images() -> np.ndarray:
    """(12, 8, 8, 3), no two alike."""
    return np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8)


@pytest.fixture
def npz(tmp_path: Path, images: np.ndarray) -> str:
    """A spec of 12 images in 3 classes, four of each."""
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(12) % 3)
    return f"npz:{tmp_path / 'set.npz'}"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of pictures of mixed sizes and modes in the classes cat and dog, with things that are no pictures."""
    root = tmp_path / "pets"
    pictures = {
        "cat/a.png": Image.new("L", (20, 30), 7),
        "cat/old/b.jpg": Image.new("RGB", (31, 17), "red"),
        "dog/c.png": Image.new("RGBA", (9, 9), (0, 0, 255, 128)),
        "dog/d.gif": Image.new("P", (40, 12), 3),
        "dog/e.TIFF": Image.new("CMYK", (12, 12), (0, 255, 255, 0)),
    }
    for name, picture in pictures.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(root / name)
    for hidden in (root / ".trash", root / "cat" / ".trash"):
        hidden.mkdir()
        Image.new("L", (9, 9)).save(hidden / "x.png")
    (root / "notes").mkdir()
    (root / "notes" / "read.me").write_text("no picture")
    (root / "cat" / "._a.png").write_bytes(b"macOS was here")
    (root / "cat" / "list.txt").write_text("a.png")
    return root


@pytest.fixture
def broken(pets: Path) -> Path:
    """A picture of the dogs that cannot be read."""
    whole = (pets / "cat" / "a.png").read_bytes()
    (pets / "dog" / "broken.png").write_bytes(whole[: len(whole) // 2])
    return pets / "dog" / "broken.png"
