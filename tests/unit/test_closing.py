import pytest

from izwi.engine.call_summary import reason

LOG = """Command 'set -euo pipefail;  python {script}' {how}.
[Mon Nov 23 04:31:14 2026]
Error in rule features_praat_of_d_92e5cd:
    message: None
    log: r/logs/features/features_praat.log (check log file(s) for error details)
Exiting because a job execution failed. Look above for error messages
"""


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("died with <Signals.SIGINT: 2>", "stopped from outside (Ctrl-C?); start again"),
        ("died with <Signals.SIGKILL: 9>", "features_praat_of_d_92e5cd ended abruptly, most"),
        ("returned non-zero exit status 137", "most likely since memory ran out: take fewer"),
        ("returned non-zero exit status 1", "why stands in r/logs/features/features_praat.log"),
    ],
)
def test_jobs_that_could_not_say_why(tmp_path, how, words):
    log = tmp_path / "snakemake.log"
    log.write_text(LOG.format(script="x.py", how=how))
    assert words in reason(str(log)) and "\n" not in reason(str(log))
    assert reason(str(tmp_path / "none")) == (
        f"a job failed unexpectedly; why stands in {tmp_path / 'none'}"
    )
