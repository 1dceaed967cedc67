"""What the arguments of a call of Snakemake tell."""

import pytest

from izwi.engine.cli_args import is_plain, only_reads


@pytest.mark.parametrize(
    ("arguments", "plain", "reads"),
    [
        ("", True, False),
        ("-n", True, True),
        ("-qn --configfile a.yaml b.yaml", True, True),
        ("--config ini=a.ini results=b -c 2", True, False),
        ("-c4 -s path/Snakefile --profile p", True, False),
        ("--cores=4 --executor slurm -j 20 --slurm-keep-successful-logs 3", True, False),
        ("results/summary.csv", False, False),
        ("-c 2 results/summary.csv", False, False),
        ("-n -F", False, True),
        ("--forceall", False, False),
        ("-R train_x", False, False),
        ("--summary", False, True),
        ("--report report.html", False, True),
        ("--delete-all-output", False, False),
        ("--configfile a.yaml -- results/summary.csv", False, False),
        ("--option-of-a-later-version", False, False),
    ],
)
def test_calls(arguments, plain, reads):
    assert is_plain(arguments.split()) is plain
    assert only_reads(arguments.split()) is reads
