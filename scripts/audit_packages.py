"""Look for known vulnerabilities of the pinned packages; make audit.

python scripts/audit_packages.py PIP_AUDIT
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 300


def verdict(reports: list[dict[str, Any]]) -> tuple[list[str], int]:
    """What the advisory service said.

    A package that the service does not know was not looked up: pip-audit itself then says that no
    vulnerabilities are known.

    Args:
        reports: of pip-audit, in its JSON format

    Returns:
        lines to print, and 1 if there is a known vulnerability, else 0
    """
    packages = {entry["name"]: entry for report in reports for entry in report["dependencies"]}
    known = {name: entry for name, entry in packages.items() if "vulns" in entry}
    bad = {name: entry for name, entry in known.items() if entry["vulns"]}
    lines = [
        f"{name} {entry['version']}: {vuln['id']}, "
        f"mended in {', '.join(vuln.get('fix_versions') or ['no version'])}"
        for name, entry in sorted(bad.items())
        for vuln in entry["vulns"]
    ]
    if not known:
        lines.append(
            f"none of {len(packages)} packages could be looked up: nothing is known of them"
        )
    else:
        lines.append(
            f"{len(known)} of {len(packages)} packages looked up, {len(bad)} with known "
            "vulnerabilities"
        )
    return lines, int(bool(bad))


def main(pip_audit: str) -> int:
    """Audit all requirements files."""
    reports = []
    for file in sorted(ROOT.glob("requirements*.txt")):
        command = [pip_audit, "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        try:
            done = subprocess.run(
                [*command, "-f", "json", "-r", str(file)],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            reports.append(json.loads(done.stdout))
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            print(f"{file.name}: not audited, the advisory service cannot be reached")
            return 0
    lines, code = verdict(reports)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
