"""`python -m sfv.bench.campaign.use_page FILE`: uses the page as a person does, through HTTP, until all is done.

A skill is learnt from an uploaded motion and exported. Begun again after it was killed with the page, it goes on with
what the page still knows; what the page had accepted and does not know any more is an error.
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

from sfv.parent import VARIABLE, end_with_parent
from sfv.stage import write_json

RUNS = Path("runs")
ACCEPTED = Path("accepted.json")
"""Jobs that the page has accepted, by what they do."""
OWN_HEADER = "x-sfv"
"""Of requests that change something: the page's own script sends it."""
LOG = Path("page.log")
"""What the page's program prints; its first line has the address."""
PAUSE = 0.3
"""Between two looks at a job [s]."""


class Page:
    """The page's program, begun by this one, and what may be asked of it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "sfv", "app", "--no-browser", "--port", "0", "--runs", str(RUNS)]
        environment = os.environ | {VARIABLE: "yes"}
        with open(LOG, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment)
        while not (words := LOG.read_text(encoding="utf-8").split()[:2])[1:]:
            if self.process.poll() is not None:
                raise RuntimeError(f"the page did not begin: {LOG.read_text(encoding='utf-8')}")
            time.sleep(PAUSE)
        self.address = "http://" + urlsplit(words[1]).netloc
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self.opener.open(words[1]).close()

    def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        """What it answers to a request, from JSON."""
        request = Request(self.address + path, body or None, {OWN_HEADER: "1"}, method=method)
        with self.opener.open(request) as answer:
            return json.loads(answer.read())

    def list_jobs(self) -> dict[str, dict[str, Any]]:
        """Its jobs by their ids."""
        return {job["id"]: job for job in self.ask("GET", "/api/state")["jobs"]}

    def close(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait()


def find_job(page: Page, action: str) -> dict[str, Any] | None:
    """The job of this action that the page knows.

    Raises:
      RuntimeError: it had accepted one and does not know it.
    """
    accepted = json.loads(ACCEPTED.read_text(encoding="utf-8")) if ACCEPTED.is_file() else {}
    jobs = page.list_jobs()
    if action in accepted and accepted[action] not in jobs:
        raise RuntimeError(f"the page forgot a job that it had accepted ({action})")
    job = next((job for job in jobs.values() if job["action"] == action), None)
    if job:
        write_json(ACCEPTED, accepted | {action: job["id"]})
    return job


def ask_for(page: Page, action: str, file: Path) -> None:
    """Asks the page for a new job."""
    if action == "clip":
        source = page.ask("PUT", f"/api/uploads?name={file.name}", file.read_bytes())
        asked = {"action": "clip", "source": source["id"], "minutes": 0.02}
    else:
        asked = {"action": action, "run": file.stem}
    page.ask("POST", "/api/jobs", json.dumps(asked).encode())


def finish_job(page: Page, action: str, file: Path) -> None:
    """Has a job done: a new one, or what the page still knows of it.

    Raises:
      RuntimeError: it failed, or the page forgot it.
    """
    job = find_job(page, action)
    if job is None:
        ask_for(page, action, file)
    elif job["state"] in ("stopped", "failed"):
        page.ask("POST", f"/api/jobs/{job['id']}/go_on")
    while (job := find_job(page, action)) and job["state"] in ("waiting", "running"):
        time.sleep(PAUSE)
    if job is None or job["state"] != "done":
        raise RuntimeError(f"{action}: {job and job['message']}")


def main(file: Path) -> int:
    """Uses the page; the exit code of its program."""
    end_with_parent()
    page = Page()
    for action in ("clip", "export"):
        finish_job(page, action, file)
    return page.close()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
