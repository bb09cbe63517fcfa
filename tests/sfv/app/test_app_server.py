"""The page's server: who is let in, what is taken, what is handed out."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from pose.errors import InputError
from pose.video import VideoWriter
from sfv.app import jobs as jobs_module
from sfv.app import sources as sources_module
from sfv.app.access import OWN_HEADER, Access
from sfv.app.app import app, hold_runs, listen_on
from sfv.app.jobs import Job, Jobs
from sfv.app.requests import read_request
from sfv.app.server import make_server
from sfv.app.sources import Sources, choose_kind, legal_name

Client = Callable[..., TestClient]
OWN = {OWN_HEADER: "1"}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    (folder / "flip" / "2_motion" / "humanoid").mkdir(parents=True)
    (folder / "flip" / "config.json").write_text("{}")
    record = {"summary": "64 frames", "seconds": 2.0, "metrics": {"level": "good", "findings": ["a finding"]}}
    (folder / "flip" / "2_motion" / "humanoid" / "stage.json").write_text(json.dumps(record))
    (folder / "flip" / "report.html").write_text("<p>report</p>")
    (tmp_path / "secret.json").write_text("secret")
    return folder


@pytest.fixture
def client(runs: Path) -> Iterator[Client]:
    access = Access("127.0.0.1", 8421)
    app = make_server(runs, access)

    def make(inside: bool = True, host: str = "127.0.0.1:8421") -> TestClient:
        found = TestClient(app, base_url=f"http://{host}", follow_redirects=False)
        if inside:
            assert "refresh" in found.get(f"/?token={access.token}").text
        return found

    yield make
    app.state.page.jobs.close()


def write_film(path: Path, frames: int = 20) -> None:
    with VideoWriter(path, 10.0, (64, 48)) as film:
        for t in range(frames):
            film.write(np.full((48, 64, 3), 10 * t, dtype=np.uint8))


def test_nobody_without_the_token_is_let_in(client: Client) -> None:
    stranger = client(inside=False)
    for path in ("/", "/page/app.js", "/api/state", "/runs/flip/report.html", "/?token=guess"):
        assert stranger.get(path).status_code == 403, path
    assert stranger.put("/api/uploads?name=a.mp4", content=b"x", headers=OWN).status_code == 403


def test_a_name_that_is_not_this_machines_is_not_served(client: Client) -> None:
    # Another site's name that leads to 127.0.0.1 (DNS rebinding).
    assert client(inside=False, host="evil.example:8421").get("/").status_code == 421


def test_another_sites_form_changes_nothing(client: Client) -> None:
    assert client().post("/api/jobs", json={"action": "clip"}).status_code == 403


def test_every_answer_forbids_what_is_not_its_own(client: Client) -> None:
    inside = client()
    page = inside.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    report = inside.get("/runs/flip/report.html")
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in report.headers["content-security-policy"]
    cookie = client(inside=False).get(f"/?token={_token(inside)}").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie


def _token(client: TestClient) -> str:
    return client.cookies["sfv_8421"]


def test_the_page_loads_nothing_from_outside() -> None:
    page = Path(make_server.__globals__["PAGE"])
    for file in page.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z]", re.sub(r"^\s*//.*$", "", text, flags=re.M)), file
        assert "innerHTML" not in text


def test_only_a_runs_own_files_are_handed_out(client: Client, runs: Path) -> None:
    inside = client()
    assert inside.get("/runs/flip/report.html").status_code == 200
    (runs / "flip" / "link.json").symlink_to(runs.parent / "secret.json")
    (runs / "flip" / ".lock").write_text("")
    for path in (
        "flip/../../secret.json",
        "flip/%2e%2e/%2e%2e/secret.json",
        "flip/..%2f..%2fsecret.json",
        "%2e%2e/secret.json",
        "flip//etc/passwd",
        "flip/link.json",
        "flip/.lock",
        ".app/jobs/a.job.json",
        "nobody/report.html",
    ):
        assert inside.get(f"/runs/{path}").status_code in (404, 422), path


def test_a_film_is_taken_and_shown(client: Client, tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4")
    inside = client()
    answer = inside.put("/api/uploads?name=../my%20flip;.MP4", content=(tmp_path / "a.mp4").read_bytes(), headers=OWN)
    found = answer.json()
    assert answer.status_code == 200, found
    assert (found["name"], found["file"]) == ("my flip;.MP4", "my_flip.mp4")
    assert (found["width"], found["height"]) == (64, 48)
    assert found["duration"] == pytest.approx(2.0, abs=0.05)
    times = [frame["t"] for frame in found["frames"]]
    assert times == sorted(times) and times[0] == 0.0 and times[-1] > 1.8
    last = inside.get(f"/api/uploads/{found['id']}/{found['frames'][-1]['file']}")
    image = cv2.imdecode(np.frombuffer(last.content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and abs(float(image.mean()) - 190.0) < 6.0  # the last frame's grey
    assert inside.get(f"/api/uploads/{found['id']}/{found['file']}").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.mp4", b"this is no film", "video"),
        ("a.exe", b"MZ", "not a kind of file"),
        ("a.png", b"", "empty"),
        ("", b"x", "not a kind of file"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_kept(
    client: Client, runs: Path, name: str, content: bytes, line: str
) -> None:
    answer = client().put(f"/api/uploads?name={name}", content=content, headers=OWN)
    assert answer.status_code == 422
    assert line in answer.json()["error"] and "\n" not in answer.json()["error"]
    assert not list((runs / ".app" / "uploads").glob("*")) if (runs / ".app" / "uploads").exists() else True


def test_an_upload_that_is_too_large_is_refused_before_and_while_it_comes(
    client: Client, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = client()
    huge = {**OWN, "content-length": str(2_000_000_001)}
    request = inside.build_request("PUT", "/api/uploads?name=a.mp4", content=b"x", headers=huge)
    assert "larger than" in inside.send(request).json()["error"]
    monkeypatch.setitem(sources_module.MOST_MB, "motion", 1)
    parts = (b"x" * 300_000 for _ in range(5))  # no length is announced
    assert "larger than" in inside.put("/api/uploads?name=a.bvh", content=parts, headers=OWN).json()["error"]
    assert not list((runs / ".app" / "uploads").glob("*"))


def test_names_stay_in_their_folder() -> None:
    for name in ("../../etc/passwd.mp4", "..\\x.mp4", "/abs.mp4", "a\x00b.mp4", ".mp4.mp4", "ü ß.mp4", "-rf.mp4"):
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*\.mp4", legal_name(name)), name
    assert legal_name("con.mp4") != "con.mp4"  # Windows' console
    assert choose_kind("A.BVH") == "motion"
    for part in ("01_01.amc", "01.asf", "walk.gltf"):  # of no use without the other files
        with pytest.raises(InputError, match="not a kind of file that is known"):
            choose_kind(part)


def test_a_request_becomes_the_calls_arguments(tmp_path: Path, runs: Path) -> None:
    sources = Sources(tmp_path)
    source = sources_module.Source("0" * 16, "flip", "video", "flip.mp4", 2.0, 64, 48)
    folder = sources.folder_of(source.id)
    folder.mkdir()
    (folder / "source.json").write_text(json.dumps(source.__dict__))
    asked = {"action": "clip", "source": source.id, "person": "12,30@0.5", "start": 0.5, "end": 1.5, "minutes": 2}
    action, run, arguments = read_request(asked, sources, runs)
    assert (action, run) == ("clip", "flip_2")  # `flip` is another video's
    assert read_request(asked, sources, runs, {"flip_2"})[1] == "flip_3"  # and a job waits that will make `flip_2`
    assert arguments == {
        "video": str(folder / "flip.mp4"),
        "out": str(runs / "flip_2"),
        "scene": "found",
        "minutes": 2.0,
        "seed": 0,
        "character": "humanoid",
        "start": 0.5,
        "end": 1.5,
        "person": "12,30@0.5",
    }
    for wrong in (
        {"end": 0.2},
        {"minutes": 0},
        {"minutes": float("nan")},
        {"minutes": 10**400},
        {"minutes": True},
        {"person": "1; rm -rf"},
        {"character": "../x"},
        {"scene": "objects"},
        {"source": "../../x"},
        {"action": "shell"},
        {"height": "tall"},
    ):
        with pytest.raises(InputError):
            read_request(asked | wrong, sources, runs)


def test_motions_and_pictures_become_their_calls_arguments(tmp_path: Path, runs: Path) -> None:
    sources = Sources(tmp_path)
    kinds: tuple[tuple[str, sources_module.Kind, str], ...] = (
        ("1" * 16, "motion", "walk.bvh"),
        ("2" * 16, "picture", "photo.jpg"),
    )
    for key, kind, file in kinds:
        folder = sources.folder_of(key)
        folder.mkdir()
        (folder / "source.json").write_text(json.dumps(sources_module.Source(key, file, kind, file).__dict__))
    motion = read_request({"action": "clip", "source": "1" * 16, "character": "atlas"}, sources, runs)
    assert motion[:2] == ("clip", "walk") and motion[2]["character"] == "atlas"
    assert motion[2]["motion"] == str(tmp_path / ("1" * 16) / "walk.bvh") and "video" not in motion[2]
    picture = read_request({"action": "complete", "source": "2" * 16, "person": "12,30@0"}, sources, runs)
    path = str(tmp_path / ("2" * 16) / "photo.jpg")
    out = str(runs / "complete_photo")
    assert picture == ("complete", "complete_photo", {"picture": path, "out": out, "person": "12,30@0"})
    retarget = read_request({"action": "retarget", "run": "flip", "character": "atlas", "minutes": 1}, sources, runs)
    assert retarget[:2] == ("retarget", "flip") and retarget[2]["skill"] == str(runs / "flip")
    assert read_request({"action": "export", "run": "flip"}, sources, runs) == (
        "export",
        "flip",
        {"clip": str(runs / "flip")},
    )
    for wrong in (
        {"action": "clip", "source": "2" * 16},  # a picture is no motion
        {"action": "complete", "source": "1" * 16},
        {"action": "retarget", "run": "../flip", "character": "atlas"},
        {"action": "retarget", "run": "flip", "character": "nobody"},
        {"action": "export", "run": ".app"},
    ):
        with pytest.raises(InputError):
            read_request(wrong, sources, runs)


def test_what_is_no_json_is_one_line(client: Client) -> None:
    inside = client()
    for content in (b"{", b"[1]", b"[" * 5000, b"x" * 30_000):
        answer = inside.post("/api/jobs", content=content, headers=OWN)
        assert answer.status_code == 422 and "request" in answer.json()["error"]


def test_runs_are_described(client: Client) -> None:
    found = client().get("/api/state?run=flip").json()
    assert [run["name"] for run in found["runs"]] == ["flip"]
    (stage,) = found["run"]["stages"]
    assert (stage["name"], stage["finished"], stage["level"]) == ("2_motion/humanoid", True, "good")
    assert found["run"]["reports"] == ["report.html"]


WORKER = """
import pathlib, sys, time, json
job = json.loads(pathlib.Path(sys.argv[1]).read_text())
note = job["arguments"]["note"]
print("error: no such thing" if note == "fail" else "begun", file=sys.stderr, flush=True)
if note == "fail": sys.exit(2)
try:
    time.sleep(float(note))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Jobs]]:
    """Jobs whose work is to sleep, or to fail."""
    import subprocess

    (tmp_path / "worker.py").write_text(WORKER)
    real, made = subprocess.Popen, list[Jobs]()

    class Popen(real):  # pyright: ignore[reportUntypedBaseClass]
        def __init__(self, command: list[str], **options: object) -> None:
            super().__init__([command[0], str(tmp_path / "worker.py"), *command[3:]], **options)  # pyright: ignore

    monkeypatch.setattr(jobs_module.subprocess, "Popen", Popen)

    def make() -> Jobs:
        made.append(Jobs(tmp_path / "jobs", tmp_path / "runs"))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()


