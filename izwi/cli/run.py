"""``izwi run``: a call of Snakemake with izwi's Snakefile."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from types import FrameType

from izwi.cli import USAGE_ERROR, say
from izwi.home import DEMO

# Apart from results of the user's own.
DEMO_RESULTS = "demo_results"
HELP = """\
usage: izwi run [INI ...] [CONFIG ...] [options of Snakemake] [-- TARGET ...]

Run the experiments of inis, or of a YAML config. What is made already is not made again. Results
go to results/ in the working folder.

  INI      one experiment each (.ini)
  CONFIG   experiments and settings (.yaml); with one INI, that experiment of it
  TARGET   only these files, such as results/experiments/my/metrics.json

All other options are passed on to Snakemake. Those that are used most:

  -n                      show what would be done
  -c CORES                use so many cores (all)
  --config KEY=VALUE ...  settings of the config, such as results=elsewhere page=none
  --demo                  run the demo; its results go to demo_results/
  --forceall              make all of it again
  --profile slurm         run on a cluster, see docs/cluster.md
  -v, --verbose           show what Snakemake says (it is also in .snakemake/log)
  --quiet all             show the results alone

examples:
  izwi run my.ini other.ini
  izwi run my_paper.yaml -c 4
  izwi run my_paper.yaml my.ini --config results=elsewhere
"""


def main(arguments: list[str]) -> int:
    """Run what is asked for; the exit code of Snakemake."""
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if {"-h", "--help"} & set(before):
        print(HELP, end="")
        return 0
    inis, configs, settings, rest = split(arguments)
    if "--demo" in rest:
        rest.remove("--demo")
        inis.append(str(DEMO))
        settings.insert(0, f"results={DEMO_RESULTS}")
    rest = [_profile(rest, number) for number in range(len(rest))]
    stray = rest[0] if rest and not rest[0].startswith("-") else None
    if stray is not None:
        say(
            f"izwi run: {stray} is neither an ini (.ini) nor a config (.yaml); a file to make "
            "stands behind --, and izwi run --help says more"
        )
        return USAGE_ERROR
    from izwi.engine import snakemake_call

    request = snakemake_call.Request(tuple(inis), tuple(configs))
    # What is wrong here Snakemake would say in many lines, or quietly not at all.
    request.content()
    words = _with(request.arguments(), settings)
    call = snakemake_call.command(snakemake_call.Request(), [*words, *rest])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        ended = snakemake_call.call(call, say)
    except KeyboardInterrupt as error:
        say(str(error) or "stopped; finished files stay, so start again at any time")
        raise
    if ended.code and not any(ended.lines):
        say("izwi run: Snakemake failed without a message; add -v to see why")
    return ended.code


def split(
    arguments: list[str],
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Sort arguments.

    An ini may stand anywhere: no option of Snakemake takes one. A config must stand before the
    options, or behind ``--configfile``.

    Returns:
        inis, configs, settings (``key=value``), and all others in their order
    """
    inis: list[str] = []
    configs: list[str] = []
    settings: list[str] = []
    rest: list[str] = []
    option = ""
    for number, argument in enumerate(arguments):
        if argument == "--":
            rest += arguments[number:]
            break
        name, _, value = argument.partition("=")
        if argument.startswith("-"):
            option = {"-C": "--config", "--configfiles": "--configfile"}.get(name, name)
            if option not in ("--config", "--configfile"):
                rest.append("--verbose" if argument == "-v" else argument)
            elif value:
                (settings if option == "--config" else configs).append(value)
        elif option == "--config" and re.match(r"\w+=", argument):
            settings.append(argument)
        elif argument.endswith(".ini"):
            inis.append(argument)
        elif option in ("", "--configfile") and argument.endswith((".yaml", ".yml")):
            configs.append(argument)
        else:
            rest.append(argument)
    return inis, configs, settings, rest


def _with(words: list[str], settings: list[str]) -> list[str]:
    """Arguments with further settings; Snakemake takes but one ``--config``."""
    if not settings:
        return words
    return [*words, *([] if "--config" in words else ["--config"]), *settings]


def _profile(arguments: list[str], number: int) -> str:
    """An argument; the name of a profile that izwi brings along as its folder."""
    from izwi.home import HOME

    word = arguments[number]
    option, equals, name = word.rpartition("=")
    before = option if equals else arguments[number - 1] if number else ""
    folder = HOME / "profiles" / name
    if before != "--profile" or "/" in name or Path(name).exists() or not folder.is_dir():
        return word
    return f"{option}{equals}{folder}"


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
