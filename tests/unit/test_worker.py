"""Warm workers, by a real server with real clients: nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from izwi.engine import job
from izwi.engine.plan import Plan, Unit, outputs_of

ROOT = Path(__file__).resolve().parents[2]
CLIENT = [sys.executable, "-I", "-S", str(ROOT / "izwi/engine/client.py"), "_t"]
# A server whose units do what their spec says.
SERVER = """
import os, signal, subprocess, sys, time
from pathlib import Path

sys.path.insert(0, {root!r})
from izwi.engine import worker
from izwi.engine.stage import stages
from izwi.errors import UserError


def run(unit, job):
    what = unit.spec["do"]
    child = subprocess.Popen(["sleep", "600"]) if unit.spec.get("child") else None
    Path(unit.spec["mark"]).write_text(f"{{os.getpid()}} {{child.pid if child else 0}}\\n")
    if what == "hang":
        time.sleep(600)
    elif what == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    elif what == "short":
        time.sleep(0.3)
    elif what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "wrong":
        raise UserError("[MODEL] C_val: is wrong")
    elif what == "memory":
        raise MemoryError
    elif what == "odd":
        raise RuntimeError("odd")
    loaded = [str(sys.modules[name].LOADER) for name in unit.spec.get("needs", ())]
    words = [str(os.getpid()), str(job.threads), os.getcwd(), *loaded]
    Path(unit.outputs["done"]).write_text(" ".join(words) + "\\n")


stages()["shard"].run = run
worker.imports_of = lambda unit: unit.spec.get("needs", ())
path, plan, most, units, *modules = sys.argv[1:]
worker.Server(path, int(most), int(units)).serve(plan, ["no_such_module", *modules])
"""
PATIENCE_S = 60


def until(condition, what):
    """Wait for something; it takes as long as a busy computer takes."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return found


