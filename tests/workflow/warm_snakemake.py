"""Snakemake for many calls of one test process: imported once, each call a fork of its own.

A call is what ``python -m snakemake`` would run, but for the second or two that its imports take.
Nothing of izwi is imported before the fork. One line of JSON a call on stdin: ``arguments``,
``cwd``, ``environment``, and ``streams``, the files for what it prints; one line a call on stdout:
the exit code. Ends with its stdin.
"""

import json
import os
import runpy
import sys

import snakemake.cli  # noqa: F401


def call(arguments: list[str], cwd: str, environment: dict[str, str], streams: list[str]) -> None:
    """In the fork: become a Python that was started for this call."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = ["snakemake", *arguments]
    sys.path[0] = cwd
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if child == 0:
        call(**json.loads(line))
        break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
