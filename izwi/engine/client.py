"""What a rule runs: it asks a warm worker for a unit, or makes the unit itself.

To import more than the socket would cost more than to ask: a call has hundreds of jobs.

    python -I -S client.py SOCKET PLAN OUTPUT LOG THREADS    # asks; without a worker, as below
    python -P client.py - PLAN OUTPUT LOG THREADS            # makes it in this process
"""

import sys


def ask(socket: str, words: list) -> int:
    """Exit code of the job; 137, as of a killed process, where the worker was killed."""
    import _socket

    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(socket)
    line.sendall("\0".join(words).encode("utf-8", "surrogateescape") + b"\n")
    answer = line.recv(16)
    return int(answer) if answer else 137


def make(words: list) -> int:
    """Make the unit in this process."""
    from os.path import abspath, dirname

    sys.path.insert(0, dirname(dirname(dirname(abspath(__file__)))))
    from izwi.engine import job

    return job.command(words)


if __name__ == "__main__":
    where, *rest = sys.argv[1:]
    if where == "-":
        sys.exit(make(rest))
    try:
        sys.exit(ask(where, rest))
    except OSError:
        import os

        os.execv(sys.executable, [sys.executable, "-P", __file__, "-", *rest])
