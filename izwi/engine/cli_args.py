"""What a call of Snakemake asks for, as far as its arguments show.

The Snakefile is read before Snakemake gives its targets.
"""

from __future__ import annotations

import re

# Make nothing: such calls need not wait for others.
READ_ONLY = re.compile(
    r"-[a-zA-Z]*n[a-zA-Z]*|--(dry-?run|summary|detailed-summary|lint|list\S*|dag|rulegraph|filegraph"
    r"|d3dag|report|unlock|archive|print-compilation|version|help|delete-(all|temp)-output)(=.*)?"
)
# Show all files, whether they need to be made or not.
LISTS = re.compile(
    r"--(summary|detailed-summary|list-(untracked|input-changes|params-changes|code-changes)\S*"
    r"|dag|rulegraph|filegraph|d3dag|report|archive|delete-(all|temp)-output|generate-unit-tests"
    r"|containerize|touch|lc|li|lp)(=.*)?|-[DS]"
)


def reports(arguments: list[str]) -> bool:
    """Whether a call with these arguments makes Snakemake's report."""
    return any(argument.startswith("--report") for argument in arguments)


def only_reads(arguments: list[str]) -> bool:
    """Whether a call with these arguments makes nothing."""
    return any(READ_ONLY.fullmatch(argument) for argument in arguments)


def only_lists(arguments: list[str]) -> bool:
    """Whether a call with these arguments concerns all files, including existing ones."""
    return any(LISTS.fullmatch(argument) for argument in arguments)
