"""The routes of the page: uploads, jobs, runs and their files."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from pose.cores import usable_cores
from pose.errors import InputError
from pose.video import FILM_ENDINGS
from reconstruct.characters.character import list_character_names
from sfv import __version__
from sfv.app.access import DOCUMENT_POLICY, Access, Gate
from sfv.app.describe_runs import describe_run, find_file, find_run, list_runs
from sfv.app.jobs import OWN_FOLDER, Job, Jobs
from sfv.app.requests import DEFAULT_MINUTES, SCENES, read_request
from sfv.app.sources import MOST_MB, MOTIONS, PICTURES, Source, Sources

PAGE = Path(__file__).parent / "page"
PAGE_FILES = {"app.js": "text/javascript", "app.css": "text/css"}
JSON_BYTES = 20_000
"""Longest JSON of a request."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Page:
    """What the routes need: uploads, jobs and the runs folder."""

    def __init__(self, runs: Path):
        self.runs = runs
        runs.mkdir(parents=True, exist_ok=True)
        self.sources = Sources(runs / OWN_FOLDER / "uploads")
        self.sources.remove_unfinished()
        self.jobs = Jobs(runs / OWN_FOLDER / "jobs", runs)

    async def index(self, request: Request) -> Response:
        """The page."""
        return FileResponse(PAGE / "index.html", media_type="text/html")

    async def page_file(self, request: Request) -> Response:
        """Its script or style."""
        name = request.path_params["name"]
        if name not in PAGE_FILES:
            raise HTTPException(404)
        return FileResponse(PAGE / name, media_type=PAGE_FILES[name])

    async def choices(self, request: Request) -> Response:
        """What can be chosen from, and the limits."""
        return JSONResponse(
            {
                "version": __version__,
                "cores": usable_cores(),
                "characters": list_character_names(),
                "scenes": SCENES,
                "minutes": DEFAULT_MINUTES,
                "most_mb": MOST_MB,
                "endings": {"video": sorted(FILM_ENDINGS), "motion": sorted(MOTIONS), "picture": sorted(PICTURES)},
            }
        )

    async def upload(self, request: Request) -> Response:
        """Takes a file: its name in the query, its content as the body."""
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdigit() else None
        try:
            source = await self.sources.receive(request.query_params.get("name", ""), request.stream(), size)
        except ClientDisconnect:
            return Response(status_code=400)
        return JSONResponse(to_json(await to_thread.run_sync(self.sources.look, source)))

    async def frame(self, request: Request) -> Response:
        """A picture of an upload."""
        source = self.sources.find(request.path_params["source"])
        file = request.path_params["file"]
        if file not in {frame.file for frame in source.frames}:
            raise HTTPException(404)
        return FileResponse(self.sources.folder_of(source.id) / file, media_type="image/jpeg")

    async def add_job(self, request: Request) -> Response:
        """Queues what the page asks for."""
        asked, begun = await read_json(request), {job.run for job in self.jobs.list()}
        return JSONResponse(asdict(self.jobs.add(*read_request(asked, self.sources, self.runs, begun))))

    async def change_job(self, request: Request) -> Response:
        """Stops a job, or goes on with it."""
        change = self.jobs.stop if request.path_params["change"] == "stop" else self.jobs.go_on
        return JSONResponse(asdict(await to_thread.run_sync(change, request.path_params["job"])))

    async def state(self, request: Request) -> Response:
        """Jobs and runs, and one run in detail if it is asked for."""
        return JSONResponse(await to_thread.run_sync(self._describe, request.query_params.get("run")))

    def _describe(self, name: str | None) -> dict[str, Any]:
        jobs = [self._describe_job(job, name) for job in self.jobs.list()]
        found = {"jobs": jobs, "runs": list_runs(self.runs), "run": None}
        if name:
            with suppress(InputError, FileNotFoundError):  # a job has just begun, or just finished a stage
                found["run"] = describe_run(find_run(self.runs, name))
        return found

    def _describe_job(self, job: Job, shown: str | None) -> dict[str, Any]:
        progress = self.jobs.progress(job) if job.run == shown else None
        return {**asdict(job), "arguments": None, "progress": progress}

    async def run_file(self, request: Request) -> Response:
        """A file of a run."""
        path = find_file(find_run(self.runs, request.path_params["run"]), request.path_params["path"])
        headers = {"Content-Security-Policy": DOCUMENT_POLICY} if path.suffix == ".html" else {}
        kind = "inline" if path.suffix in (".html", ".mp4", ".jpg", ".png") else "attachment"
        return FileResponse(path, filename=path.name, content_disposition_type=kind, headers=headers)


def make_server(runs: Path, access: Access) -> Starlette:
    """The ASGI application.

    Args:
      runs: folder of runs; uploads and jobs are kept in it, too.
      access: who is let in.
    """
    page = Page(runs)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await to_thread.run_sync(page.jobs.close)

    def route(path: str, handler: Handler, *methods: str) -> Route:
        return Route(path, partial(_answer, handler), methods=list(methods) or ["GET"])

    routes = [
        route("/", page.index),
        route("/page/{name}", page.page_file),
        route("/api/choices", page.choices),
        route("/api/uploads", page.upload, "PUT"),
        route("/api/uploads/{source}/{file}", page.frame),
        route("/api/jobs", page.add_job, "POST"),
        route("/api/jobs/{job}/{change:str}", page.change_job, "POST"),
        route("/api/state", page.state),
        route("/runs/{run}/{path:path}", page.run_file),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(Gate, access=access)], lifespan=lifespan)
    app.state.page = page
    return app


async def _answer(handler: Handler, request: Request) -> Response:
    """Calls a handler; what the user can mend is answered with one line."""
    try:
        return await handler(request)
    except InputError as error:
        return JSONResponse({"error": " ".join(str(error).split())}, status_code=422)


async def read_json(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request.

    Raises:
      InputError: it is none, or too long.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > JSON_BYTES:
            raise InputError("the request is too long")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the request is no JSON") from error
    if not isinstance(content, dict):
        raise InputError("the request is no JSON object")
    return content


def to_json(source: Source) -> dict[str, Any]:
    """An upload as the page knows it."""
    return asdict(source)
