"""Each pinned package has its hashes, and nothing else is locked."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from lock_packages import UNHASHED, locked, pins, release  # noqa: E402

SOURCES = sorted(ROOT.glob("requirements*.txt"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_all_that_is_pinned_is_locked(source):
    found = locked(ROOT / "locks" / source.name)
    wanted = {f"{name}=={version}" for name, version in pins(source) if name not in UNHASHED}
    assert set(found) == wanted
    for digests in found.values():
        assert digests and all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests)


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl", "2.4.6"),
        ("numpy-2.4.6-cp310-cp310-win_amd64.whl", None),
        ("safetensors-0.8.0-cp38-abi3-macosx_11_0_arm64.whl", "0.8.0"),
        ("six-1.17.0-py2.py3-none-any.whl", "1.17.0"),
        ("six-1.17.0.tar.gz", "1.17.0"),
        ("numpy-2.4.6-pp311-pypy311_pp73-win_amd64.whl", None),
        ("six-1.17.0.exe", None),
    ],
)
def test_files_of_no_python_that_izwi_runs_on_are_left_out(file, version):
    assert release(file) == version