def lives(pid):
    """Whether a process works on; one that is dead and not yet taken leave of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(*pids):
    until(lambda: not any(map(lives, pids)), f"{pids} live on")


class Workers:
    """A server, its plan and its clients.

    Args:
        folder: of all files
        units: name → what it does, and the environment that it needs
        most: workers at the same time
        each: units that a worker makes
        modules: name → source of what the server loads
    """

    def __init__(self, folder, units, *, most=2, each=64, modules=None):
        self.folder = folder
        self.socket = str(folder / "a@b" / "workers")
        os.mkdir(folder / "a@b")
        self.plan = Plan(str(folder / "results"), str(folder / "cache"))
        for name, (spec, environment) in units.items():
            outputs = outputs_of("shard", self.plan.results, key=f"{len(name):012x}", part=name)
            os.makedirs(os.path.dirname(outputs["done"]), exist_ok=True)
            spec = {"do": "write", "mark": str(folder / f"{name}.mark"), **spec}
            unit = Unit("shard", name, name, spec, {}, outputs, ["my.ini"], environment)
            self.plan.units["shard"][name] = unit
        self.plan.save(str(folder / "plan.json"))
        self.environment = os.environ | {
            "IZWI_PLAN_t": str(folder / "plan.json"),
            "IZWI_SOCKET_t": self.socket,
            job.CALL: "7",
            "PYTHONPATH": str(folder),
        }
        for name, source in (modules or {}).items():
            (folder / f"{name}.py").write_text(source)
        script = folder / "server.py"
        script.write_text(SERVER.format(root=str(ROOT)))
        self.command = [
            *(sys.executable, "-P", str(script), self.socket, str(folder / "plan.json")),
            *(str(most), str(each), *(modules or ())),
        ]

    def start(self):
        self.server = subprocess.Popen(self.command, stdin=subprocess.PIPE, env=self.environment)
        until(lambda: os.path.exists(self.socket), "no server")
        return self

    def ask(self, name, threads=1):
        """Start a client."""
        unit = self.plan.units["shard"][name]
        log = str(self.folder / f"results/logs/shard/{name}.log")
        return subprocess.Popen(
            [*CLIENT, log, str(threads), unit.outputs["done"]],
            env=self.environment,
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
        )

    def code(self, name, threads=1):
        client = self.ask(name, threads)
        client.communicate(timeout=PATIENCE_S)
        return client.returncode

    def made(self, name):
        """What a unit wrote, None where it did not."""
        path = Path(self.plan.units["shard"][name].outputs["done"])
        return path.read_text().split() if path.exists() else None

    def worker(self, name):
        """Process that made a unit."""
        assert self.code(name) == 0
        return int(self.made(name)[0])

    def begun(self, name):
        """Processes of a unit that has begun: the worker, and what it started."""
        mark = self.folder / f"{name}.mark"
        until(lambda: mark.exists() and mark.read_text().endswith("\n"), f"{name} has not begun")
        return [int(pid) for pid in mark.read_text().split() if pid != "0"]


@pytest.fixture
def workers(tmp_path):
    """Start a server for some units; it must be gone in the end."""
    started = []

    def start(units, **how):
        units = {
            name: spec if isinstance(spec, tuple) else (spec, "core")
            for name, spec in units.items()
        }
        started.append(Workers(tmp_path, units, **how))
        return started[-1].start()

    yield start
    for one in started:
        one.server.stdin.close()
        assert one.server.wait(PATIENCE_S) in (0, -signal.SIGKILL)


def test_units_are_made_by_one_warm_worker(workers):
    own = workers({"a": {}, "bb": {}, "ccc": {}})
    first = own.worker("a")
    assert first != own.server.pid and own.worker("bb") == first
    assert own.code("ccc", threads=3) == 0
    assert own.made("ccc") == [str(first), "3", os.getcwd()]
    log = (own.folder / "results/logs/shard/a.log").read_text()
    assert log.startswith("shard a (a): ") and log.endswith(" s\n")
    told = (own.folder / "results/benchmarks/shard/a.tsv").read_text().splitlines()
    assert told[0].split("\t") == ["s", "h:m:s", "max_rss", "cpu_time"]
    assert float(told[1].split("\t")[2]) > 10


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_modules_are_loaded_by_the_server_alone(workers, seconds):
    """Whether or not they are there before they are needed."""
    slow = f"import os, time\ntime.sleep({seconds})\nLOADER = os.getpid()\n"
    own = workers(
        {"a": {}, "bb": {"needs": ["one"]}, "ccc": {"needs": ["one", "two"]}, "dddd": {}},
        modules={"one": slow, "odd": "1 / 0", "two": slow},
    )
    assert own.code("a") == own.code("bb") == 0
    last = own.worker("ccc")
    assert own.made("bb")[3:] == [str(own.server.pid)]
    assert own.made("ccc")[3:] == [str(own.server.pid)] * 2
    # One that has more than a unit needs will do.
    assert own.worker("dddd") == last


def test_what_goes_wrong_is_told_and_the_worker_goes_on(workers):
    own = workers(
        {"fine": {}, "wrong": {"do": "wrong"}, "memory": {"do": "memory"}, "odd": {"do": "odd"}}
    )
    first = own.worker("fine")
    for name, words in (
        ("wrong", "my.ini: [MODEL] C_val: is wrong"),
        ("odd", "my.ini: shard of odd: unexpected RuntimeError: odd; where it happened stands in"),
        ("memory", job.NO_MEMORY),
    ):
        assert own.code(name) == 1
        assert own.begun(name) == [first] and own.made(name) is None
        assert words in (own.folder / f"results/logs/shard/{name}.log").read_text()
    told = (own.folder / "results/plans/problems/7.txt").read_text().splitlines()
    assert [line.partition(";")[0] for line in told] == [
        "my.ini: [MODEL] C_val: is wrong",
        "my.ini: shard of odd: unexpected RuntimeError: odd",
    ]


@pytest.mark.parametrize("what", ["hang", "stubborn"])
def test_a_client_that_hangs_up_stops_its_unit(workers, what):
    own = workers({"a": {}, "long": {"do": what, "child": True}, "other": {}}, most=1)
    client = own.ask("long")
    pids = own.begun("long")
    waiting = own.ask("other")
    # It waits its turn, and is not begun once nobody waits for it.
    time.sleep(0.2)
    assert waiting.poll() is None and not (own.folder / "other.mark").exists()
    waiting.kill()
    waiting.communicate()
    client.kill()
    client.communicate()
    gone(*pids)
    assert own.made("long") is None
    assert own.worker("a") not in pids
    assert not (own.folder / "other.mark").exists()


def test_a_killed_worker_gives_137_and_is_replaced(workers):
    own = workers({"a": {}, "dies": {"do": "die", "child": True}, "bb": {}})
    first = own.worker("a")
    assert own.code("dies") == 137
    pids = own.begun("dies")
    assert pids[0] == first
    gone(*pids)
    assert own.worker("bb") not in pids


def test_an_idle_worker_that_was_killed_is_not_asked(workers):
    """Also where the server learns of the request before it learns of the death."""
    own = workers({"a": {}, "bb": {}, "ccc": {}})
    first = own.worker("a")
    os.kill(first, signal.SIGKILL)
    second = own.worker("bb")
    assert second != first
    # Client and death are seen at once.
    for _ in range(5):
        os.kill(own.server.pid, signal.SIGSTOP)
        client = own.ask("ccc")
        time.sleep(0.3)
        os.kill(second, signal.SIGKILL)
        time.sleep(0.05)
        os.kill(own.server.pid, signal.SIGCONT)
        assert client.wait(PATIENCE_S) == 0, client.stderr.read()
        client.communicate()
        assert int(own.made("ccc")[0]) != second
        second = int(own.made("ccc")[0])
    assert own.server.poll() is None


def test_after_some_units_a_worker_makes_room(workers):
    names = [f"{'x' * n}" for n in range(1, 6)]
    own = workers({name: {} for name in names}, each=2)
    found = [own.worker(name) for name in names]
    assert found[0] == found[1] != found[2] == found[3] != found[4]
    gone(*found[:4])


def test_environments_have_workers_of_their_own(workers):
    own = workers(
        {"a": ({}, "core"), "bb": ({}, "deep"), "ccc": ({}, "core"), "dddd": ({}, "deep")}
    )
    core, deep = own.worker("a"), own.worker("bb")
    assert core != deep and (own.worker("ccc"), own.worker("dddd")) == (core, deep)


def test_no_more_work_at_once_than_cores(workers):
    names = ["a", "bb", "ccc", "dddd"]
    own = workers({name: {"do": "short"} for name in names}, most=1)
    clients = [own.ask(name) for name in names]
    assert [client.wait(PATIENCE_S) for client in clients] == [0] * 4
    for client in clients:
        client.communicate()
    assert len({own.made(name)[0] for name in names}) == 1


@pytest.mark.parametrize("how", ["closed", "terminated", "killed"])
def test_nothing_survives_the_server(workers, how):
    own = workers({"a": {}, "long": {"do": "hang", "child": how != "killed"}})
    first = own.worker("a")
    client = own.ask("long")
    pids = own.begun("long")
    # It works, so another one is forked, and idle then.
    idle = own.worker("a")
    assert pids[0] == first != idle
    if how == "closed":
        own.server.stdin.close()
    elif how == "terminated":
        own.server.terminate()
    else:
        own.server.kill()
    assert client.wait(PATIENCE_S) == 137
    client.communicate()
    gone(own.server.pid, idle, *pids)
    if how != "killed":
        assert not os.path.exists(os.path.dirname(own.socket))


def test_nothing_survives_a_killed_call(tmp_path):
    """The process that started the server is killed and can tidy up nothing."""
    own = Workers(tmp_path, {"long": ({"do": "hang", "child": True}, "core"), "a": ({}, "core")})
    code = "import subprocess, sys, time\np = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)"
    code += "\nprint(p.pid, flush=True)\ntime.sleep(600)"
    call = subprocess.Popen(
        [sys.executable, "-c", code, *own.command],
        stdout=subprocess.PIPE,
        text=True,
        env=own.environment,
    )
    server = int(call.stdout.readline())
    until(lambda: os.path.exists(own.socket), "no server")
    idle = own.worker("a")
    client = own.ask("long")
    pids = own.begun("long")
    call.kill()
    call.communicate()
    gone(server, idle, *pids)
    assert not os.path.exists(os.path.dirname(own.socket))
    assert client.wait(PATIENCE_S) == 137
    client.communicate()


@pytest.mark.parametrize("socket", ["none", "dead"])
def test_without_workers_the_client_makes_the_unit(tmp_path, socket):
    plan = Plan(str(tmp_path / "results"), str(tmp_path / "cache"))
    outputs = outputs_of("summary", plan.results, config="c")
    unit = Unit(
        *("summary", "k", "all", {"experiments": [], "controls": []}),
        inputs={"metrics": [], "records": []},
        outputs=outputs,
    )
    plan.units["summary"]["k"] = unit
    plan.save(str(tmp_path / "plan.json"))
    environment = os.environ | {"IZWI_PLAN_t": str(tmp_path / "plan.json")}
    if socket == "dead":
        environment["IZWI_SOCKET_t"] = str(tmp_path / "nobody")
    # A module of this folder hides no package.
    (tmp_path / "json.py").write_text("raise SystemExit('hidden')")
    log = str(tmp_path / "results/logs/summary/c.log")
    found = subprocess.run(
        [*CLIENT, log, "1", outputs["summary"]],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert Path(outputs["summary"]).read_text().startswith("name,type,")
    other = subprocess.run(
        [*CLIENT, log, "1", str(tmp_path / "results/other.csv")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert other.returncode == 1
    assert "other.csv: no experiment of the config needs this file" in other.stderr
