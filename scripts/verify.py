"""Compute all figures of an archive again, without audio, and say where they differ.

python scripts/verify.py my_paper.zip
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# As in the workflow: a sum in another order is another result in the last digit.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
    os.environ[name] = "1"

from izwi.errors import UserError, printable
from izwi.reporting.verify import verify


def main(arguments: list[str] | None = None) -> int:
    """Verify an archive.

    Returns:
        0 where all is as it should be, else 1
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", help="the zip that scripts/archive.py wrote")
    wanted = parser.parse_args(arguments)
    try:
        found = verify(wanted.archive)
    except UserError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    for verdict in found.verdicts:
        told = "differs" if verdict.differences else f"ok, {verdict.figures} values"
        print(printable(f"{verdict.name}: {told}"))
        for line in verdict.differences:
            print(printable(f"  {line}"))
    for line in found.damaged:
        print(printable(line))
    for line in found.notes:
        print(f"note: {line}", file=sys.stderr)
    for line in found.unverified:
        print(printable(f"not verified: {line}"))
    print(
        f"taken as given: {len(found.given)} files, such as predictions, splits, inis and lock.txt"
    )
    print(f"verified: {len(found.verified)} files, computed again and found the same")
    print("all figures follow from the predictions" if found.ok else "NOT verified, see above")
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main())
