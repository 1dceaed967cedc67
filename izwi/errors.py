"""What the user did wrong, in one line each, collected and raised together."""

from __future__ import annotations

import errno
import os


def printable(line: str) -> str:
    """A text as one line, without control characters that move the cursor."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


class UserError(Exception):
    """Problems that the user can fix.

    Args:
        problems: one line each: what is wrong, where, what to do
        own: each line names its ini already; else it is about all that want the same
    """

    def __init__(self, problems: str | list[str], *, own: bool = False) -> None:
        lines = [problems] if isinstance(problems, str) else problems
        self.problems = [printable(line) for line in lines]
        self.own = own
        super().__init__("\n".join(self.problems))


# Errors of a disk that cannot be written to, and what to do.
_REFUSALS = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "allow larger files, such as by a higher ulimit -f,",
    errno.EROFS: "name another folder in the config's results or cache",
    errno.EACCES: "give yourself the right to write there, or name another folder in the config",
    errno.EPERM: "give yourself the right to write there, or name another folder in the config",
}


def refusal(error: BaseException) -> str | None:
    """One line where a disk is full or a folder takes no files; None for all other errors."""
    if not isinstance(error, OSError) or error.errno not in _REFUSALS:
        return None
    place = f" {error.filename}" if error.filename else ""
    reason, advice = os.strerror(error.errno), _REFUSALS[error.errno]
    return f"cannot write{place}: {reason}; {advice} and start again: finished files stay"


# What the loader of libraries says where a process may have no more memory.
_UNMAPPED = (
    "failed to map segment",
    "cannot map zero-fill pages",
    "cannot allocate memory",
    "cannot create shared object descriptor",
)


LITTLE_MEMORY = "memory ran out: give the process more, such as by a higher ulimit -v"


def memory_ran_out(error: BaseException) -> bool:
    """Whether an error means that the process could not have more memory."""
    unmapped = isinstance(error, ImportError | OSError) and any(
        words in str(error).lower() for words in _UNMAPPED
    )
    return (
        unmapped
        or isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or str(error) == "can't start new thread"
    )


class Problems:
    """Collects problems to raise them together.

    Args:
        own: see `UserError`
    """

    def __init__(self, *, own: bool = False) -> None:
        self.lines: list[str] = []
        self.own = own

    def add(self, line: str) -> None:
        """Note one problem; a line already noted is not repeated."""
        if line not in self.lines:
            self.lines.append(line)

    def extend(self, error: UserError, prefix: str = "") -> None:
        """Note all problems of an error, each behind a prefix."""
        for line in error.problems:
            self.add(prefix + line)

    def raise_if_any(self) -> None:
        """Raise what was collected.

        Raises:
            UserError: if there is any problem
        """
        if self.lines:
            raise UserError(self.lines, own=self.own)
