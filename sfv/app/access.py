"""Who may talk to the page: a token or password, the address asked for, and what a browser may load.

The page starts programs and reads files, so it answers only a browser that was given its address. Three things are
checked at every request: the cookie that the address or the password gave; the `Host` header, or another site could
reach 127.0.0.1 by a name of its own (DNS rebinding); and, where something changes, a header that no form of another
site can send.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OWN_HEADER = "x-sfv"
"""Header of the page's own requests; another site's script may not send it without asking first, which is denied."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCUMENT_POLICY = "sandbox allow-scripts; frame-ancestors 'self'"
"""For the reports in a run's folder: they run their own scripts, but as a stranger who can reach nothing here."""
WRONG_PASSWORD_S = 1.0
"""Time that a wrong password costs [s]."""
LOGIN_BYTES = 4096


@dataclass(frozen=True)
class Access:
    """What lets a browser in."""

    host: str
    """Address that is listened on."""
    port: int
    password: str | None = None
    """Asked for instead of the token, where others can reach the address."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    """In the address that is printed, and in the cookie that it gives."""

    @property
    def local(self) -> bool:
        """Only programs of this machine can reach it."""
        return self.host in LOOPBACK

    @property
    def cookie(self) -> str:
        """Name of the cookie: cookies do not tell ports apart."""
        return f"sfv_{self.port}"

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/" + ("" if self.password else f"?token={self.token}")

    def knows_host(self, headers: Headers) -> bool:
        """The request asks for this machine by a name that is its own."""
        name = headers.get("host", "").rsplit(":", 1)[0].strip("[]").lower()
        return not self.local or name in LOOPBACK

    def knows_cookie(self, request: Request) -> bool:
        """The browser was let in before."""
        return hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self.token.encode())

    def let_in(self) -> Response:
        """The answer that gives the cookie and leads to the page."""
        # Not a redirect: a browser that comes from another site or a file would leave the strict cookie out at "/".
        answer = HTMLResponse(WELCOME)
        answer.set_cookie(self.cookie, self.token, httponly=True, samesite="strict", path="/")
        return answer


class Gate:
    """ASGI middleware that asks `Access` before anything else is reached, and adds the headers of safety."""

    def __init__(self, app: ASGIApp, access: Access):
        self.app, self.access = app, access
        self._guess = anyio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_missing_headers(message["headers"])]
            await send(message)

        answer = await self._answer(Request(scope, receive))
        await (answer or self.app)(scope, receive, send_safely)

    async def _answer(self, request: Request) -> Response | None:
        access = self.access
        if not access.knows_host(request.headers):
            return PlainTextResponse("this address is not served here", status_code=421)
        if access.knows_cookie(request):
            if request.method in ("GET", "HEAD") or request.headers.get(OWN_HEADER):
                return None
            return PlainTextResponse("only the page itself may change something", status_code=403)
        token = request.query_params.get("token", "")
        if not access.password and hmac.compare_digest(token.encode(), access.token.encode()):
            return access.let_in()
        if access.password:
            return await self._ask_password(request, access.password)
        return PlainTextResponse("open the whole address that `sfv app` printed, with its token", status_code=403)

    async def _ask_password(self, request: Request, password: str) -> Response:
        if request.method == "POST" and request.url.path == "/login":
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > LOGIN_BYTES:
                    return PlainTextResponse("too long", status_code=413)
            given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
            async with self._guess:  # one after the other, whoever asks
                if hmac.compare_digest(given.encode(), password.encode()):
                    return self.access.let_in()
                await anyio.sleep(WRONG_PASSWORD_S)
        if request.url.path.startswith("/api/"):
            return PlainTextResponse("log in first", status_code=403)
        return HTMLResponse(LOGIN, status_code=401)


WELCOME = """<!doctype html><html lang="en"><meta charset="utf-8">
<link rel="icon" href="data:,"><meta http-equiv="refresh" content="0; url=/">
<title>sfv</title></html>"""
LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8">
<link rel="icon" href="data:,"><title>sfv: log in</title>
<form method="post" action="/login"><label>Password <input type="password" name="password" autofocus></label>
<button>Log in</button></form></html>"""


def _missing_headers(present: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in present}
    wanted = {
        b"content-security-policy": PAGE_POLICY.encode(),
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"cache-control": b"no-store",
    }
    return [(name, value) for name, value in wanted.items() if name not in names]
