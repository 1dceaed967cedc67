"""Warm workers: processes that make many units, so that imports take time only once.

    python -P worker.py [FD@]SOCKET PLAN WORKERS UNITS MODULE …

The server loads the plan, then forks a worker whenever a client asks and no idle worker is
suitable. While nobody asks, it loads the modules, one by one: a worker has those that were loaded
before its fork, and a unit goes to a worker that has all it needs. The server watches both sides:
it stops a worker whose client hangs up, tells a client that its worker died, and replaces a worker
after UNITS units. Units that need torch, or another large environment, have their own workers. The
server ends, with all workers, when its standard input closes or a signal stops it: no worker
outlives the call.
"""

from __future__ import annotations

import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module

if __name__ == "__main__":
    # What is imported stays: to look for garbage among it would be a seventh of the time.
    gc.disable()
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from izwi import models
from izwi.engine.code import libraries
from izwi.engine.plan import Plan, Unit
from izwi.engine.stage import stage

KILLED = b"137"
# After its signal a worker only cleans up.
PATIENCE_S = 3.0
PR_SET_PDEATHSIG = 1


@dataclass
class Request:
    """The request of a client.

    Attributes:
        client: its socket
        text: received so far: plan, log, threads and output, ended by a line feed
    """

    client: socket.socket
    text: bytes = b""

    @property
    def words(self) -> list[str]:
        """Plan, log, threads and output."""
        return words_of(self.text)


@dataclass
class Worker:
    """A worker as the server sees it.

    Attributes:
        pid: its process, leader of a group of its own
        line: socket to it
        environment: that of its units
        lacks: modules that were not loaded when it was forked
        request: the current one, None while it is idle
        units: number of units that it has begun
        stopped: when it was told to stop, else None
    """

    pid: int
    line: socket.socket
    environment: str
    lacks: frozenset[str]
    request: Request | None = None
    units: int = 0
    stopped: float | None = None


