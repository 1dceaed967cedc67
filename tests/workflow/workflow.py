"""Run the workflow as a user would: real calls of snakemake, in a folder of their own."""

import csv
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
# The command izwi, as in a checkout; with `izwi_environment`.
IZWI = [sys.executable, "-m", "izwi"]


# A part of the embedded data, split by speaker.
DEMO = {
    "databases": "['demo']",
    "demo.type": "demo",
    "demo.limit_samples": 60,
    "demo.split_strategy": "speaker_split",
    "demo.test_size": 40,
    "target": "emotion",
}


def environment() -> dict[str, str]:
    """That of a user: this process's, without izwi's settings but the place of real data."""
    return {
        k: v
        for k, v in os.environ.items()
        if k == "IZWI_DATA" or (not k.startswith("IZWI_") and not k.endswith("_NUM_THREADS"))
    }


def izwi_environment(**more: str) -> dict[str, str]:
    """That of a user of this checkout's ``python -m izwi`` in another folder."""
    return {**environment(), "PYTHONPATH": str(ROOT), **more}


# What is made from the training on.
MODELS = ("models", "evaluations", "experiments", "summary.csv")


def copy_results(folder: "Folder", place: Path, *without: str) -> None:
    """Copy results, but for some of the files and folders in it: these are left to make."""
    ignored = {*without, "logs", "benchmarks", "plans"}
    shutil.copytree(
        folder.path / "results",
        place,
        ignore=lambda at, names: ignored if Path(at).name == "results" else (),
        dirs_exist_ok=True,
    )


@functools.cache
def warm_snakemake() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_snakemake.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def call_snakemake(arguments: list[str], cwd: Path) -> tuple[int, str]:
    """``python -m snakemake`` in a folder: its exit code, and stdout with stderr behind it."""
    server = warm_snakemake()
    with tempfile.TemporaryDirectory() as place:
        streams = [Path(place, name) for name in ("stdout", "stderr")]
        request = {
            "arguments": list(map(str, arguments)),
            "cwd": str(cwd),
            "environment": environment(),
            "streams": list(map(str, streams)),
        }
        print(json.dumps(request), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        return code, "".join(path.read_text(encoding="utf-8") for path in streams)


class Call:
    """What a call printed and how it ended."""

    def __init__(self, code: int, text: str):
        self.code = code
        self.text = text

    def jobs(self, stage: str) -> int:
        """Number of jobs of a stage, from the job table; a dry run prints it twice."""
        table = {
            parts[0]: int(parts[1])
            for line in self.text.splitlines()
            if len(parts := line.split()) == 2 and parts[1].isdigit()
        }
        return table.get(stage, 0)

    @property
    def nothing_to_do(self) -> bool:
        return "Nothing to be done" in self.text


class Folder:
    """A user's working directory.

    Args:
        path: the folder
        own_cache: extract all again, where the test is about extraction
        page: write the page of results, which takes its time
    """

    def __init__(self, path: Path, *, own_cache: bool = False, page: bool = False):
        self.path = path
        self.cache = None if own_cache else os.environ["TEST_FEATURE_CACHE"]
        self.page = page
        path.mkdir(parents=True, exist_ok=True)

    def ini(self, name: str, **sections: dict) -> str:
        """Write ``<name>.ini``; keys of a section as given."""
        lines = [] if "EXP" in sections else ["[EXP]", f"name = {name}"]
        for section, options in sections.items():
            lines.append(f"[{section}]")
            if section == "EXP" and "name" not in options:
                lines.append(f"name = {name}")
            lines += [f"{key} = {value}" for key, value in options.items()]
        path = self.path / f"{name}.ini"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path.name

    def config(self, inis: list[str], name: str = "config.yaml", **settings) -> str:
        (self.path / name).write_text(json.dumps({"experiments": inis, **settings}))
        return name

    def run(
        self,
        *arguments: str,
        ok: bool = True,
        snakefile: Path = ROOT / "Snakefile",
        plain: bool = False,
    ) -> Call:
        """A call of Snakemake, with its own words unless ``plain``."""
        settings = {"cache": self.cache, "page": None if self.page else "none"}
        for key, value in settings.items():
            if value and not any(a.startswith(f"{key}=") for a in arguments):
                arguments = self._with(f"{key}={value}", list(arguments))
        words = ["-s", str(snakefile), *([] if plain else ["-p"]), *arguments]
        call = Call(*call_snakemake(words, self.path))
        assert not ok or call.code == 0, call.text
        return call

    def _with(self, setting: str, arguments: list[str]) -> list[str]:
        if "--config" in arguments:
            place = arguments.index("--config") + 1
        else:
            arguments, place = ["--config", *arguments], 1
        return [*arguments[:place], setting, *arguments[place:]]

    def metrics(self, name: str, results: str = "results") -> dict:
        return json.loads((self.path / results / "experiments" / name / "metrics.json").read_text())

    def predictions(self, name: str, results: str = "results") -> list[dict]:
        path = self.path / results / "experiments" / name / "predictions.csv"
        with open(path, newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def bytes_of(self, name: str, file: str, results: str = "results") -> bytes:
        return (self.path / results / "experiments" / name / file).read_bytes()

    def plots(self, name: str, results: str = "results") -> set[str]:
        """Names of an experiment's pictures, each of which has its data beside it."""
        place = self.path / results / "experiments" / name / "plots"
        # The stamps are hidden.
        found = {path for path in place.iterdir() if not path.name.startswith(".")}
        pictures = {path for path in found if path.suffix != ".csv"}
        assert {path.stem for path in found - pictures} == {path.name for path in pictures}
        return {path.name for path in pictures}
