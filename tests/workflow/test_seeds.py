"""All shipped experiments, planned together; ``make seeds`` runs them."""

import re

import pytest
import yaml
from workflow import ROOT, Folder


def test_all_shipped_experiments_plan_in_one_go(emodb, nemo, speechocean, tmp_path):
    if not (emodb.parents[1] / "models" / "whisper-tiny.en").is_dir():
        pytest.skip(f"no Whisper model beside {emodb.parent}")
    folder = Folder(tmp_path)
    folder.path = ROOT
    # Grouped as on a cluster, where no group may wait for itself through a stage outside it.
    groups = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["groups"]
    call = folder.run(
        *("-n", "--configfile", "config/seeds.yaml"),
        *("--config", f"results={tmp_path / 'out'}", "--groups", *groups),
    )
    record = set(re.findall(r"/out/experiments/([^/\s]+)/metrics\.json", call.text))
    names = {
        re.search(r"^name *= *(\S+)", path.read_text(), re.MULTILINE).group(1)
        for path in (ROOT / "config/experiments").glob("*.ini")
    }
    singles = {name for name in record if "--" not in name}
    grids = {name.partition("--")[0] for name in record - singles}
    assert singles | grids == names | {"exp_A_fused"}
    assert grids == {
        "exp_A",
        "compare_flags",
        "classifiers",
        "regressors",
        "multidb",
        "exp_A_fused",
    }
    assert call.jobs("database") == 1
    # One matrix per feature set and table, however many experiments read it.
    matrices = re.findall(r"output: \S+/out/features/(\S+)\.parquet", call.text)
    assert len(set(matrices)) == len(matrices) == call.jobs("features")
    seen = [path for path in matrices if not re.search(r"/(fingerprint|signal)-", path)]
    assert len(seen) < len(record)