@dataclass
class Server:
    """Takes requests and hands them to workers.

    Args:
        path: of the socket; with ``FD@`` before it, FD is a file that already listens there
        most: maximum number of workers that work at the same time
        units: a worker is replaced after this many
    """

    path: str
    most: int
    units: int
    workers: dict[int, Worker] = field(default_factory=dict)
    waiting: list[Request] = field(default_factory=list)
    plans: dict[str, Plan] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)

    def serve(self, plan: str, modules: list[str]) -> None:
        """Serve until standard input ends."""
        # Ctrl-C ends the clients, and the server then stops their units.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        # The starter of the server may already listen, so that no client comes too early.
        number, _, path = self.path.partition("@")
        if number.isdecimal():
            self.path = path
            self.listener = socket.socket(fileno=int(number))
        else:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            self.listener.listen(256)
        self.plans[plan] = Plan.load(plan)
        self.modules += modules
        self.events = selectors.DefaultSelector()
        self.events.register(self.listener, selectors.EVENT_READ, self._accept)
        self.events.register(sys.stdin.fileno(), selectors.EVENT_READ, lambda: sys.exit(0))
        try:
            while True:
                ready = self.events.select(0 if self.modules else self._patience())
                for key, _ in ready:
                    # An earlier event may have closed it, or opened another of its number.
                    if self.events.get_map().get(key.fd) == key:
                        key.data()
                if not ready:
                    self._load(self.modules[:1])
                self._kill_the_slow()
        finally:
            self._stop_all()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        client.setblocking(False)
        request = Request(client)
        self.events.register(client, selectors.EVENT_READ, lambda: self._read(request))

    def _read(self, request: Request) -> None:
        """A client has sent something, or has hung up."""
        try:
            part = request.client.recv(65536)
        except OSError:
            part = b""
        if part:
            request.text += part
            if request.text.endswith(b"\n"):
                self.waiting.append(request)
                self._hand_out()
            return
        # Nobody waits for the unit any more.
        worker = next((w for w in self.workers.values() if w.request is request), None)
        if request in self.waiting:
            self.waiting.remove(request)
        self._hang_up(request)
        if worker is not None and worker.stopped is None:
            worker.stopped = time.monotonic()
            _signal(worker.pid, signal.SIGTERM)

    def _hand_out(self) -> None:
        """Give requests to idle workers, or to new ones."""
        while (
            self.waiting and sum(w.request is not None for w in self.workers.values()) < self.most
        ):
            request = self.waiting.pop(0)
            path, _, _, output = request.words
            if path not in self.plans:
                self.plans[path] = Plan.load(path)
            unit = self.plans[path].maker.get(os.path.normpath(output))
            environment = unit.environment if unit else "core"
            needed = set(imports_of(unit)) if unit else set()
            self._load([name for name in self.modules if name in needed])
            worker = self._idle(environment, needed) or self._fork(environment)
            try:
                worker.line.sendall(request.text)
            except OSError:
                # It was killed while it was idle.
                self._bury(worker)
                self.waiting.insert(0, request)
                continue
            worker.request = request
            worker.units += 1

    def _idle(self, environment: str, needed: set[str]) -> Worker | None:
        """An idle worker that has some modules; those that lack one make room."""
        for worker in list(self.workers.values()):
            busy = worker.request is not None or worker.stopped is not None
            if worker.environment == environment and not busy:
                if not worker.lacks & needed:
                    return worker
                # A fork is quicker than to load it once more.
                self._bury(worker)
        return None

    def _load(self, names: list[str]) -> None:
        """Load modules for the workers to come."""
        for name in names:
            self.modules.remove(name)
            # What is wrong with it is told by the unit that needs it.
            with suppress(Exception):
                import_module(name)

    def _fork(self, environment: str) -> Worker:
        gc.freeze()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                _die_with_parent()
                gc.enable()
                signal.signal(signal.SIGTERM, _stop)
                ours.close()
                self._forget()
                work(theirs, self.plans)
            finally:
                os._exit(0)
        with suppress(OSError):
            os.setpgid(pid, pid)
        theirs.close()
        worker = self.workers[pid] = Worker(pid, ours, environment, frozenset(self.modules))
        self.events.register(ours, selectors.EVENT_READ, lambda: self._on_worker(worker))
        return worker

    def _forget(self) -> None:
        """Close in a worker what belongs to the server."""
        for key in list(self.events.get_map().values()):
            if key.fd > 2:
                os.close(key.fd)
        self.events.close()
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)

    def _on_worker(self, worker: Worker) -> None:
        """A worker is done with a unit, or has ended."""
        try:
            code = worker.line.recv(16)
        except OSError:
            code = b""
        if code and worker.stopped is None and worker.request is not None:
            # Mark it idle before its client can hang up; else it would count as abandoned.
            self._hang_up(worker.request, code)
            worker.request = None
        if not code or (worker.request is None and worker.units >= self.units):
            self._bury(worker)
        self._hand_out()

    def _hang_up(self, request: Request, answer: bytes = b"") -> None:
        with suppress(KeyError, ValueError):
            self.events.unregister(request.client)
        if answer:
            with suppress(OSError):
                request.client.sendall(answer)
        request.client.close()

    def _bury(self, worker: Worker) -> None:
        """Remove a worker that has ended or must end."""
        if worker.request is not None and worker.stopped is None:
            self._hang_up(worker.request, KILLED)
        self.events.unregister(worker.line)
        worker.line.close()
        # Also end the processes that it started.
        _signal(worker.pid, signal.SIGKILL)
        del self.workers[worker.pid]
        os.waitpid(worker.pid, 0)

    def _patience(self) -> float | None:
        """Seconds until a worker that was told to stop is killed."""
        stopped = [w.stopped for w in self.workers.values() if w.stopped is not None]
        return max(0.0, min(stopped) + PATIENCE_S - time.monotonic()) if stopped else None

    def _kill_the_slow(self) -> None:
        for worker in list(self.workers.values()):
            if worker.stopped is not None and time.monotonic() >= worker.stopped + PATIENCE_S:
                self._bury(worker)
                self._hand_out()

    def _stop_all(self) -> None:
        with suppress(OSError):
            os.unlink(self.path)
            os.rmdir(os.path.dirname(self.path))
        for worker in self.workers.values():
            _signal(worker.pid, signal.SIGTERM if worker.request else signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        for worker in self.workers.values():
            while time.monotonic() < deadline and not os.waitpid(worker.pid, os.WNOHANG)[0]:
                time.sleep(0.01)
            _signal(worker.pid, signal.SIGKILL)


def imports_of(unit: Unit) -> tuple[str, ...]:
    """Modules that a worker needs for a unit, but for those of large environments."""
    if unit.environment != "core":
        return ()
    own = stage(unit.stage).imports
    if unit.stage == "train":
        own += libraries(models.model_class(unit.spec["model"]["type"]).__module__)
    return own


def words_of(text: bytes) -> list[str]:
    """Plan, log, threads and output, as a client sends them."""
    return text[:-1].decode("utf-8", "surrogateescape").split("\0")


def work(line: socket.socket, plans: dict[str, Plan]) -> None:
    """Make units until the server closes the line.

    Args:
        line: socket to the server
        plans: by the file that they are saved in
    """
    from izwi.engine import job

    while text := line.recv(1 << 20):
        path, *words = words_of(text)
        try:
            code = job.main(plans.setdefault(path, plans.get(path) or Plan.load(path)), *words)
        except Exception:
            traceback.print_exc()
            code = 1
        line.sendall(str(code).encode())


def _stop(*_: object) -> None:
    raise SystemExit(143)


def _signal(pid: int, number: int) -> None:
    """Send a signal to a worker and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _die_with_parent() -> None:
    """Let the kernel end this process with its parent, if it can."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    from izwi.engine.job import THREADS

    for variable in THREADS:
        os.environ[variable] = "1"
    place, plan_file, most_workers, most_units, *wanted = sys.argv[1:]
    server = Server(place, int(most_workers), int(most_units))
    try:
        server.serve(plan_file, wanted)
    except SystemExit:
        # To take all modules apart would be a tenth of a second at the end of each call.
        os._exit(0)
