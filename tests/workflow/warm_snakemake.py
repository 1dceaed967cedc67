"""Snakemake for many calls of one test process: imported once, each call a fork of its own.

A call is what ``python -m snakemake`` would run, but for the seconds that imports take: those of
Snakemake, and those of the libraries that izwi's server of workers loads. The server, too, is a
fork from before Snakemake began. Nothing of izwi is imported before a fork. One line of JSON a call
on stdin: ``arguments``, ``cwd``, ``environment``, and ``streams``, the files for what it prints;
one line a call on stdout: the exit code. Ends with its stdin.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from importlib import import_module
from typing import NoReturn

import snakemake.cli

LIBRARIES = (
    *("smart_open", "jsonschema", "numpy", "pandas", "pyarrow.parquet", "soundfile", "opensmile"),
    *("scipy.stats", "scipy.signal", "matplotlib.backends.backend_agg", "matplotlib.figure"),
    *("sklearn.metrics", "sklearn.model_selection", "sklearn.preprocessing", "sklearn.svm"),
    *("sklearn.tree", "sklearn.ensemble", "sklearn.neighbors", "sklearn.naive_bayes", "xgboost"),
)


class Server:
    """A server of izwi's workers, as ``subprocess.Popen`` gives it: a fork instead of a start.

    Made before Snakemake begins, it waits until it is asked for.
    """

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self.line.close()
            _serve(theirs)
        theirs.close()
        self.stdin: int | None = None

    def start(self, command: list[str], stderr: object, listener: int) -> "Server":
        """Become the server that a command would start."""
        reading, self.stdin = os.pipe()
        errors = 2 if stderr is None else stderr.fileno()
        message = json.dumps([command, dict(os.environ), os.getcwd()]).encode()
        socket.send_fds(self.line, [message], [reading, errors, listener])
        os.close(reading)
        return self

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> None:
        os.waitpid(self.pid, 0)


def _serve(line: socket.socket) -> None:
    """In the fork: wait for a command, and run it as Python would that it starts."""
    try:
        message, files, *_ = socket.recv_fds(line, 1 << 20, 3)
        if not message:
            return
        (script, place, *words), environment, cwd = json.loads(message)
        _become(environment, cwd)
        reading, errors, listener = (os.dup(file) for file in files)
        line.close()
        number = int(place.partition("@")[0])
        for file, wanted in ((reading, 0), (errors, 2), (listener, number)):
            os.dup2(file, wanted)
        for file in {*files, reading, errors, listener} - {0, 2, number}:
            os.close(file)
        sys.argv = [script, place, *words]
        del sys.path[0]
        runpy.run_path(script, run_name="__main__")
    except SystemExit:
        pass
    finally:
        sys.stdout.flush()
        os._exit(0)


def _become(environment: dict[str, str], cwd: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)


def call(
    arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]
) -> NoReturn:
    """In the fork: become a Python that was started for this call."""
    _become(environment, cwd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    server = Server()

    class Popen(subprocess.Popen):
        def __new__(cls, command, *args, **options):
            if options.get("pass_fds"):  # by izwi alone
                return server.start(command[2:], options["stderr"], *options["pass_fds"])
            return super().__new__(cls)

    subprocess.Popen = Popen
    sys.argv = ["snakemake", *arguments]
    sys.path[0] = cwd
    try:
        runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = 1 if isinstance(end.code, str) else int(end.code or 0)
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End as Python would, but for taking apart every module and object, most of a short call."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


for name in LIBRARIES:
    import_module(name)
# It loads the plugins.
snakemake.cli.get_argument_parser()
# A collection in a fork would look at all of this again, and copy it.
gc.collect()
gc.freeze()
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if child == 0:
        call(**json.loads(line))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
