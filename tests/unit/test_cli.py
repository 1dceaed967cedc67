"""The command izwi: what it takes, what it says, what it hands to Snakemake."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import snakemake.cli

from izwi import __version__, cli
from izwi.cli import COMMANDS, main, run
from izwi.engine import snakemake_call
from izwi.engine.snakemake_call import Ended, Request
from izwi.errors import UserError
from izwi.home import HOME
from tests.conftest import ROOT


@pytest.fixture
def izwi(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def izwi(*arguments):
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return izwi


@pytest.fixture
def called(monkeypatch):
    """The words of the calls of Snakemake, none of which is made."""
    words = []

    def call(command, show=None, *, stdout=None):
        words.append(command)
        return Ended(0, ())

    monkeypatch.setattr(snakemake_call, "call", call)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return words


def parsed(command):
    """The arguments as Snakemake understands them."""
    assert command[1:4] == ["-P", "-m", "snakemake"]
    return snakemake.cli.get_argument_parser().parse_args(command[4:])


# ------------------------------------------------------------------ all commands


def test_help_lists_all_commands(izwi):
    code, out, _ = izwi("--help")
    assert code == 0 and all(f"  {name} " in out for name in COMMANDS)
    assert izwi() == (0, out, "")
    assert izwi("--version") == (0, f"izwi {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(izwi, name):
    code, out, err = izwi(name, "--help")
    assert code == 0 and err == "" and out.startswith(f"usage: izwi {name} ")
    assert (ROOT / "izwi" / "cli" / f"{name}.py").is_file()


def test_help_is_light():
    code = (
        "import sys; from izwi.cli import COMMANDS, main; "
        "[main([name, '--help']) for name in COMMANDS]; "
        "print([m for m in ('numpy', 'pandas', 'snakemake', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["rum"], "izwi: rum is no command, did you mean 'run'?"),
        (["xyz"], "izwi: xyz is no command (there are new, check, run, ensemble, fetch, "
                  "predict, export, explain, compare, history, prune, archive, verify, options)"),
        (["my.ini"], "izwi: my.ini is no command; to run it, write: izwi run my.ini"),
        (["--fast"], "izwi: --fast is no option; izwi --help lists what there is"),
        (["explain"], "izwi explain: the following arguments are required: experiment; "
                      "izwi explain --help lists what there is"),
        (["ensemble", "a.ini"], "izwi ensemble: name two inis at least; izwi ensemble --help "
                                "lists what there is"),
        (["ensemble", "a.ini", "b.csv"], "izwi ensemble: b.csv is no ini (.ini); izwi ensemble "
                                         "--help lists what there is"),
        (["verify", "a.zip", "b.zip"], "izwi verify: unrecognized arguments: b.zip; "
                                       "izwi verify --help lists what there is"),
        (["predict", "--experiment", "a"], "izwi predict: name files, folders or lists, or give "
         "--microphone SECONDS or --web; izwi predict --help lists what there is"),
        (["options", "--section", "MODL"], "izwi options: --section: MODL is no section, did you "
         "mean 'MODEL'?; izwi options --help lists what there is"),
        (["run", "results/a.csv"], "izwi run: results/a.csv is neither an ini (.ini) nor a config "
         "(.yaml); a file to make stands behind --, and izwi run --help says more"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_one_line(izwi, arguments, message):
    assert izwi(*arguments) == (2, "", f"{message}\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "none.ini"], r"no such file: none\.ini \(in .*\)"),
        (["run", "none.yaml"], r"no such file: none\.yaml \(in .*\)"),
        (["run", "list.yaml"], r"list\.yaml: is no config, such as experiments: \[my\.ini\]"),
        (["run", "--configfile", "bad.yaml"], r"bad\.yaml: cannot be read: .*"),
        (["explain", "none"], r"no experiment 'none': results holds no results; .*"),
        (["verify", "none.zip"], r"none\.zip: no such file"),
        (["prune", "--configfile", "none.yaml"], r"none\.yaml: cannot be read: .*"),
        (["archive", "--configfile", "none.yaml"], r"none\.yaml: cannot be read: .*"),
        (["predict", "--model", "none", "a.wav"], r"none: no model here; .*"),
        (["options", "zzz"], r"no option has zzz"),
    ],
)
def test_what_cannot_be_done_is_one_line(izwi, tmp_path, arguments, message):
    (tmp_path / "list.yaml").write_text("- a.ini\n")
    (tmp_path / "bad.yaml").write_text("experiments: [a.ini\n")
    code, out, err = izwi(*arguments)
    assert code == 1 and out == ""
    assert re.fullmatch(f"{message}\n", err), err


def test_a_full_disk_and_ctrl_c(izwi, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device", "a.zip")

    def stopped(_):
        raise KeyboardInterrupt

    from izwi.cli import options

    monkeypatch.setattr(options, "main", full)
    code, _, err = izwi("options")
    assert code == 1 and err.startswith("cannot write a.zip: No space left on device; make room")
    monkeypatch.setattr(options, "main", stopped)
    assert izwi("options") == (130, "", "")


def test_python_m_izwi():
    done = subprocess.run(
        [sys.executable, "-m", "izwi", "rum"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1


# ----------------------------------------------------------------------- options


def test_options_are_found_by_name_and_by_what_they_do(izwi):
    code, out, _ = izwi("options", "C_val")
    assert code == 0 and out.startswith("[MODEL] C_val: float, from 0, default 1.0: ")
    _, out, _ = izwi("options", "leave", "speaker", "--section", "model")
    lines = out.splitlines()
    assert any(line.startswith("[MODEL] logo: int, from 2: leave one") for line in lines)
    assert all(line.startswith("[MODEL] ") for line in lines)
    _, out, _ = izwi("options")
    assert len(out.splitlines()) > 150


# --------------------------------------------------------------------------- run


def touch(folder, *names):
    for name in names:
        (folder / name).write_text("{}" if name.endswith("yaml") else "")


def test_one_ini(izwi, called, tmp_path):
    touch(tmp_path, "my.ini")
    assert izwi("run", "my.ini", "-c", "2") == (0, "", "")
    found = parsed(called[0])
    assert Path(found.snakefile) == HOME / "Snakefile"
    assert snakemake.cli.parse_config(found.config) == {"ini": "my.ini"}
    assert found.cores == 2 and not found.targets and not found.quiet


def test_inis_configs_and_settings(izwi, called, tmp_path):
    names = ["a b.ini", "2024.ini", "é.ini"]
    touch(tmp_path, *names, "my.yaml", "more.yaml")
    code, _, _ = izwi(
        *("run", "my.yaml", "a b.ini", "--config", "results=out", "page=none", "-n"),
        *("2024.ini", "é.ini", "--configfile", "more.yaml", "--", "results/summary.csv"),
    )
    found = parsed(called[0])
    assert code == 0
    assert [path.name for path in found.configfile] == ["my.yaml", "more.yaml"]
    assert snakemake.cli.parse_config(found.config) == {
        "experiments": names,
        "results": "out",
        "page": "none",
    }
    assert found.dryrun and not found.quiet and found.targets == ["results/summary.csv"]


@pytest.mark.parametrize("ini", ["a b.ini", "1.ini", "a=b.ini", "~/x.ini", "{a}.ini", "a'b.ini"])
def test_names_of_inis_arrive_as_they_are(ini):
    found = parsed(snakemake_call.command(Request((ini,)), []))
    assert snakemake.cli.parse_config(found.config) == {"ini": ini}


@pytest.mark.parametrize("results", ["out", "2024", "true", "a b", "1e3", "null", "~", "é"])
def test_settings_stay_texts(results):
    request = Request(("a.ini", "b.ini"), settings={"results": results})
    found = parsed(snakemake_call.command(request, []))
    config = snakemake.cli.parse_config(found.config)
    assert config["experiments"] == ["a.ini", "b.ini"]
    assert os.path.normpath(config["results"]) == results


def test_the_demo_has_a_folder_of_its_own(izwi, called):
    assert izwi("run", "--demo", "-c1")[0] == 0
    config = snakemake.cli.parse_config(parsed(called[0]).config)
    assert config == {"ini": str(HOME / "config/experiments/demo.ini"), "results": "demo_results"}
    assert "--demo" not in called[0]
    izwi("run", "--demo", "--config", "results=there")
    assert snakemake.cli.parse_config(parsed(called[1]).config)["results"] == "there"


@pytest.mark.parametrize(
    "options",
    [["-n"], ["--dry-run"], ["--summary"], ["--verbose"], ["-q", "progress"], ["--quiet=rules"],
     ["--list-rules"], ["--rulegraph"], ["--report", "r.html"], ["-p"], ["--unlock"], ["--lint"],
     ["-c1"], ["--forceall"], ["-R", "train"], ["--set-threads", "train=4"]],
    ids=str,
)  # fmt: skip
def test_options_of_snakemake_are_passed_on(izwi, called, options):
    izwi("run", *options)
    assert called[0][-len(options) :] == options


def test_v_is_snakemakes_verbose(izwi, called):
    izwi("run", "-v", "-c1")
    assert called[0][-2:] == ["--verbose", "-c1"]


def test_the_shipped_profile_is_found_from_anywhere(izwi, called, tmp_path):
    izwi("run", "--profile", "slurm")
    assert called[0][-1] == str(HOME / "profiles" / "slurm")
    izwi("run", "--profile=slurm", "-c1")
    assert called[1][-2] == f"--profile={HOME / 'profiles' / 'slurm'}"
    (tmp_path / "slurm").mkdir()
    izwi("run", "--profile", "slurm")
    assert called[2][-1] == "slurm"


def test_a_silent_failure_says_what_to_do(izwi, monkeypatch):
    monkeypatch.setattr(snakemake_call, "call", lambda *_, **__: Ended(1, ()))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    code, _, err = izwi("run")
    assert code == 1 and "add -v" in err and err.count("\n") == 1


def test_split_takes_values_of_options_for_no_config():
    assert run.split(["my.yaml", "--profile", "p.yaml", "-Cx=1", "--config=a=b"])[:3] == (
        [],
        ["my.yaml"],
        ["a=b"],
    )


# ---------------------------------------------------------------- the call itself


def test_what_a_call_prints_is_shown_and_kept():
    code = (
        "import sys; print('Using workflow specific profile /x for setting default command line "
        "arguments.', file=sys.stderr); print('first', file=sys.stderr); "
        "print('\\na.ini: one\\nb.ini: two', file=sys.stderr); sys.exit(3)"
    )
    shown = []
    ended = snakemake_call.call([sys.executable, "-c", code], shown.append)
    assert shown == list(ended.lines) == ["first", "", "a.ini: one", "b.ini: two"]
    assert ended.code == 3 and ended.problems() == ["a.ini: one", "b.ini: two"]


def test_problems_are_never_nothing():
    assert Ended(1, ()).problems() == [
        "Snakemake failed without a message; run it with quiet=False to see more"
    ]
    waited = Ended(1, ("r: waiting for process 3 on x, which is at work there", "a.ini: one"))
    assert waited.problems() == ["a.ini: one"]


def test_ctrl_c_stops_the_whole_call(tmp_path):
    """The child of the child gets it, too, and may tidy up."""
    child = (
        "import signal, sys, time\n"
        "def stop(*_):\n    print('stopped', file=sys.stderr); open('tidied', 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGINT, stop)\nopen('ready', 'w').close()\ntime.sleep(60)\n"
    )
    parent = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "try:\n    p.wait()\nexcept KeyboardInterrupt:\n    p.wait(); raise SystemExit(1)\n"
    )
    code = (
        "import sys; from izwi.engine import snakemake_call\n"
        f"snakemake_call.call([sys.executable, '-c', {parent!r}], print)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # In the background of a shell the signal is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until = time.monotonic() + 30
    while not (tmp_path / "ready").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode != 0 and "stopped" not in out
    assert (tmp_path / "tidied").exists()


def test_request_puts_configs_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text("experiments: [x.ini]\nresults: one\n")
    (tmp_path / "b.yaml").write_text(json.dumps({"results": "two"}))
    request = Request((), ("a.yaml", "b.yaml"), {"cache": "c"})
    assert request.content() == {"experiments": ["x.ini"], "results": "two", "cache": "c"}
    with pytest.raises(UserError) as caught:
        Request(("y.ini", "z.ini")).content()
    assert len(caught.value.problems) == 2


def test_the_list_of_commands_is_that_of_the_modules():
    modules = {path.stem for path in (ROOT / "izwi" / "cli").glob("*.py")} - {"__init__"}
    assert modules == set(COMMANDS) and cli.USAGE_ERROR == 2
