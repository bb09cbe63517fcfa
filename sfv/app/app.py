"""`python -m sfv app`: the whole tool as a local page."""

import contextlib
import socket
import webbrowser
from pathlib import Path

from pose.errors import InputError
from sfv.app.access import LOOPBACK, Access
from sfv.console import console
from sfv.run_folder import RUNS

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
      password: asked for by the page instead of the token; at least 8 characters.
      runs: folder of runs; uploads are kept in it, too.
      browser: open the page in the default browser.
    """
    if host not in LOOPBACK and not password:
        raise InputError(f"--host {host}: others could start programs here; give --password as well")
    if password is not None and len(password) < 8:
        raise InputError("--password: give at least 8 characters")
    import uvicorn

    from sfv.app.server import make_server

    with contextlib.closing(listen_on(host, port)) as own:
        access = Access(host, own.getsockname()[1], password)
        server = make_server(runs, access)
        console.print(
            f"[bold]open[/bold]  {access.address}\nCtrl-C ends it; runs are in {runs.resolve()}", soft_wrap=True
        )
        if browser:
            webbrowser.open(access.address)
        config = uvicorn.Config(server, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[own])


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
