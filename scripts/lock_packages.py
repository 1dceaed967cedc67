"""Write locks/*.txt: the pinned packages with the hashes of their files; make locks.

pip then installs these files alone, whatever an index offers. torch has no hash: its builds for
CPUs and for GPUs bear the same version, and come from several indexes.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
INDEX = "https://pypi.org/simple/{name}/"
JSON = "application/vnd.pypi.simple.v1+json"
UNHASHED = {"torch"}
OLDEST = 11  # Python 3.11


def pins(path: Path) -> list[tuple[str, str]]:
    """Names and versions of a requirements file, in its order; comments are left out."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [tuple(line.split("==")) for line in lines if line]


def locked(path: Path) -> dict[str, list[str]]:
    """Hashes of a lock file by ``name==version``."""
    text = path.read_text().replace("\\\n", " ")
    lines = (line.split() for line in text.splitlines() if line and line[0] != "#")
    return {first: [h.removeprefix("--hash=sha256:") for h in rest] for first, *rest in lines}


def release(file: str) -> str | None:
    """Version of an index's file; None where no Python that izwi runs on can use it."""
    try:
        if not file.endswith(".whl"):
            return str(parse_sdist_filename(file)[1])
        _, version, _, tags = parse_wheel_filename(file)
    except ValueError:
        return None
    for tag in tags:
        cpython = re.fullmatch(r"cp3(\d+)", tag.interpreter)
        recent = cpython and int(cpython[1]) >= OLDEST
        if recent or tag.abi == "abi3" or tag.interpreter.startswith("py3"):
            return str(version)
    return None


def hashes(name: str, version: str) -> list[str]:
    """SHA-256 of all files of a release that serve, sorted."""
    url = INDEX.format(name=canonicalize_name(name))
    with urllib.request.urlopen(Request(url, headers={"Accept": JSON}), timeout=60) as answer:
        files = json.load(answer)["files"]
    wanted = str(Version(version))
    found = {f["hashes"]["sha256"] for f in files if release(f["filename"]) == wanted}
    if not found:
        sys.exit(f"{url} has no file of {name}=={version}")
    return sorted(found)


def main() -> None:
    """Lock every requirements file."""
    sources = sorted(ROOT.glob("requirements*.txt"))
    wanted = {pin for source in sources for pin in pins(source) if pin[0] not in UNHASHED}
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(wanted, pool.map(lambda pin: hashes(*pin), wanted), strict=True))
    (ROOT / "locks").mkdir(exist_ok=True)
    for source in sources:
        lines = [f"# {source.name} with the hashes of its files, by make locks."]
        for name, version in sorted(pins(source), key=lambda pin: canonicalize_name(pin[0])):
            if (name, version) in found:
                parts = [f"--hash=sha256:{digest}" for digest in found[name, version]]
                lines.append(" \\\n    ".join([f"{name}=={version}", *parts]))
        (ROOT / "locks" / source.name).write_text("\n".join(lines) + "\n")
        print(f"locks/{source.name}: {len(lines) - 1} packages")


if __name__ == "__main__":
    main()
