"""`python -m sfv app`: the whole tool as a local page."""

import contextlib
import html
import importlib.util
import math
import os
import socket
import tempfile
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from pose.errors import InputError
from pose.files import HOST, remove_leftovers
from sfv.app.access import LOOPBACK, Access
from sfv.app.jobs import OWN_FOLDER
from sfv.console import console
from sfv.run_folder import RUNS, hold_lock, make_folder

PORT = 8421


def app(
    port: int = PORT,
    host: str = "127.0.0.1",
    password: str | None = None,
    runs: Path = RUNS,
    browser: bool = True,
) -> None:
    """Opens the tool as a page in the browser: drop a video, click the person, watch, and look at the result.

    It listens on this machine only and is opened by a random token in its address. Jobs run one after the other; what
    runs when this program ends (Ctrl-C) is saved and can be gone on with.

    Args:
      port: of the address; the next free one is taken if it is in use.
      host: address to listen on; another than 127.0.0.1 needs a password.
      password: asked for instead of the token; at least 8 characters. SFV_PASSWORD in the environment is safer.
      runs: folder of runs; uploads are kept in it, too.
      browser: open the page in the default browser.
    """
    password = password or os.environ.get("SFV_PASSWORD") or None
    if host not in LOOPBACK and not password:
        raise InputError(f"--host {host}: others could start programs here; give --password as well")
    if password is not None and len(password) < 8:
        raise InputError("--password (or SFV_PASSWORD): give at least 8 characters")
    if not all(map(importlib.util.find_spec, ("starlette", "uvicorn"))):
        raise InputError("the page needs two more packages: make app, or pip install '.[app]' in a checkout")
    import uvicorn

    from sfv.app.server import make_server

    with hold_runs(runs), contextlib.closing(listen_on(host, port)) as own:
        access = Access(host, own.getsockname()[1], password)
        server = make_server(runs, access)
        console.print(
            f"[bold]open[/bold]  {access.address}\nCtrl-C ends it; runs are in {runs.resolve()}", soft_wrap=True
        )
        config = uvicorn.Config(server, log_level="warning", access_log=False, server_header=False)
        with open_browser(access.address) if browser else contextlib.nullcontext():
            uvicorn.Server(config).run(sockets=[own])


@contextlib.contextmanager
def hold_runs(runs: Path) -> Iterator[None]:
    """Keeps every other page from a folder of runs: it would take the jobs that run here for ended.

    Raises:
      InputError: another page is open on it, or nobody may write there.
    """
    own = runs / OWN_FOLDER
    make_folder(own)
    with hold_lock(own, f"{runs}: a page is open on it already; use that one", "--runs"):
        yield


@contextlib.contextmanager
def open_browser(address: str) -> Iterator[None]:
    """Opens the address by way of a file that only this user can read: all users see a browser's command line."""
    remove_leftovers(Path(tempfile.gettempdir()), "sfv-app", math.inf)  # of pages that were killed
    own = f".{HOST}.{os.getpid()}.tmp"
    with tempfile.TemporaryDirectory(prefix=".sfv-app.", suffix=own) as folder:  # readable by its owner alone
        page = Path(folder) / "open.html"
        page.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(address)}">', encoding="utf-8")
        webbrowser.open(page.as_uri())
        yield


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that listens on the port, or on one of the next twenty.

    Raises:
      InputError: the address is not this machine's, or no port is free.
    """
    if not 0 <= port <= 65515:
        raise InputError(f"--port {port}: give 1 to 65515, or 0 for any")
    family, why = socket.AF_INET6 if ":" in host else socket.AF_INET, ""
    for number in range(port, port + 20):
        own = socket.socket(family, socket.SOCK_STREAM)
        try:
            own.bind((host, number))
            own.listen(64)
            return own
        except socket.gaierror as error:
            own.close()
            raise InputError(f"--host {host}: no address of this machine ({error.strerror})") from error
        except OSError as error:
            own.close()
            why = error.strerror or str(error)
    raise InputError(f"--host {host} --port {port}: cannot be listened on ({why}); give another")
