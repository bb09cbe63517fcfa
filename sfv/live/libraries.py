"""MuJoCo's WebAssembly build and three.js: fetched once from npm by hash, and made fit for one page.

Scripts of a page under a strict Content-Security-Policy stand in the page itself and make no code at run time. So
modules become functions that return what they export, and the two places where MuJoCo's bindings write functions as
text do without. The files are pinned by their hashes, so each change is to text that does not change.
"""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pose.downloads import CACHE_VARIABLE, FetchError, cache_folder, check_sha256, download_npm_package, read_member
from pose.errors import InputError
from pose.files import replace_file

MUJOCO, THREE = "@mujoco/mujoco@3.14.0", "three@0.187.0"
FILES = {
    "mujoco.js": (MUJOCO, "mujoco.js", "bc6980e4bc5ee5f809a6cabde0743798637e113d333f9e85124714d42be1ccae"),
    "mujoco.wasm": (MUJOCO, "mujoco.wasm", "2d380f1070a556c3003b4a7c7c10c98a5f61db4e91815de1075ec478e9487e76"),
    "three.core.js": (THREE, "build/three.core.js", "613e370f76638fdef83926642bf256dc9615684922de1ce1f63a8583e5d78578"),
    "three.module.js": (
        THREE,
        "build/three.module.js",
        "104f56145899722094556490d787aae0617cc2fc3382f31df02d724ea1aee341",
    ),
    "OrbitControls.js": (
        THREE,
        "examples/jsm/controls/OrbitControls.js",
        "e7fca2fe9e7670a828af9b28084669a5909445b7f36f1f26cee9bf8f2961c32c",
    ),
}
"""File -> package, path in it, sha256."""
CREDIT = "MuJoCo (Apache-2.0, Google DeepMind), three.js (MIT, three.js authors)"

INVOKER = "var invokerFn = new Function(...args, invokerFnBody)(...closureArgs);"
INVOKER_WITHOUT_TEXT = """var invokerFn = function (...given) {
        checkArgCount(given.length, minArgs, expectedArgCount, humanName, throwBindingError);
        var destructors = needsDestructorStack ? [] : null;
        var wired = [cppTargetFunc];
        if (isClassMethodFunc) wired.push(argTypes[1]['toWireType'](destructors, this));
        for (var i = 0; i < expectedArgCount; ++i) wired.push(argTypes[i + 2]['toWireType'](destructors, given[i]));
        var rv = cppInvokerFunc(...wired);
        if (needsDestructorStack) {
          runDestructors(destructors);
        } else {
          for (var i = isClassMethodFunc ? 1 : 2; i < argTypes.length; ++i) {
            if (argTypes[i].destructorFunction !== null) {
              argTypes[i].destructorFunction(wired[isClassMethodFunc ? i : i - 1]);
            }
          }
        }
        if (returns) return argTypes[0]['fromWireType'](rv);
      };"""
CALLER = "var invokerFunction = new Function(...params, functionBody)(...args);"
CALLER_WITHOUT_TEXT = """var invokerFunction = function (obj, func, destructorsRef, at) {
        var given = kind === 0 ? [obj] : [];
        for (var i = 0; i < argCount; ++i) {
          given.push(types[i].readValueFromPointer(at));
          at += types[i].argPackAdvance;
        }
        var rv = kind === 1 ? new func(...given) : func.call(...given);
        if (!retType.isVoid) return emval_returnValue(retType, destructorsRef, rv);
      };"""


@dataclass(frozen=True)
class Libraries:
    """What a page needs besides its own code."""

    script: str
    """Defines `loadMujoco`, `THREE` and `OrbitControls`."""
    wasm: bytes
    """MuJoCo's WebAssembly module."""


def load_libraries() -> Libraries:
    """Reads the libraries from the cache; what is not there is fetched with npm.

    Raises:
      InputError: they are neither there nor can they be fetched.
    """
    files = find_or_fetch(cache_folder())
    texts = {name: content.decode() for name, content in files.items() if name.endswith(".js")}
    return Libraries(bundle(texts), files["mujoco.wasm"])


