"""View of the demo: settings of the page, the pictures they describe, the link that restores them."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ganzoo.errors import InputError, unknown_name
from ganzoo.image_io import encode, encode_gif, grid, to_pil
from ganzoo.json_io import describe_error
from ganzoo.sampling import Sampler
from ganzoo.sampling.latent_ops import code_columns

MAX_IMAGES = 64
NO_TRUNCATION = 3.0
"""Upper end of the truncation slider: z is not truncated."""
CODE_ROWS = 4  # seeds of a code traversal, the default of `ganzoo sample`

Seed = Annotated[int, Field(ge=0, le=2**53)]  # JavaScript's largest exact integer
Shown = Literal["samples", "walk", "codes"]


class View(BaseModel):
    """Settings in the order of the controls on the page; their names are the parameters of a link."""

    model_config = ConfigDict(frozen=True)

    left: str
    """Name of the first checkpoint."""
    right: str = ""
    """Name of the second checkpoint; empty: the first alone."""
    show: Shown = "samples"
    seed: Seed = 0
    to: Seed = 1
    """The seed that a walk leads to, before it returns."""
    images: Annotated[int, Field(ge=1, le=MAX_IMAGES)] = 16
    """Number of samples, or of frames from one end of a walk to the other."""
    class_name: str = ""
    """Empty: each seed draws its class."""
    truncation: Annotated[float, Field(gt=0, le=NO_TRUNCATION)] = NO_TRUNCATION
    code: str = ""
    """The part of the code that changes along a row; empty: the first."""


class Offer(NamedTuple):
    """Choices that all checkpoints on the page have in common."""

    shows: list[str]
    classes: list[str]
    codes: list[str]
    truncates: bool


def read_view(settings: Mapping[str, Any]) -> View:
    """Validate `settings`, from the page or a link; unknown keys are ignored. Raises `InputError`."""
    try:
        return View.model_validate(settings)
    except ValidationError as error:
        raise InputError("; ".join(describe_error(each) for each in error.errors()[:3])) from None


def read_link(query: str, usual: View) -> View:
    """The view of a link's query string, with settings of `usual` for those it lacks; raises `InputError`."""
    return read_view(usual.model_dump() | dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


def link_query(view: View) -> str:
    """The query string that `read_link` reads."""
    return "?" + urlencode({"left": view.left, "right": view.right} | view.model_dump(exclude_defaults=True))


def short_names(samplers: Mapping[str, Sampler]) -> dict[str, Sampler]:
    """The samplers by the last part of their paths, or by their full names if two last parts are equal."""
    ends = [Path(name).name for name in samplers]
    return dict(zip(ends if len(set(ends)) == len(ends) else samplers, samplers.values(), strict=True))


def chosen(samplers: Mapping[str, Sampler], view: View) -> dict[str, Sampler]:
    """The checkpoints of the view, the left one first; raises `InputError` for a name that is not among `samplers`."""
    names = [view.left, view.right] if view.right else [view.left]
    for name in names:
        if name not in samplers:
            raise unknown_name("checkpoint", name, samplers)
    return {name: samplers[name] for name in names}


def offer(samplers: Collection[Sampler]) -> Offer:
    """The choices that checkpoints shown together have in common."""
    codes = common(sampler.code_names for sampler in samplers)
    shows = ["samples", "walk", "codes"] if codes else ["samples", "walk"]
    truncates = all(sampler.latent.distribution == "gaussian" for sampler in samplers)
    return Offer(shows, common(sampler.class_names for sampler in samplers), codes, truncates)


def common(choices: Iterable[Sequence[str]]) -> list[str]:
    """The items that all of `choices` have, in the order of the first."""
    first, *others = choices
    return [each for each in first if all(each in other for other in others)]


def applicable(view: View, possible: Offer) -> View:
    """`view` without the settings that its checkpoints cannot use."""
    usable = {
        "show": view.show if view.show in possible.shows else "samples",
        "class_name": view.class_name if view.class_name in possible.classes else "",
        "truncation": view.truncation if possible.truncates else NO_TRUNCATION,
        "code": view.code if view.code in possible.codes else next(iter(possible.codes), ""),
    }
    return view.model_copy(update=usable)


def picture(sampler: Sampler, view: View) -> bytes:
    """The PNG, or the GIF of a walk and back, as `ganzoo sample` writes it; raises `InputError`."""
    classes = [view.class_name] if view.class_name else None
    truncation = view.truncation if view.truncation < NO_TRUNCATION else None
    if view.show == "walk":
        ends = [view.seed, view.to, view.seed]
        return encode_gif(sampler.walk(ends, view.images, classes=classes, truncation=truncation)[:-1])
    if view.show == "codes" and sampler.latent.code is not None:
        seeds, columns = range(view.seed, view.seed + CODE_ROWS), code_columns(sampler.latent.code)
        return encode(to_pil(grid(sampler.traverse(view.code, seeds, truncation), columns)[0]))
    images = sampler.sample(view.images, view.seed, classes=classes, truncation=truncation)
    return encode(to_pil(grid(images, max(1, round(view.images**0.5)))[0]))


def caption(name: str, view: View) -> str:
    """The name of a checkpoint and its seeds in the picture."""
    if view.show == "walk":
        return f"{name}, seed {view.seed} to seed {view.to} and back"
    if view.show == "codes":
        return f"{name}, code {view.code} along each row, seeds {view.seed} to {view.seed + CODE_ROWS - 1}"
    return f"{name}, seeds {view.seed} to {view.seed + view.images - 1}"


def file_name(name: str, view: View) -> str:
    """The caption as the name of the picture's file."""
    suffix = "gif" if view.show == "walk" else "png"
    return f"{re.sub(r'[^a-zA-Z0-9._]+', '-', caption(name, view)).strip('-.')}.{suffix}"


def latent_note(samplers: Collection[Sampler]) -> str:
    """A sentence on the latents: same or different for the two checkpoints."""
    words = {"gaussian": "Gaussian", "uniform": "uniform", "sphere": "spherical"}
    first, *others = (f"{s.latent.dim} {words[s.latent.distribution]} values" for s in samplers)
    if not others:
        return f"Latents: {first}."
    same = others[0] == first
    return f"Both get the same latents: {first}." if same else f"The latents differ: {first} and {others[0]}."
