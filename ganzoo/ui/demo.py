"""The demo: a Gradio page to explore checkpoints by seed, class, truncation, walk and code, two side by side."""

from collections.abc import Callable, Mapping
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.errors import InputError, missing_extra
from ganzoo.sampling import Sampler, load
from ganzoo.ui.view import (
    MAX_IMAGES,
    NO_TRUNCATION,
    Offer,
    View,
    applicable,
    caption,
    chosen,
    file_name,
    latent_note,
    link_query,
    offer,
    picture,
    read_link,
    read_view,
    short_names,
)

Updates = list[dict[str, Any]]

DAY = 86_400  # seconds that Gradio keeps a picture it has served
INTRO = "# ganzoo demo\nOne seed is one image. Two checkpoints get the same seeds, side by side."
FOLLOW_LINK = "() => location.search"
SHOW_LINK = "(query) => { history.replaceState(null, '', query); return location.href; }"


def import_gradio() -> Any:
    """Import Gradio; raises `InputError` if it is not installed."""
    try:
        return import_module("gradio")
    except ImportError:
        raise missing_extra("gradio", "demo", "ganzoo demo") from None


def load_images(name: str | Path) -> Sampler:
    """Load a checkpoint that draws images; raises `InputError`, also for one that draws points."""
    sampler = load(name)
    if sampler.is_points:
        raise InputError(f"{name} makes points, but the demo shows images; draw points with 'ganzoo sample'")
    return sampler


class Page(NamedTuple):
    """Components of the page that change, and its checkpoints."""

    gradio: Any
    samplers: dict[str, Sampler]
    controls: dict[str, Any]
    """One for each field of `View`, in its order."""
    pictures: list[Any]
    next_seeds: Any
    note: Any
    link: Any

    @property
    def outputs(self) -> list[Any]:
        """The outputs of `redraw`."""
        return [*self.controls.values(), *self.pictures, self.next_seeds, self.note, self.link]


def build_demo(samplers: Mapping[str, Sampler]) -> Any:
    """Build the page over `samplers`, by name, as `gradio.Blocks`; raises `InputError` if Gradio is not installed."""
    gradio = import_gradio()
    with gradio.Blocks(title="ganzoo demo", analytics_enabled=False, delete_cache=(DAY, DAY)) as demo:
        connect(make_page(gradio, short_names(samplers)), demo)
    return demo


def make_page(gradio: Any, samplers: dict[str, Sampler]) -> Page:
    """The components, from top to bottom."""
    gradio.Markdown(INTRO)
    controls, next_seeds = make_controls(gradio, list(samplers))
    with gradio.Row():
        pictures = [make_picture(gradio, f"{side}-picture") for side in ("left", "right")]
    note = gradio.Markdown(elem_id="note")
    link = gradio.Textbox(label="Link to this view", interactive=False, buttons=["copy"], elem_id="link")
    return Page(gradio, samplers, controls, pictures, next_seeds, note, link)


def make_controls(gradio: Any, names: list[str]) -> tuple[dict[str, Any], Any]:
    """The controls, one for each field of `View`, in its order; and the button for the next seeds."""
    with gradio.Row():
        left = gradio.Dropdown(names, value=names[0], label="Checkpoint", elem_id="left")
        right = gradio.Dropdown([("none", ""), *names], value=[*names, ""][1], label="Compare with", elem_id="right")
        show = gradio.Radio(["samples", "walk"], value="samples", label="Show", elem_id="show")
    with gradio.Row():
        seed = gradio.Number(0, label="First seed", elem_id="seed")
        to = gradio.Number(1, label="Walk to seed", visible=False, elem_id="to")
        images = gradio.Slider(1, MAX_IMAGES, 16, step=1, label="Images", elem_id="images")
        class_name = gradio.Dropdown([("any", "")], value="", label="Class", visible=False, elem_id="class_name")
        truncation = gradio.Slider(
            0.1,
            NO_TRUNCATION,
            NO_TRUNCATION,
            step=0.1,
            label=f"Truncation ({NO_TRUNCATION:g}: off)",
            visible=False,
            elem_id="truncation",
        )
        code = gradio.Dropdown([""], value="", label="Code", visible=False, elem_id="code")
        next_seeds = gradio.Button("Next seeds", size="sm", scale=0, min_width=130, elem_id="next")
    controls = [left, right, show, seed, to, images, class_name, truncation, code]
    return dict(zip(View.model_fields, controls, strict=True)), next_seeds