def wait_for(jobs: Jobs, key: str, state: str) -> Job:
    for _ in range(400):
        job = next(job for job in jobs.list() if job.id == key)
        if job.state == state:
            return job
        time.sleep(0.025)
    raise AssertionError(f"{key} is not {state}")


def test_jobs_run_one_after_the_other_and_survive_the_program(queue: Callable[[], Jobs]) -> None:
    jobs = queue()
    long, short = jobs.add("clip", "a", {"note": "60"}), jobs.add("clip", "b", {"note": "0"})
    wait_for(jobs, long.id, "running")
    assert wait_for(jobs, short.id, "waiting")
    with pytest.raises(InputError, match="worked on already"):
        jobs.add("retarget", "a", {"note": "0"})
    while "begun" not in jobs.progress(long)["log"]:
        time.sleep(0.02)
    jobs.stop(long.id)
    wait_for(jobs, long.id, "stopped")
    wait_for(jobs, short.id, "done")
    failed = jobs.add("clip", "c", {"note": "fail"})
    assert wait_for(jobs, failed.id, "failed").message == "no such thing"
    again = jobs.go_on(long.id)
    wait_for(jobs, again.id, "running")
    while "begun" not in jobs.progress(again)["log"]:
        time.sleep(0.02)
    jobs.close()
    assert {job.run: job.state for job in queue().list()} == {"a": "stopped", "b": "done", "c": "failed"}


