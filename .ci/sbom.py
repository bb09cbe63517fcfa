"""Writes the software bill of materials of this environment to standard output: `python .ci/sbom.py [--licences]`.

CycloneDX 1.6 in JSON: every installed package with version, licence and package URL, and the weights and models that
are fetched, with their SHA-256. `--licences` prints a table instead.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(as_table: bool) -> None:
    """Prints the bill, or the table."""
    packages = [describe_package(found) for found in metadata.distributions()]
    components = sorted({one["purl"]: one for one in packages}.values(), key=lambda one: one["name"].lower())
    components += list_fetched()
    if as_table:
        for one in components:
            print(f"{one['name']:<28} {one.get('version', '-'):<14} {read_licence(one)}")
        return
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    print(json.dumps(bill, indent=1))


def describe_package(found: metadata.Distribution) -> dict:
    """An installed package as CycloneDX has it."""
    name, version = found.metadata["Name"], found.version
    url = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {"type": "library", "name": name, "version": version, "purl": url, "licenses": find_licence(found.metadata)}


def find_licence(about: metadata.PackageMetadata) -> list[dict]:
    """Its licence: an SPDX expression, else what its classifiers say, else the first line of the old field."""
    expression = about.get("License-Expression")
    if expression:
        return [{"expression": expression}]
    classifiers = [one.rsplit(" :: ", 1)[-1] for one in about.get_all("Classifier") or [] if one.startswith("License")]
    old = (about.get("License") or "").strip().splitlines()
    names = classifiers or old[:1]
    return [{"license": {"name": name[:100]}} for name in names]


def read_licence(component: dict) -> str:
    """The licence in words."""
    found = component.get("licenses") or [{"expression": "not stated"}]
    return ", ".join(one.get("expression") or one["license"]["name"] for one in found)


def list_fetched() -> list[dict]:
    """What is fetched besides packages: weights, and models of characters."""
    import tomllib

    from pose.weights import NPM_PACKAGE, SHA256
    from reconstruct.characters.assets_folder import CHARACTERS
    from sfv.live.libraries import FILES

    found = [
        {
            "type": "machine-learning-model",
            "name": f"BlazePose, {name}",
            "version": NPM_PACKAGE.rsplit("@", 1)[1],
            "licenses": [{"expression": "Apache-2.0"}],
            "hashes": [{"alg": "SHA-256", "content": digest}],
        }
        for name, digest in SHA256.items()
    ]
    for name, (package, _, digest) in FILES.items():
        owner, version = package.rsplit("@", 1)
        found.append(
            {
                "type": "library",
                "name": f"{owner}, {name}",
                "version": version,
                "purl": f"pkg:npm/{owner.replace('@', '%40')}@{version}",
                "licenses": [{"expression": "MIT" if owner == "three" else "Apache-2.0"}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        )
    for table in sorted(CHARACTERS.glob("*/character.toml")):
        package = tomllib.loads(table.read_text(encoding="utf-8")).get("package")
        if package is not None:
            name, version = package["name"].split("==")
            licence, digest = [{"license": {"name": package["licence"]}}], package["sha256"]
            hashes = [{"alg": "SHA-256", "content": digest}]
            found.append({"type": "data", "name": name, "version": version, "licenses": licence, "hashes": hashes})
    return found


if __name__ == "__main__":
    main("--licences" in sys.argv[1:])
