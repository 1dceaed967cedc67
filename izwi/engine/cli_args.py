"""What a call of Snakemake asks for, as far as its arguments tell.

Rules are made when the Snakefile is read, before Snakemake says what is wanted of them.
"""

from __future__ import annotations

import re

# Make nothing: such calls need not wait for others.
READ_ONLY = re.compile(
    r"-[a-zA-Z]*n[a-zA-Z]*|--(dry-?run|summary|detailed-summary|lint|list\S*|dag|rulegraph|filegraph"
    r"|d3dag|report|unlock|archive|print-compilation|version|help)(=.*)?"
)
# How many values follow these options of plain calls, None for any number.
PLAIN = {
    **dict.fromkeys(("-n", "--dry-run", "--dryrun", "-p", "--printshellcmds", "-k"), 0),
    **dict.fromkeys(
        ("--keep-going", "--nolock", "--nocolor", "--verbose", "--rerun-incomplete"), 0
    ),
    **dict.fromkeys(("--ri", "--notemp", "--nt", "--show-failed-logs", "--use-conda", "--sdm"), 0),
    **dict.fromkeys(
        ("-s", "--snakefile", "--profile", "--workflow-profile", "-d", "--directory"), 1
    ),
    **dict.fromkeys(("-c", "--cores", "-j", "--jobs", "-e", "--executor", "--scheduler"), 1),
    **dict.fromkeys(("--local-cores", "--latency-wait", "-w", "--logger", "--retries", "-T"), 1),
    **dict.fromkeys(("--seconds-between-status-checks", "--max-jobs-per-timespan"), 1),
    **dict.fromkeys(("--configfile", "--configfiles", "--config", "-C", "-q", "--quiet"), None),
    **dict.fromkeys(("--resources", "--default-resources", "--set-resources", "--envvars"), None),
    **dict.fromkeys(("--rerun-triggers", "--set-threads", "--software-deployment-method"), None),
}


def reports(arguments: list[str]) -> bool:
    """Whether a call with these arguments makes Snakemake's report."""
    return any(argument.startswith("--report") for argument in arguments)


def only_reads(arguments: list[str]) -> bool:
    """Whether a call with these arguments makes nothing."""
    return any(READ_ONLY.fullmatch(argument) for argument in arguments)


def is_plain(arguments: list[str]) -> bool:
    """Whether a call names no file or rule and neither looks at nor forces what exists.

    What is not known is not plain.
    """
    left: int | None = 0
    for argument in arguments:
        if argument.startswith("-"):
            option, _, value = argument.partition("=")
            if option.startswith("--slurm-"):
                left = 0 if value else 1
            elif option not in PLAIN:
                # -c4, -qn
                if re.fullmatch(r"-[cj]\d+|-[npkq]+", argument):
                    left = 0
                    continue
                return False
            else:
                left = 0 if value else PLAIN[option]
        elif left is None:
            continue
        elif left == 0:
            return False
        else:
            left -= 1
    return True