def test_another_address_needs_a_password() -> None:
    with pytest.raises(InputError, match="--password"):
        app(host="0.0.0.0", browser=False)
    with pytest.raises(InputError, match="8 characters"):
        app(host="0.0.0.0", password="short", browser=False)


def test_the_password_lets_in(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfv.app.access.WRONG_PASSWORD_S", 0.0)
    server = make_server(runs, Access("0.0.0.0", 8421, "long enough"))
    outside = TestClient(server, base_url="http://studio.example:8421", follow_redirects=False)
    assert outside.get("/").status_code == 401
    assert outside.get(f"/?token={server.user_middleware[0].kwargs['access'].token}").status_code == 401
    assert outside.post("/login", content="password=wrong+guess").status_code == 401
    assert outside.post("/login", content="password=long+enough").status_code == 200
    assert outside.get("/").status_code == 200
    server.state.page.jobs.close()


def test_the_next_free_port_is_taken() -> None:
    with listen_on("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        if port < 65000:
            with listen_on("127.0.0.1", port) as second:
                assert second.getsockname()[1] > port
    with pytest.raises(InputError, match="--port"):
        listen_on("127.0.0.1", 70000)


def test_what_a_killed_page_left_goes_when_it_opens_again(runs: Path) -> None:
    uploads, jobs = runs / ".app" / "uploads", runs / ".app" / "jobs"
    for name in ("a" * 16, "b" * 16):
        (uploads / name).mkdir(parents=True)
        (uploads / name / "walk.npz").write_text("half")
    (uploads / ("b" * 16) / "source.json").write_text("{}")
    jobs.mkdir()
    (jobs / ".1.job.json.77.tmp").write_text("half")
    make_server(runs, Access("127.0.0.1", 8421)).state.page.jobs.close()
    assert [path.name for path in uploads.iterdir()] == ["b" * 16] and not list(jobs.iterdir())


def test_two_pages_on_one_folder_are_refused(runs: Path) -> None:
    with hold_runs(runs), pytest.raises(InputError, match="a page is open on it already"), hold_runs(runs):
        pass
