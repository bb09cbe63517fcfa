"""The page: what it holds can be read back, only what stands in it may run, errors are one line."""

import base64
import gzip
import json
import re
import struct
from dataclasses import replace

import numpy as np
import pytest

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.scene.scene import Scene
from pose.errors import InputError
from sfv.commands.live import choose_all, live
from sfv.live.arrays import pack_arrays
from sfv.live.libraries import Libraries
from sfv.live.page_file import hash_source, join_scripts, write_page
from sfv.live.skill_data import pack_policy
from sfv.skill import Skill
from tests.samples import CHARACTER, standing

LIBRARIES = Libraries("const loadMujoco = 0, THREE = 0, OrbitControls = 0;", b"\0asm")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("live") / "live.html"
    return write_page(choose_all(("walk", "jump"), None), path, LIBRARIES, title="<two> skills").read_text()


def find(pattern: str, text: str, flags: int = 0) -> str:
    """The pattern's first group."""
    found = re.search(pattern, text, flags)
    assert found is not None, pattern
    return found[1]


def unpack(page: str, name: str) -> tuple[dict, dict]:
    """A block's values and arrays, read as the format says."""
    text = find(rf'id="{name}">([^<]*)</script>', page)
    content = gzip.decompress(base64.b64decode(text))
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    arrays = {}
    for key, entry in header["arrays"].items():
        kind, count = np.dtype(f"<{entry['kind']}"), int(np.prod(entry["shape"]))
        start = 4 + length + entry["start"]
        assert entry["start"] % 8 == 0
        arrays[key] = np.frombuffer(content, kind, count, start).reshape(entry["shape"])
    return header["values"], arrays


def test_skills_are_in_the_page_whole(page):
    values, arrays = unpack(page, "skill-1")
    skill = choose_all(("jump",), None)[0]
    assert values["name"] == "jump" and not values["loop"] and values["bodies"] == 14
    reference = skill.task.reference(1.0)
    np.testing.assert_array_equal(arrays["qpos"], reference.qpos)
    np.testing.assert_array_equal(arrays["may_touch"], reference.may_touch)
    np.testing.assert_array_equal(
        arrays["weight_0"].astype(np.float32), skill.plain_policy.state_dict()["actor.0.weight"].numpy()
    )


def test_the_policy_in_the_page_acts_as_the_policy_does():
    policy = choose_all(("walk",), None)[0].plain_policy
    arrays = pack_policy(policy)
    seen = np.random.default_rng(0).normal(size=(5, policy.layout.observation_size)).astype(np.float32) * 3
    values = np.clip((seen - arrays["mean"]) * arrays["scale"], -8.0, 8.0)
    for k in range(3):
        values = values @ arrays[f"weight_{k}"].T.astype(np.float32) + arrays[f"bias_{k}"]
        values = np.maximum(values, 0.0) if k < 2 else values
    np.testing.assert_allclose(values, policy.act(seen), atol=2e-5)


def test_only_what_stands_in_the_page_may_run(page):
    rules = find(r'Content-Security-Policy" content="([^"]*)"', page)
    script = find(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    style = find(r"<style>(.*?)</style>", page, re.DOTALL)
    assert rules.startswith("default-src 'none';") and "unsafe-eval" not in rules.replace("wasm-unsafe-eval", "")
    assert f"'{hash_source(script)}'" in rules and f"'{hash_source(style)}'" in rules
    assert "connect-src" not in rules and "http" not in rules
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "&lt;two&gt; skills" in page


def test_the_scripts_are_one_without_imports():
    script = join_scripts()
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    classes = re.findall(r"^class (\w+)", script, re.MULTILINE)
    functions = re.findall(r"^(?:async )?function (\w+)", script, re.MULTILINE)
    names = classes + functions + re.findall(r"^const (\w+) =", script, re.MULTILINE)
    assert len(names) == len(set(names))


def test_arrays_of_unknown_kind_are_refused():
    with pytest.raises(ValueError, match="complex128"):
        pack_arrays({}, {"a": np.zeros(2, complex)})


def test_bad_input_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no skill; name one or more"):
        live(())
    with pytest.raises(InputError, match="'walk' is named twice"):
        choose_all(("walk", "walk"), None)
    with pytest.raises(InputError, match="'jump' has been learnt by humanoid, not by 'atlas'"):
        choose_all(("walk", "jump"), "atlas")
    mixed = choose_all(("walk",), None) + choose_all(("backflip",), "atlas")
    with pytest.raises(InputError, match="one page shows one body"):
        write_page(mixed, tmp_path / "live.html", LIBRARIES)
    with pytest.raises(InputError, match="'walk' has no video"):
        live(("walk",), out=tmp_path / "live.html", video=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["slope", "gaps", "stairs", "uneven", "box_uphill"])
def test_a_run_on_every_ground_becomes_a_page_or_says_in_one_line_why_not(kind, tmp_path):
    parts = tuple(CHARACTER.contacts)
    feet = np.tile([part.endswith("foot") for part in parts], (31, 1))
    task = Task(CHARACTER, replace(standing(), contacts=feet, contact_names=parts), Scene(kind))
    policy = Policy(ImitationEnv(task, EnvConfig(), 1).policy_layout((8,)))
    policy.save(tmp_path / "policy.pt")
    skill = Skill("stand", "humanoid", task.motion, tmp_path / "policy.pt", task.scene, {}, None)
    if "box" in kind or kind == "uneven":
        with pytest.raises(InputError, match=r"sfv play$"):
            write_page([skill], tmp_path / "live.html", LIBRARIES)
        return
    values, _ = unpack(write_page([skill], tmp_path / "live.html", LIBRARIES).read_text(), "skill-0")
    assert values["name"] == "stand"