def make_picture(gradio: Any, name: str) -> Any:
    """An image component with hard pixels and a download button."""
    return gradio.Image(
        label="", elem_id=name, elem_classes="picture", interactive=False, buttons=["download", "fullscreen"]
    )


def connect(page: Page, demo: Any) -> None:
    """Draw when the page opens and whenever the reader changes a control, one picture at a time."""
    # One at a time, because some layers store their inputs while they draw.
    controls = list(page.controls.values())
    private = {"api_visibility": "private", "show_progress": "hidden"}
    draw: dict[str, Any] = {"fn": one_line_errors(page, redraw), "inputs": controls, "outputs": page.outputs}
    draw |= private | {"concurrency_id": "draw", "concurrency_limit": 1}
    opened = demo.load(one_line_errors(page, follow_link), page.link, controls, js=FOLLOW_LINK, **private)
    seed, images = page.controls["seed"], page.controls["images"]
    following = page.next_seeds.click(lambda first, n: (first or 0) + n, [seed, images], seed, **private)
    changed = page.gradio.on([each.input for each in controls], trigger_mode="always_last", **draw)
    for drawn in (opened.success(**draw), opened.failure(**draw), following.success(**draw), changed):
        drawn.success(None, page.link, page.link, js=SHOW_LINK, **private)


def one_line_errors(page: Page, fn: Callable[..., Updates]) -> Callable[..., Updates]:
    """Wrap `fn` so that an `InputError` is shown on the page in one line."""

    def shown(*values: Any) -> Updates:
        try:
            return fn(page, *values)
        except InputError as error:
            raise page.gradio.Error(escape(str(error), quote=False), print_exception=False) from None

    return shown


def redraw(page: Page, *settings: Any) -> Updates:
    """Draw the pictures for the values of the controls, and show the controls that apply to them."""
    if None in settings:  # a number that is being typed
        return [page.gradio.skip()] * len(page.outputs)
    asked = read_view(dict(zip(View.model_fields, settings, strict=True)))
    samplers = chosen(page.samplers, asked)
    possible = offer(samplers.values())
    view = applicable(asked, possible)
    drawn = [show_picture(page, name, sampler, view) for name, sampler in samplers.items()]
    drawn += [page.gradio.update(value=None, visible=False)] * (len(page.pictures) - len(drawn))
    more = page.gradio.update(visible=view.show == "samples")
    changes = [page.gradio.update(**change) for change in control_changes(view, possible, asked)]
    return [*changes, *drawn, more, latent_note(samplers.values()), link_query(view)]


def show_picture(page: Page, name: str, sampler: Sampler, view: View) -> dict[str, Any]:
    """The Gradio update of the image that shows `sampler`."""
    save = page.gradio.processing_utils.save_bytes_to_cache
    path = save(picture(sampler, view), file_name(name, view), page.pictures[0].GRADIO_CACHE)
    text = caption(name, view)
    update: dict[str, Any] = page.gradio.update(value=path, label=text, alt_text=text, visible=True)
    return update


def follow_link(page: Page, query: str) -> Updates:
    """Set the controls to the view of the link that the page was opened with."""
    names = [*page.samplers, ""]
    asked = read_link(query, View(left=names[0], right=names[1]))
    possible = offer(chosen(page.samplers, asked).values())
    return [page.gradio.update(**change) for change in control_changes(applicable(asked, possible), possible)]


def control_changes(view: View, possible: Offer, current: View | None = None) -> Updates:
    """Choices, visibility and value of each control; controls that the checkpoints cannot use are hidden.

    A value that the `current` view already has is left out: the reader may have changed the control in the meantime.
    """
    walks, codes = view.show == "walk", view.show == "codes"
    changes: dict[str, dict[str, Any]] = {
        "show": {"choices": possible.shows},
        "to": {"visible": walks},
        "images": {"visible": not codes, "label": "Frames" if walks else "Images"},
        "class_name": {"choices": [("any", ""), *possible.classes], "visible": bool(possible.classes)},
        "truncation": {"visible": possible.truncates},
        "code": {"choices": possible.codes or [""], "visible": codes},
    }
    values, known = view.model_dump(), {} if current is None else current.model_dump()
    return [changes.get(n, {}) | ({} if known.get(n) == value else {"value": value}) for n, value in values.items()]
