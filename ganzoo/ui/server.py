"""Gradio server of the demo: style, address and port, allowed host names."""

import io
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any

from ganzoo.errors import InputError, first_line
from ganzoo.sampling import Sampler
from ganzoo.ui.demo import build_demo, import_gradio

STYLE = """
.picture img { image-rendering: pixelated; object-fit: contain; width: 100%; height: auto; max-height: 36rem; }
.picture .image-frame { width: 100%; }
.picture label { position: static; border: none; }
.picture .icon-button-wrapper { position: static; border: none; justify-content: flex-end; }
#next { align-self: center; }
"""
LOOPBACK = ("127.0.0.1", "localhost")


def launch(demo: Any, **options: Any) -> None:
    """Start the server of a page; `options` are those of `gradio.Blocks.launch`."""
    theme = import_gradio().themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    off = {"footer_links": [], "run_history": False, "enable_monitoring": False, "mcp_server": False, "ssr_mode": False}
    demo.launch(theme=theme, css=STYLE, quiet=True, **off, **options)


def serve(samplers: Mapping[str, Sampler], host: str, port: int, share: bool, say: Callable[[str], None]) -> None:
    """Serve the page at `host`:`port` (0: any free port) until Ctrl-C; raises `InputError`.

    With `share` it also gets a public address at gradio.live; all its traffic passes through a server of Gradio's.
    """
    port, demo = bindable_port(host, port), build_demo(samplers)
    printed, local = io.StringIO(), {} if share else own_names_only(host)
    try:
        with redirect_stdout(printed), one_line_failures(host, port):
            launch(demo, server_name=host, server_port=port, share=share, prevent_thread_lock=True, **local)
        if share and not demo.share_url:
            raise InputError(f"--share: {' '.join(printed.getvalue().split())}")
        say(f"{demo.share_url or demo.local_url} (Ctrl-C ends it)")
        threading.Event().wait()
    except KeyboardInterrupt:
        say("ended")
    finally:
        demo.close(verbose=False)


@contextmanager
def one_line_failures(host: str, port: int) -> Iterator[None]:
    """Turn any error that Gradio raises at its start into one line."""
    try:
        yield
    except Exception as error:  # Gradio and the libraries below it raise many types
        raise InputError(
            f"cannot serve at {host}:{port}: {first_line(error)} (a proxy? then set NO_PROXY={host})"
        ) from None


def bindable_port(host: str, port: int) -> int:
    """`port`, or a free port if it is 0; raises `InputError` for an address that a server cannot bind."""
    if not host:
        raise InputError(
            "--host is empty, which would listen on every network; leave it out to serve this machine only"
        )
    try:
        with socket.create_server((host, port)) as server:
            return int(server.getsockname()[1])
    except (OSError, TypeError, ValueError) as error:  # the latter two for text that is no host name
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot listen at {host}:{port}: {why}; choose another --port or --host") from None


def own_names_only(host: str) -> dict[str, Any]:
    """The option of `launch` that refuses requests for any other host name if `host` is this machine only.

    Without it, a site whose name points to this machine could read the pictures (DNS rebinding).
    """
    if host not in LOOPBACK:
        return {}
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return {"app_kwargs": {"middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK))]}}
