"""Modules become functions without imports, exports or code made from text; files with another hash are not used."""

import pytest

from pose.downloads import FetchError
from pose.errors import InputError
from sfv.live import libraries
from sfv.live.libraries import CALLER, INVOKER, bundle, find_or_fetch, wrap_module

CORE = "const a = 1;\nclass B {}\nexport { a, B as Body };\n"
MODULE = "import { a, Body as Part } from './core.js';\nexport { Body } from './core.js';\nconst c = a;\nexport { c };"


def test_a_module_returns_what_it_exports():
    assert wrap_module("core", CORE, {}).endswith("return { a: a, Body: B };\n})();")
    wrapped = wrap_module("lib", MODULE, {"./core.js": "core"})
    assert "const { a, Body: Part } = core;" in wrapped
    assert wrapped.endswith("return { Body: core.Body, c: c };\n})();")
    assert "import" not in wrapped and "export" not in wrapped


def test_no_code_is_made_from_text():
    texts = {
        "mujoco.js": f"{INVOKER}\n{CALLER}\nvar t = '</script>';\nexport default loadMujoco;",
        "three.core.js": CORE,
        "three.module.js": "import { a } from './three.core.js';\nexport { a };",
        "OrbitControls.js": "import { a } from 'three';\nexport { a as OrbitControls };",
    }
    script = bundle(texts)
    assert "new Function" not in script
    assert "</script" not in script and "<\\/script" in script
    with pytest.raises(ValueError, match="found it 0 times"):
        bundle(texts | {"mujoco.js": "another version"})


def test_files_are_fetched_once_and_checked(monkeypatch, tmp_path):
    files = {
        "one.js": ("pack@1.0", "one.js", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae")
    }  # foo
    monkeypatch.setattr(libraries, "FILES", files)
    calls = []

    def download(package, folder):
        calls.append(package)
        return folder / "pack.tgz"

    monkeypatch.setattr(libraries, "download_npm_package", download)
    monkeypatch.setattr(libraries, "read_member", lambda archive, member, sha256: b"foo")
    assert find_or_fetch(tmp_path) == find_or_fetch(tmp_path) == {"one.js": b"foo"}
    assert calls == ["pack@1.0"]
    next(tmp_path.iterdir()).write_bytes(b"changed")
    assert find_or_fetch(tmp_path) == {"one.js": b"foo"} and len(calls) == 2


def test_where_nothing_can_be_fetched_one_line_says_what_to_do(monkeypatch, tmp_path):
    def fail(package, folder):
        raise FetchError("npm is not installed")

    monkeypatch.setattr(libraries, "download_npm_package", fail)
    with pytest.raises(InputError, match=r"npm is not installed.*install npm and go online"):
        find_or_fetch(tmp_path)
