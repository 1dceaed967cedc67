import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def two_models() -> Path:
    """A folder in which two experiments were made: ``svm`` and ``knn``, by ``config.yaml``.

    All tests share it: copy what is to change.
    """
    from workflow import DEMO, Folder

    place = Path(os.environ["TEST_FEATURE_CACHE"]) / "two_models"
    with open(place.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "results" / "summary.csv").exists():
            shutil.rmtree(place, ignore_errors=True)
            folder, feats = Folder(place), {"type": "os", "scale": "standard"}
            inis = [
                folder.ini(model, DATA=DEMO, FEATS=feats, MODEL={"type": model})
                for model in ("svm", "knn")
            ]
            folder.config(inis)
            # What a first call made is no less known for a second that builds on it.
            folder.run("--config", "ini=svm.ini")
            folder.run("--configfile", "config.yaml")
    return place
