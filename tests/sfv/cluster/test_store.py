"""The store of many machines: what is lost at any moment leaves the state before or the one after."""

import json
import shutil
import uuid
from pathlib import Path

import pytest

from pose.errors import InputError, WorkError
from pose.files import sha256_of
from sfv.cluster.snapshot import Snapshots
from sfv.cluster.store import Manifest, Store, TakenOverError, UnitStore, read_manifest

STAGE = "3_policy/humanoid"


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return Store(str(tmp_path / "a store#1%20") if request.param == "folder" else f"memory://{uuid.uuid4().hex}")


def write_run(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read_run(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def begin(store: Store, folder: Path) -> Snapshots:
    kept = UnitStore(store, "walk_seed0")
    return Snapshots(kept, folder, folder.with_name("log"), kept.claim())


def fetch(store: Store, folder: Path, **options) -> dict[str, str]:
    UnitStore(store, "walk_seed0").fetch(folder, folder.with_name("fetched log"), **options)
    return read_run(folder)


def test_what_was_copied_comes_back_on_another_machine_without_locks_and_temporaries(store, tmp_path):
    run = tmp_path / "run"
    (run / STAGE).mkdir(parents=True)
    (run / STAGE / "policy.pt").write_text("weights")
    (run / STAGE / ".key").write_text("k")
    for passing in (".lock", ".policy.pt.123.tmp"):
        (run / STAGE / passing).write_text("mine")
    (tmp_path / "log").write_text("printed")
    begin(store, run).push()
    assert fetch(store, tmp_path / "other") == {f"{STAGE}/policy.pt": "weights", f"{STAGE}/.key": "k"}
    assert (tmp_path / "fetched log").read_text() == "printed"


def test_a_copy_replaces_the_one_before_and_keeps_no_more_than_two(store, tmp_path):
    run = tmp_path / "run"
    (run / "a.partial").mkdir(parents=True)
    copies = begin(store, run)
    for step in range(5):
        (run / "a.partial/checkpoint.pt").write_text(f"step {step}")
        assert copies.is_due
        copies.push()
        assert not copies.is_due
    (run / "a.partial").rename(run / "a")
    copies.push(finished="all")
    kept = UnitStore(store, "walk_seed0")
    newest = kept.newest()
    assert newest is not None and newest.finished == "all" and list(newest.files) == ["run/a/checkpoint.pt"]
    assert len(kept.list_manifests()) == 2 and len(store.list("units", "walk_seed0", "blobs")) <= 2
    assert copies.bytes_sent == 5 * len("step 0")  # the renamed file was not sent again
    assert fetch(store, tmp_path / "other") == {"a/checkpoint.pt": "step 4"}


def test_a_manifest_or_file_that_was_cut_off_is_not_taken_for_whole(store, tmp_path):
    run = tmp_path / "run"
    (run / "a").mkdir(parents=True)
    (run / "a/checkpoint.pt").write_text("old")
    copies = begin(store, run)
    copies.push()
    (run / "a/checkpoint.pt").write_text("newer")
    copies.push()
    names = UnitStore(store, "walk_seed0").list_manifests()
    whole = store.read("units", "walk_seed0", "manifests", names[-1])
    for length in range(len(whole)):
        store.write(whole[:length], "units", "walk_seed0", "manifests", names[-1])
        assert fetch(store, tmp_path / "other") == {"a/checkpoint.pt": "old"}
    store.write(whole, "units", "walk_seed0", "manifests", names[-1])
    store.write(b"new", "units", "walk_seed0", "blobs", sha256_of(run / "a/checkpoint.pt"))
    assert fetch(store, tmp_path / "third") == {}


def test_a_machine_that_was_thought_lost_may_not_write_any_more(store, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    (one / "a").mkdir(parents=True)
    (one / "a/checkpoint.pt").write_text("step 2")
    first = begin(store, one)
    first.push()
    assert fetch(store, two) == {"a/checkpoint.pt": "step 2"}
    second = begin(store, two)
    (one / "a/checkpoint.pt").write_text("step 4, of a ghost")
    with pytest.raises(TakenOverError, match="another machine"):
        first.push()
    (two / "a/checkpoint.pt").write_text("step 6")
    second.push()
    assert second.manifest.attempt == 2
    assert fetch(store, tmp_path / "three") == {"a/checkpoint.pt": "step 6"}
    second.push()
    assert sha256_of(one / "a/checkpoint.pt") not in store.list("units", "walk_seed0", "blobs")  # the ghost's is gone


@pytest.mark.parametrize(("inner", "outer"), [("00000001", "00000002"), ("00000002", "00000001")])
def test_of_two_machines_that_take_a_unit_over_at_once_one_has_it(store, monkeypatch, inner, outer):
    words, write, claims = iter((outer, inner)), UnitStore._write, []

    def write_after_the_other(kept: UnitStore, manifest: Manifest) -> None:
        if manifest.word == outer and not claims:  # it has looked, and not written yet: the other comes in between
            claims.append(UnitStore(store, "walk_seed0").claim())
        write(kept, manifest)

    monkeypatch.setattr("secrets.token_hex", lambda _: next(words))
    monkeypatch.setattr(UnitStore, "_write", write_after_the_other)
    kept = UnitStore(store, "walk_seed0")
    if outer < inner:
        with pytest.raises(TakenOverError):
            kept.claim()
        assert kept.commit(claims[0], {}, {}).number == 1
    else:
        assert kept.commit(kept.claim(), {}, {}).number == 1
        with pytest.raises(TakenOverError):
            kept.commit(claims[0], {}, {})


def test_a_checkpoint_is_never_newer_than_what_it_speaks_of(store, tmp_path, monkeypatch):
    run = tmp_path / "run"
    (run / "a").mkdir(parents=True)

    def save(step: int) -> None:
        (run / "a/policy.pt").write_text(str(step))
        (run / "a/checkpoint.pt").write_text(str(step))

    save(0)
    copies = begin(store, run)
    copied, copyfile = [], shutil.copyfile

    def copy_slowly(source, target):
        copyfile(source, target)
        copied.append(Path(source).name)
        save(len(copied))  # the training goes on between any two files

    monkeypatch.setattr("sfv.cluster.snapshot.shutil.copyfile", copy_slowly)
    copies.push()
    found = fetch(store, tmp_path / "other")
    assert copied[0] == "checkpoint.pt" and int(found["a/policy.pt"]) >= int(found["a/checkpoint.pt"])


def test_a_stage_that_ends_during_the_copy_is_copied_as_one(store, tmp_path, monkeypatch):
    run = tmp_path / "run"
    (run / "a.partial").mkdir(parents=True)
    write_run(run / "a.partial", checkpoint="1", data="1")
    (run / "a.partial/.key").write_text("k")
    copies = begin(store, run)
    copyfile = shutil.copyfile

    def end_stage(source, target):
        copyfile(source, target)
        if (run / "a.partial").exists():
            (run / "a.partial").rename(run / "a")

    monkeypatch.setattr("sfv.cluster.snapshot.shutil.copyfile", end_stage)
    copies.push()
    assert set(fetch(store, tmp_path / "other")) == {"a/checkpoint", "a/data", "a/.key"}


def test_a_folder_that_never_rests_is_said(store, tmp_path, monkeypatch):
    """What was not copied would be removed with the machine's folder: nobody may take it for stored."""
    run = tmp_path / "run"
    write_run(run / "a", checkpoint="1")
    (run / "a/.key").write_text("k")
    copies = begin(store, run)
    copyfile = shutil.copyfile

    def begin_anew(source, target):
        copyfile(source, target)
        (run / "a/.key").write_text((run / "a/.key").read_text() + "k")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="stages ended"):
        patch.setattr("sfv.cluster.snapshot.shutil.copyfile", begin_anew)
        copies.push("all")
    assert copies.is_due
    copies.push("all")
    assert not copies.is_due and set(fetch(store, tmp_path / "other")) == {"a/checkpoint", "a/.key"}


def test_parts_are_copied_alone_and_a_mirror_removes_what_stages_at_work_left(store, tmp_path):
    run = tmp_path / "run"
    write_run(run, **{"1_pose__stage.json": "{}", "10_more__x": "x", "config.json": "{}"})
    begin(store, run).push()
    assert set(fetch(store, tmp_path / "part", parts=("1_pose", "config.json"))) == {"1_pose/stage.json", "config.json"}
    here = {"a.partial__left": "over", "4_result__x": "own", "config.json": "changed", ".lock": ""}
    write_run(tmp_path / "out", **here)
    found = fetch(store, tmp_path / "out", mirror=True)
    expected = {"1_pose/stage.json": "{}", "10_more/x": "x", "config.json": "{}", ".lock": "", "4_result/x": "own"}
    assert found == expected and not (tmp_path / "out/a.partial").exists()


@pytest.mark.parametrize("path", ["run/../../x", "../x", "/etc/x", "run/..\\x", "x"])
def test_a_manifest_names_nothing_outside_of_the_unit(path):
    content = json.dumps({"files": {path: "0" * 64}, "finished": ""}).encode()
    with pytest.raises(ValueError, match="outside"):
        read_manifest("000001-00000000-000000.json", content)
    with pytest.raises(ValueError):
        read_manifest("000001-00000000-000000.json", json.dumps({"files": {"run/x": "../../secret"}}).encode())


def test_inputs_are_sent_once_and_checked(store, tmp_path):
    film = tmp_path / "my film, ä.mp4"
    film.write_bytes(b"film")
    digest = store.put_input(film)
    assert store.put_input(film) == digest
    assert store.get_input(digest, film.name, tmp_path / "machine").read_bytes() == b"film"
    store.write(b"flim", "inputs", digest, film.name)
    with pytest.raises(WorkError, match="damaged"):
        store.get_input(digest, film.name, tmp_path / "machine")


def test_a_machine_that_does_not_see_the_store_says_so(store, tmp_path):
    mark = store.mark()
    assert store.mark() == mark
    store.check_mark(mark, "node7")
    with pytest.raises(WorkError, match="node7 does not see"):
        Store(str(tmp_path / "elsewhere")).check_mark(mark, "node7")


def test_a_url_that_cannot_be_used_is_one_line():
    with pytest.raises(InputError, match="--store gopher://x"):
        Store("gopher://x/y")
    assert Manifest(3, "0000abcd", 12).name == "000003-0000abcd-000012.json"
    assert read_manifest("000003-000012.json", b'{"files": {}}') == Manifest(3, "", 12)  # of earlier versions
    assert Manifest(3, "", 12).name == "000003-000012.json"
