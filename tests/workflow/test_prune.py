"""What no config needs is listed, and deleted on request alone."""

import subprocess

from workflow import DEMO, IZWI, Folder, izwi_environment

# Few, since all are extracted here, twice what is deleted.
DATA = DEMO | {"demo.limit_samples": 24}


def prune(folder, *arguments):
    process = subprocess.run(
        [*IZWI, "prune", *arguments],
        cwd=folder.path,
        env=izwi_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def files(folder):
    skip = {".snakemake", "plans"}
    return {
        str(path.relative_to(folder.path))
        for path in folder.path.rglob("*")
        if path.is_file() and not skip & set(path.parts)
    }


def test_prune(tmp_path):
    folder = Folder(tmp_path, own_cache=True)
    kept = folder.ini("kept", DATA=DATA, FEATS={"type": "os"}, MODEL={"type": "knn"})
    gone = folder.ini(
        "gone",
        DATA=DATA | {"demo.limit_samples": 20},
        FEATS={"type": "os", "set": "GeMAPSv01b"},
        MODEL={"type": "tree"},
    )
    folder.config([kept])
    folder.run("--configfile", "config.yaml")
    before = files(folder)
    folder.config([kept, gone], "both.yaml")
    folder.run("--configfile", "both.yaml")
    both = files(folder)

    configs = ("--configfile", "config.yaml", "both.yaml")
    told = prune(folder, *configs, "--stores", "--experiments")
    assert told == "nothing to delete\n"
    # Where earlier versions put label tables, tables and grids.
    old = ("tables/demo-0123456789ab.parquet", "tables/.keys/t.csv.json", "tables/t.csv")
    old = (*old, "grids/g/table.csv", "runs/g/runs.png", "runs/g/runs.png.csv")
    for path in (folder.path / "results" / name for name in old):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    both = files(folder)
    told = prune(folder, "--configfile", "config.yaml", "--stores", "--experiments")
    assert files(folder) == both
    assert "os-GeMAPSv01b" in told and "experiments/gone" in told and "eGeMAPSv02" not in told
    assert "history/gone.jsonl" in told and "history/kept.jsonl" not in told
    assert "summaries/both.csv" in told and "summaries/config.csv" not in told
    without = prune(folder, "--configfile", "config.yaml")
    assert "history" not in without and "experiments/" not in without
    # An ini may read what another has made.
    (made,) = folder.path.glob("results/databases/demo-*/demo.csv")
    data = {"databases": "['mine']", "mine": made.relative_to(folder.path), "target": "emotion"}
    folder.ini("mine", DATA=data, FEATS={"type": "os"}, MODEL={"type": "knn"})
    assert "results/databases" not in prune(folder, "mine.ini")
    (folder.path / "mine.ini").unlink()
    prune(folder, "--configfile", "config.yaml", "--stores", "--experiments", "--delete")
    left = files(folder)
    logs = {
        f
        for f in both
        if f.startswith(("results/logs", "results/benchmarks", "results/cache/scans"))
    }
    assert left - logs == before - logs | {"both.yaml", "gone.ini"}
    # What was deleted is made again where it is wanted again, and nothing else.
    call = folder.run("--configfile", "both.yaml")
    assert [call.jobs(stage) for stage in ("load", "train", "experiment")] == [1, 1, 1]
    assert folder.metrics("gone")["n_test"] > 0
