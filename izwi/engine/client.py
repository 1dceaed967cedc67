"""The command of a rule: it asks a warm worker for a unit, or makes the unit itself.

It imports little more than the socket, since a call has hundreds of jobs.

    python -I -S client.py SUFFIX LOG THREADS OUTPUT …

The environment says the rest: IZWI_PLAN<SUFFIX> is the file of the plan, IZWI_SOCKET<SUFFIX> the
socket of the workers; without it, or without workers behind it, the unit is made in this process.
"""

import posix
import sys


def ask(socket: bytes, words: list) -> int:
    """Exit code of the job; 137, as for a killed process, if the worker was killed."""
    import _signal
    import _socket

    # Ctrl-C ends it without a traceback; the server then stops the unit.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(socket)
    line.sendall(b"\0".join(words) + b"\n")
    answer = line.recv(16)
    return int(answer) if answer else 137


def make(words: list) -> int:
    """Make the unit in this process."""
    from os.path import abspath, dirname

    sys.path.insert(0, dirname(dirname(dirname(abspath(__file__)))))
    from izwi.engine import job

    return job.command(words)


def main(suffix: str, words: list) -> int:
    """Ask, or make; the exit code."""
    # One output identifies the unit.
    words = words[:3]
    plan = posix.environ[b"IZWI_PLAN" + suffix.encode()]
    socket = posix.environ.get(b"IZWI_SOCKET" + suffix.encode())
    if not sys.flags.isolated:
        return make([plan.decode("utf-8", "surrogateescape"), *words])
    if socket:
        try:
            return ask(socket, [plan, *(word.encode("utf-8", "surrogateescape") for word in words)])
        except OSError:
            pass
    # Without -P modules in the working directory would hide packages.
    posix.execv(sys.executable, [sys.executable, "-P", __file__, suffix, *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
