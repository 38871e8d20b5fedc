"""What the demo draws when its page asks: an address with parameters -> a PNG. Knows no network."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from math import isfinite
from threading import Lock
from typing import Any

from torch import Tensor

from ganzoo.errors import InputError, unknown_name
from ganzoo.image_io import grid, to_pil
from ganzoo.sampling import Sampler, load

Parameters = Mapping[str, str]

MOST = 64  # images of one answer
SEEDS = 2**53  # what a page can count up to exactly


def of_pictures(name: str) -> Sampler:
    """The checkpoint called `name`; raises `InputError` where there is none, and for one that makes points."""
    sampler = load(name)
    if sampler.is_points:
        raise InputError(f"{name} makes points; the demo shows pictures, 'ganzoo sample' draws points")
    return sampler


class Answers:
    """Draws from the `samplers` it was given, and from nothing else; a checkpoint is asked for by its place among them."""

    def __init__(self, samplers: Mapping[str, Sampler]) -> None:
        self.samplers = dict(samplers)
        self.kinds: dict[str, Callable[[Sampler, Parameters], Tensor]] = {"samples": samples, "walk": walk}
        self._one_at_a_time = Lock()  # some layers keep what they see while they draw

    def described(self) -> list[dict[str, Any]]:
        """What the page must know of each checkpoint."""
        return [description(name, sampler) for name, sampler in self.samplers.items()]

    def png(self, kind: str, parameters: Parameters) -> bytes:
        """The PNG that is asked for; raises `InputError` for whatever is wrong with `parameters`."""
        allowed = {"checkpoint", "seed", "class", "truncation", "n" if kind == "samples" else "to"} | (
            {"frames"} if kind == "walk" else set()
        )
        for name in parameters:
            if name not in allowed:
                raise unknown_name("parameter", name, allowed)
        place = whole(parameters, "checkpoint", 0, len(self.samplers) - 1)
        with self._one_at_a_time:
            picture = self.kinds[kind](list(self.samplers.values())[place], parameters)
        buffer = io.BytesIO()
        to_pil(picture).save(buffer, "PNG")
        return buffer.getvalue()


def description(name: str, sampler: Sampler) -> dict[str, Any]:
    """One checkpoint as the page has it."""
    latent, card = sampler.latent, sampler.card
    kind = {"gaussian": "Gaussian", "uniform": "uniform", "sphere": "spherical"}[latent.distribution]
    return {
        "name": name,
        "about": card["about"],
        "data": card["data"],
        "classes": list(sampler.class_names),
        "latent": f"{latent.dim} {kind} values",
        "truncates": latent.distribution == "gaussian",
        "size": card["shape"][1],
    }


def samples(sampler: Sampler, parameters: Parameters) -> Tensor:
    """A square grid of `n` images from seed `seed` on."""
    n, seed = whole(parameters, "n", 1, MOST, 16), whole(parameters, "seed", 0, SEEDS, 0)
    images = sampler.sample(n, seed, classes=classes(parameters), truncation=truncation(parameters))
    return grid(images, max(1, round(n**0.5)))[0]


def walk(sampler: Sampler, parameters: Parameters) -> Tensor:
    """`frames` images side by side, without a line between them, on the way from `seed` to `to`."""
    ends = [whole(parameters, "seed", 0, SEEDS, 0), whole(parameters, "to", 0, SEEDS, 1)]
    frames = whole(parameters, "frames", 2, MOST, 16)
    images = sampler.walk(ends, frames, classes=classes(parameters), truncation=truncation(parameters))
    return images.permute(1, 2, 0, 3).flatten(2)


def whole(parameters: Parameters, name: str, least: int, most: int, usual: int | None = None) -> int:
    """A whole number among `parameters`; raises `InputError`."""
    text = parameters.get(name, "" if usual is None else str(usual))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise InputError(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def truncation(parameters: Parameters) -> float | None:
    """The bound on z, None if it is not said; raises `InputError`."""
    text = parameters.get("truncation", "")
    if not text:
        return None
    try:
        psi = float(text)
    except ValueError:
        psi = float("nan")
    if not (isfinite(psi) and psi > 0):
        raise InputError(f"truncation must be a number above 0, not {text!r}")
    return psi


def classes(parameters: Parameters) -> list[str] | None:
    """The class that is asked for, None if none is."""
    return [parameters["class"]] if parameters.get("class") else None
