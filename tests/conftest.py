"""Shared fixtures: the place of real data, named once."""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IZWI_DATA", ROOT.parent / "shared" / "data")).resolve()
# Calls of the workflow and its shipped inis look there, too.
os.environ["IZWI_DATA"] = str(DATA)
# Tests ask no hub but their own.
os.environ["HF_HUB_OFFLINE"] = "1"
# Else each process, this one and those that tests start, would compile all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# As in izwi's own workers: the tests side by side want the cores. Calls of the workflow do without
# this, see ``environment`` there.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))
# Nearly all that is imported stays: to look for garbage in it so often took a twentieth of the
# time of unit tests.
gc.set_threshold(50_000)
# All workers share one feature store, as users' projects may: what one test extracts, none does
# again. It must be named here: pytest-xdist's workers inherit the variable from the process that
# starts them, which reads no conftest.py below this folder.
CACHE = "TEST_FEATURE_CACHE"


def pytest_configure(config):
    if CACHE not in os.environ:
        config.own_cache = os.environ[CACHE] = tempfile.mkdtemp(prefix="izwi-cache-")


def pytest_unconfigure(config):
    if hasattr(config, "own_cache"):
        shutil.rmtree(config.own_cache, ignore_errors=True)


def data_folder(name: str) -> Path:
    """Folder of a real database, or skip with the reason."""
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set IZWI_DATA to a folder that holds {name}/")
    return folder


@pytest.fixture(scope="session")
def emodb() -> Path:
    return data_folder("emodb")


@pytest.fixture(scope="session")
def nemo() -> Path:
    return data_folder("nemo")


@pytest.fixture(scope="session")
def speechocean() -> Path:
    return data_folder("speechocean")


@pytest.fixture(scope="session")
def fsdd() -> Path:
    return data_folder("fsdd")


@pytest.fixture(scope="session")
def slurm_tools() -> Path:
    """Folder with start.sh and stop.sh for a one-node SLURM from Debian's packages."""
    folder = DATA.parent / "slurm"
    if not (folder / "start.sh").is_file():
        pytest.skip(f"no {folder}/start.sh to start a SLURM with")
    return folder
