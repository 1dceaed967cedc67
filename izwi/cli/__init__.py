"""The command ``izwi``: one module per subcommand, imported when it is called."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

from izwi import __version__
from izwi.errors import LITTLE_MEMORY, UserError, memory_ran_out, printable, refusal

# Subcommand → what it does. Each is a module with a function ``main(arguments)``.
COMMANDS = {
    "new": "write a first ini and config for data",
    "check": "say what a call would do, what is wrong, and what it takes",
    "run": "run the experiments of inis, or of a YAML config",
    "ensemble": "run experiments, and fuse their predictions",
    "fetch": "fetch pretrained models from the Hugging Face hub",
    "predict": "apply a trained model to audio files, the microphone or a web page",
    "export": "write a trained model as an ONNX graph",
    "explain": "say where the value of an experiment comes from",
    "compare": "test whether experiments differ, on the same test set",
    "history": "say what a name found before, and what changed since",
    "prune": "list what no config needs any more, and delete it on request",
    "archive": "pack results into a zip from which their values can be computed again",
    "verify": "compute all values of such a zip again",
    "options": "list or search the options of an ini",
}
USAGE_ERROR = 2
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Parser(argparse.ArgumentParser):
    """Arguments of a subcommand; what is wrong with them is one line.

    Args:
        command: name of the subcommand
        examples: calls to show, one a line
    """

    def __init__(self, command: str, examples: str = "") -> None:
        super().__init__(
            prog=f"izwi {command}",
            description=f"{COMMANDS[command].capitalize()}.",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """End the program with one line."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        arguments: without the name of the program; None takes those of the process

    Returns:
        exit code: 1 if something could not be done, 2 if the arguments are wrong
    """
    first, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if first in ("-h", "--help", "help"):
        print(_help())
        return 0
    if first in ("-V", "--version"):
        print(f"izwi {__version__}")
        return 0
    if first not in COMMANDS:
        say(f"izwi: {_unknown(first)}")
        return USAGE_ERROR
    try:
        return int(import_module(f"izwi.cli.{first}").main(rest))
    except SystemExit as error:
        # argparse ends the process, which is no way to treat a caller.
        return error.code if isinstance(error.code, int) else 0
    except UserError as error:
        say(*error.problems)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        line = LITTLE_MEMORY if memory_ran_out(error) else refusal(error)
        if not line:
            raise
        say(line)
        return 1


def entry() -> int:
    """The console script."""
    if hasattr(signal, "SIGPIPE"):
        # Like other command lines: `| head` is no error.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    return main()


def say(*lines: str) -> None:
    """Print lines that are not the result."""
    for line in lines:
        print(printable(line), file=sys.stderr, flush=True)


def one_thread() -> None:
    """Compute as in training: a sum in another order is another result in the last digit."""
    for name in _THREADS:
        os.environ[name] = "1"


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f"{name} is no option; izwi --help lists what there is"
    if name.endswith((".ini", ".yaml", ".yml")):
        return f"{name} is no command; to run it, write: izwi run {name}"
    from izwi.config.options import suggest

    near = suggest(name, list(COMMANDS)) or f" (there are {', '.join(COMMANDS)})"
    return f"{name} is no command{near}"


def _help() -> str:
    width = max(map(len, COMMANDS))
    return "\n".join(
        [
            "usage: izwi COMMAND ...",
            "",
            "Machine learning on speech databases, as a Snakemake workflow.",
            "",
            *(f"  {name:{width}}  {what}" for name, what in COMMANDS.items()),
            "",
            "izwi COMMAND --help says more, izwi --version which version this is.",
        ]
    )
