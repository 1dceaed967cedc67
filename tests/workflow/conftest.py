import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# All workers share one feature store, as users' projects may: what one test extracts, none does
# again. Workers inherit the variable.
CACHE = "TEST_FEATURE_CACHE"


def pytest_configure(config):
    if CACHE not in os.environ:
        config.own_cache = os.environ[CACHE] = tempfile.mkdtemp(prefix="izwi-cache-")


def pytest_unconfigure(config):
    if hasattr(config, "own_cache"):
        shutil.rmtree(config.own_cache, ignore_errors=True)
