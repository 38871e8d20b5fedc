"""The demo: a Gradio page to explore checkpoints by seed, class, truncation, walk and code, two side by side."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
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
)

Updates = list[dict[str, Any]]

DAY = 86_400  # seconds that Gradio keeps a picture it has served
INTRO = "# ganzoo demo\nOne seed is one image. Two checkpoints get the same seeds, side by side."
STYLE = """
.picture img { image-rendering: pixelated; object-fit: contain; width: 100%; height: auto; max-height: 36rem; }
.picture .image-frame { width: 100%; }
.picture label { position: static; border: none; }
.picture .icon-button-wrapper { position: static; border: none; justify-content: flex-end; }
#next { align-self: center; }
"""
FOLLOW_LINK = "() => location.search"
SHOW_LINK = "(query) => { history.replaceState(null, '', query); return location.href; }"
LOOPBACK = ("127.0.0.1", "localhost")


def import_gradio() -> Any:
    """Gradio; raises `InputError` if it is not installed."""
    try:
        return import_module("gradio")
    except ImportError:
        raise missing_extra("gradio", "demo", "ganzoo demo") from None


def load_images(name: str | Path) -> Sampler:
    """Load a checkpoint that draws images; raises `InputError`, also for one that draws points."""
    sampler = load(name)
    if sampler.is_points:
        raise InputError(f"{name} makes points; the demo shows pictures, 'ganzoo sample' draws points")
    return sampler


def short_names(samplers: Mapping[str, Sampler]) -> dict[str, Sampler]:
    """The samplers by the last parts of their paths, or by their whole names if two of these are alike."""
    ends = [Path(name).name for name in samplers]
    return dict(zip(ends if len(set(ends)) == len(ends) else samplers, samplers.values(), strict=True))


class Page(NamedTuple):
    """The components that change, and the checkpoints."""

    gradio: Any
    samplers: dict[str, Sampler]
    controls: list[Any]
    """One for each field of `View`, in its order."""
    pictures: list[Any]
    next_seeds: Any
    note: Any
    link: Any

    @property
    def outputs(self) -> list[Any]:
        """The outputs of `redraw`."""
        return [*self.controls, *self.pictures, self.next_seeds, self.note, self.link]


def build_demo(samplers: Mapping[str, Sampler]) -> Any:
    """The page over `samplers`, by name, as `gradio.Blocks`; raises `InputError` if Gradio is not installed."""
    gradio = import_gradio()
    with gradio.Blocks(title="ganzoo demo", analytics_enabled=False, delete_cache=(DAY, DAY)) as demo:
        connect(make_page(gradio, short_names(samplers)), demo)
    return demo


def make_page(gradio: Any, samplers: dict[str, Sampler]) -> Page:
    """The components, from top to bottom."""
    gradio.Markdown(INTRO)
    *controls, next_seeds = make_controls(gradio, list(samplers))
    with gradio.Row():
        pictures = [make_picture(gradio, f"{side}-picture") for side in ("left", "right")]
    note = gradio.Markdown(elem_id="note")
    link = gradio.Textbox(label="Link to this view", interactive=False, buttons=["copy"], elem_id="link")
    return Page(gradio, samplers, controls, pictures, next_seeds, note, link)


def make_controls(gradio: Any, names: list[str]) -> list[Any]:
    """The controls, one for each field of `View`, in its order; then the button for the next seeds."""
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
    return [left, right, show, seed, to, images, class_name, truncation, code, next_seeds]


def make_picture(gradio: Any, name: str) -> Any:
    """An image that is shown with hard pixels, and that a button saves."""
    return gradio.Image(
        label="", elem_id=name, elem_classes="picture", interactive=False, buttons=["download", "fullscreen"]
    )


def connect(page: Page, demo: Any) -> None:
    """Draw when the page opens and whenever the reader changes a control, one picture at a time."""
    # One at a time, because some layers keep what they see while they draw.
    draw: dict[str, Any] = {"fn": one_line_errors(page, redraw), "inputs": page.controls, "outputs": page.outputs}
    draw |= {"concurrency_id": "draw", "concurrency_limit": 1, "show_progress": "hidden", "api_visibility": "private"}
    private = {"api_visibility": "private", "show_progress": "hidden"}
    opened = demo.load(one_line_errors(page, follow_link), page.link, page.controls, js=FOLLOW_LINK, **private)
    seed, images = page.controls[3], page.controls[5]
    following = page.next_seeds.click(lambda first, n: (first or 0) + n, [seed, images], seed, **private)
    changed = page.gradio.on([each.input for each in page.controls], trigger_mode="always_last", **draw)
    for drawn in (opened.success(**draw), opened.failure(**draw), following.success(**draw), changed):
        drawn.success(None, page.link, page.link, js=SHOW_LINK, **private)


def one_line_errors(page: Page, fn: Callable[..., Updates]) -> Callable[..., Updates]:
    """`fn` of the page, whose `InputError` is shown there in one line."""

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
    """The update of the image that shows `sampler`."""
    save = page.gradio.processing_utils.save_bytes_to_cache
    path = save(picture(sampler, view), file_name(name, view), page.pictures[0].GRADIO_CACHE)
    text = caption(name, view)
    return page.gradio.update(value=path, label=text, visible=True)


def follow_link(page: Page, query: str) -> Updates:
    """Set the controls to the view of the link that the page was opened with."""
    names = [*page.samplers, ""]
    asked = read_link(query, View(left=names[0], right=names[1]))
    possible = offer(chosen(page.samplers, asked).values())
    return [page.gradio.update(**change) for change in control_changes(applicable(asked, possible), possible)]


def control_changes(view: View, possible: Offer, current: View | None = None) -> Updates:
    """The choices, the visibility and the value of each control; one that the checkpoints cannot use is hidden.

    A value that the `current` view has already is left out: the reader may have changed the control meanwhile.
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