def find_or_fetch(folder: Path, files: Mapping[str, tuple[str, str, str]] | None = None) -> dict[str, bytes]:
    """Files of npm packages, each with its hash checked, from `folder` or else from npm.

    Args:
      folder: where they are kept.
      files: file -> package, path in it, sha256; None for `FILES`.

    Raises:
      InputError: they cannot be had; the message says what to do.
    """
    files = FILES if files is None else files
    places = {name: folder / f"live-{package.split('@')[-1]}-{name}" for name, (package, _, _) in files.items()}
    missing = [name for name, path in places.items() if not _is_intact(path, files[name][2])]
    for package in dict.fromkeys(files[name][0] for name in missing):
        wanted = {places[name]: files[name] for name in missing if files[name][0] == package}
        try:
            _fetch(package, wanted)
        except FetchError as error:
            raise InputError(f"no {package} ({error}); a live page needs it once: install npm and go online") from error
        except OSError as error:
            raise InputError(f"{folder}: cannot keep {package} there ({error}); set {CACHE_VARIABLE}") from error
    return {name: path.read_bytes() for name, path in places.items()}


def _is_intact(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    try:
        check_sha256(path.read_bytes(), sha256, path.name)
    except FetchError:
        return False
    return True


def _fetch(package: str, wanted: Mapping[Path, tuple[str, str, str]]) -> None:
    """Gets files of one package: where each is kept -> package, path in it, sha256."""
    folder = next(iter(wanted)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        archive = download_npm_package(package, Path(work))
        for place, (_, member, sha256) in wanted.items():
            content = read_member(archive, f"package/{member}", sha256)
            with replace_file(place) as temporary:
                temporary.write_bytes(content)


def bundle(texts: dict[str, str]) -> str:
    """The libraries as one script without imports, exports or code made from text.

    Raises:
      ValueError: a text is not the one that it is known how to change.
    """
    mujoco = _replace_once(texts["mujoco.js"], INVOKER, INVOKER_WITHOUT_TEXT)
    mujoco = _replace_once(mujoco, CALLER, CALLER_WITHOUT_TEXT)
    mujoco = _replace_once(mujoco, "export default loadMujoco;", "")
    core = wrap_module("three_core", texts["three.core.js"], {})
    three = wrap_module("THREE", texts["three.module.js"], {"./three.core.js": "three_core"})
    controls = wrap_module("orbit_controls", texts["OrbitControls.js"], {"three": "THREE"})
    parts = [mujoco, core, three, controls, "const { OrbitControls } = orbit_controls;"]
    # `</script` in a text would end the element that the script stands in.
    return re.sub(r"</(script)", r"<\\/\1", "\n".join(parts), flags=re.IGNORECASE)


def _replace_once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"bundle: expected '{old[:40]}' once, found it {text.count(old)} times")
    return text.replace(old, new)


def wrap_module(name: str, text: str, modules: dict[str, str]) -> str:
    """A module as `const NAME = (function () { ...; return {exports}; })();`.

    Args:
      name: of the constant.
      text: of the module; it imports and exports by name, in statements that begin a line.
      modules: path that it imports from -> constant that holds that module.
    """
    exported: list[str] = []

    def take_import(match: re.Match[str]) -> str:
        return f"const {{ {_names(match[1], ': ')} }} = {modules[match[2]]};"

    def take_export(match: re.Match[str]) -> str:
        pairs = [_pair(item) for item in match[1].split(",") if item.strip()]
        source = f"{modules[match[2]]}." if match[2] else ""
        exported.extend(f"{outer}: {source}{inner}" for inner, outer in pairs)
        return ""

    text = re.sub(r"^import \{([^}]*)\} from '([^']+)';", take_import, text, flags=re.MULTILINE)
    text = re.sub(r"^export \{([^}]*)\}(?: from '([^']+)')?;", take_export, text, flags=re.MULTILINE)
    return f"const {name} = (function () {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _names(items: str, by: str) -> str:
    """`a, b as c` of an import as `a, b: c`."""
    pairs = [_pair(item) for item in items.split(",") if item.strip()]
    return ", ".join(inner if inner == outer else f"{inner}{by}{outer}" for inner, outer in pairs)


def _pair(item: str) -> tuple[str, str]:
    inner, _, outer = item.strip().partition(" as ")
    return inner.strip(), (outer or inner).strip()
