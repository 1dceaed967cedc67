"""A call of Snakemake with izwi's Snakefile: its arguments, its process, its messages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from izwi.errors import UserError
from izwi.home import SNAKEFILE
from izwi.untrusted import read_yaml

# Names the file descriptor of the terminal, if standard error is a pipe to it.
DESCRIPTOR = "IZWI_TERMINAL"
# Useless to users, and Snakemake prints it even in quiet mode.
_PROFILE = re.compile(r"Using (workflow specific )?profiles? .*command line arguments\.$")
_STOPPED = "stopped: "
_WAITING = re.compile(r": waiting for .*, which is at work there$")
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True)
class Request:
    """What to run.

    Args:
        inis: experiments; none for those of the configs
        configs: YAML configs; a later one wins
        settings: keys of the config that the call itself sets, such as ``results``
    """

    inis: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """The request as arguments of Snakemake."""
        found = ["--configfile", *self.configs] if self.configs else []
        given = [f"{key}={_yaml(value)}" for key, value in self._own().items()]
        return found + (["--config", *given] if given else [])

    def content(self) -> dict[str, Any]:
        """The config as Snakemake puts it together.

        Raises:
            UserError: if a config cannot be read, or an ini is not there
        """
        gone = [ini for ini in self.inis if not Path(os.path.expanduser(ini)).is_file()]
        if gone:
            raise UserError([f"no such file: {ini} (in {Path.cwd()})" for ini in gone])
        found: dict[str, Any] = {}
        for path in self.configs:
            found.update(_read(path))
        return found | self._own()

    def _own(self) -> dict[str, Any]:
        # One ini selects among the experiments of a config, which may label its databases.
        if len(self.inis) == 1:
            return {"ini": self.inis[0], **self.settings}
        return {**({"experiments": list(self.inis)} if self.inis else {}), **self.settings}


@dataclass(frozen=True)
class Ended:
    """How a call ended.

    Args:
        code: exit code
        lines: what it printed as messages
    """

    code: int
    lines: tuple[str, ...]

    def problems(self) -> list[str]:
        """Problems, one line each; the last lines that izwi prints."""
        blocks = "\n".join(self.lines).strip("\n").split("\n\n")
        found = [line for line in blocks[-1].splitlines() if line and not _WAITING.search(line)]
        return found or ["Snakemake failed without a message; run it with quiet=False to see more"]


def command(request: Request, arguments: list[str]) -> list[str]:
    """The call of Snakemake.

    Args:
        request: what to run
        arguments: further ones of Snakemake; targets follow ``--``
    """
    # Without -P a user's folder named numpy or izwi would hide the package.
    snakemake = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(SNAKEFILE)]
    return [*snakemake, *request.arguments(), *arguments]


def call(
    words: list[str], show: Callable[[str], None] | None = None, *, stdout: int | None = None
) -> Ended:
    """Run Snakemake and wait for it.

    It runs in its own session, so that Ctrl-C reaches it once, from here. If standard error is a
    terminal, it draws on that.

    Args:
        words: the command, see `command`
        show: takes each line of its messages as it comes
        stdout: where its standard output goes, None for that of this process

    Raises:
        KeyboardInterrupt: if it was stopped by Ctrl-C, after it has cleaned up; with what it said
            of that
    """
    lines: list[str] = []
    interrupts = 0
    terminal = os.dup(sys.stderr.fileno()) if show and sys.stderr.isatty() else None
    with subprocess.Popen(
        words,
        env=os.environ if terminal is None else {**os.environ, DESCRIPTOR: str(terminal)},
        pass_fds=() if terminal is None else (terminal,),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        if terminal is not None:
            os.close(terminal)
        while True:
            try:
                for line in iter(process.stderr.readline, ""):
                    line = line.rstrip("\n")
                    if _PROFILE.match(line):
                        continue
                    lines.append(line)
                    # Messages of interrupted jobs do not help the user who interrupted them.
                    if show and not interrupts:
                        show(line)
                process.wait()
                break
            except KeyboardInterrupt:
                _stop(process, interrupts)
                interrupts += 1
            except BaseException:
                _stop(process)
                raise
    if interrupts:
        raise KeyboardInterrupt(next((x for x in reversed(lines) if x.startswith(_STOPPED)), ""))
    return Ended(process.returncode, tuple(lines))


def _stop(process: subprocess.Popen[str], earlier: int = 0) -> None:
    """End a call and its jobs as Ctrl-C does; more forcefully at the second request."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, _STOPS[min(earlier, len(_STOPS) - 1)])


def _yaml(value: Any) -> str:
    """A value as Snakemake's ``--config`` reads it."""
    with contextlib.suppress(TypeError, ValueError):
        # Even with quotes, Snakemake would turn a folder named 2024 into a number.
        float(value)
        return f"./{value}"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_./~][\w./~ *-]*", value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _read(path: str) -> dict[str, Any]:
    try:
        content = read_yaml(Path(os.path.expanduser(path)))
    except FileNotFoundError:
        raise UserError(f"no such file: {path} (in {Path.cwd()})") from None
    except (OSError, UserError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: is no config, such as experiments: [my.ini]")
    return content