def launch(demo: Any, **options: Any) -> None:
    """Start the server of a page; `options` are those of `gradio.Blocks.launch`."""
    theme = import_gradio().themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    quiet = {"quiet": True, "footer_links": [], "run_history": False, "mcp_server": False, "ssr_mode": False}
    demo.launch(theme=theme, css=STYLE, **quiet, **options)


def serve(samplers: Mapping[str, Sampler], host: str, port: int, share: bool, say: Callable[[str], None]) -> None:
    """Serve the page at `host`:`port` (0: any free port) until Ctrl-C; raises `InputError`.

    With `share` it also gets a public address at gradio.live, which passes all traffic on through a server of Gradio's.
    """
    port, demo = bindable_port(host, port), build_demo(samplers)
    printed, local = io.StringIO(), {} if share else own_names_only(host)
    try:
        with redirect_stdout(printed):
            launch(demo, server_name=host, server_port=port, share=share, prevent_thread_lock=True, **local)
        if share and not demo.share_url:
            raise InputError(f"--share: {' '.join(printed.getvalue().split())}")
        say(f"{demo.share_url or demo.local_url} (Ctrl-C ends it)")
        threading.Event().wait()
    except KeyboardInterrupt:
        say("ended")
    finally:
        demo.close(verbose=False)


def bindable_port(host: str, port: int) -> int:
    """`port`, or a free one if it is 0; raises `InputError` for an address that no server can listen at."""
    if not host:
        raise InputError("--host is empty, which would be open to everybody; leave it out for this machine alone")
    try:
        with socket.create_server((host, port)) as server:
            return int(server.getsockname()[1])
    except (OSError, TypeError, ValueError) as error:  # the latter two for text that is no host name
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen at {host}:{port}: {why}; choose another --port or --host") from None


def own_names_only(host: str) -> dict[str, Any]:
    """The option of `launch` that refuses requests for another site's name if `host` is this machine alone.

    A site whose name was made to point here could read the pictures otherwise (DNS rebinding).
    """
    if host not in LOOPBACK:
        return {}
    starlette = import_module("starlette.middleware"), import_module("starlette.middleware.trustedhost")
    trusted = starlette[0].Middleware(starlette[1].TrustedHostMiddleware, allowed_hosts=list(LOOPBACK))
    return {"app_kwargs": {"middleware": [trusted]}}
