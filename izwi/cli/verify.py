"""``izwi verify``: compute all figures of an archive again, and say where they differ."""

from __future__ import annotations

from izwi.cli import Parser, one_thread, say
from izwi.errors import printable
from izwi.wording import count


def main(arguments: list[str]) -> int:
    """Verify an archive.

    Returns:
        0 where all is as it should be, else 1
    """
    parser = Parser("verify", "  izwi verify my_paper.zip\n\nIt needs no audio.\n")
    parser.add_argument("archive", help="the zip that izwi archive wrote")
    wanted = parser.parse_args(arguments)
    one_thread()
    from izwi.reporting.verify import verify

    found = verify(wanted.archive)
    for verdict in found.verdicts:
        told = "differs" if verdict.differences else f"ok, {count(verdict.figures, 'value')}"
        print(printable(f"{verdict.name}: {told}"))
        for line in verdict.differences:
            print(printable(f"  {line}"))
    for line in found.damaged:
        print(printable(line))
    say(*(f"note: {line}" for line in found.notes))
    for line in found.unverified:
        print(printable(f"not verified: {line}"))
    print(
        f"taken as given: {count(len(found.given), 'file')}, such as predictions, splits, inis "
        "and lock.txt"
    )
    print(f"verified: {count(len(found.verified), 'file')}, computed again and found the same")
    print("all figures follow from the predictions" if found.ok else "NOT verified, see above")
    return 0 if found.ok else 1
