"""``izwi new``: a first ini and config for data, from what the data hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from izwi.cli import Parser, say
from izwi.errors import UserError, printable
from izwi.files import write_text

if TYPE_CHECKING:
    from izwi.config.draft import Target
    from izwi.config.survey import Survey

EXAMPLES = """\
  izwi new recordings/
  izwi new labels.csv --target emotion --name first
  izwi new labels.csv --split random --output my_paper

DATA is a CSV with a row for each recording, a folder with such a CSV or with db.yaml (audformat),
or a folder of audio whose folders or names hold the labels. Columns are found by name and content.
"""
SPLITS = ("auto", "speakers", "folds", "random", "own")


def main(arguments: list[str]) -> int:
    """Look at the data, say what is there, write the files."""
    parser = Parser("new", EXAMPLES)
    parser.add_argument("data", metavar="DATA", type=Path, help="CSV, audformat or audio folder")
    parser.add_argument("--target", metavar="COLUMN", help="what to predict (the likeliest)")
    parser.add_argument("--name", help="of the experiment and the files (that of the data)")
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="auto",
        help="speakers: some are tested; folds: each is tested once; random: whoever speaks; own: "
        "as the data say; auto: what fits",
    )
    parser.add_argument("--output", type=Path, default=Path(), help="folder to write to (here)")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument("--yes", action="store_true", help="ask nothing on a terminal")
    wanted = parser.parse_args(arguments)
    from izwi.config import draft, draft_text
    from izwi.config.survey import survey

    stem = wanted.data.resolve().stem if wanted.data.is_file() else wanted.data.resolve().name
    name = draft.database_name(wanted.name or stem)
    files = {ending: wanted.output / f"{name}.{ending}" for ending in ("ini", "yaml", "csv")}
    found = survey(wanted.data)
    if not found.reasons:
        del files["csv"]
    _refuse_to_replace(list(files.values()), wanted.data, force=wanted.force)
    target = _target(found, wanted.target, ask=not wanted.yes and _is_terminal())
    made = draft.draft(found, name, target, folder=wanted.output, split=wanted.split)
    texts = {
        "ini": draft_text.ini_text(made),
        "yaml": draft_text.config_text(made),
        "csv": made.csv,
    }
    for ending, path in files.items():
        write_text(path, texts[ending])
    for line in (
        draft_text.data_line(made),
        draft_text.target_line(made),
        draft_text.split_line(made),
    ):
        print(printable(line))
    for line in made.says:
        say(f"note: {line}")
    if found.reasons:
        say(f"note: {files['csv']} holds the labels anew: {'; '.join(found.reasons)}")
    print(f"written: {', '.join(str(path) for path in files.values())}")
    print(f"next: izwi check {files['ini']}, then izwi run {files['ini']}")
    return 0


def _refuse_to_replace(files: list[Path], data: Path, *, force: bool) -> None:
    """Refuse to write over files, and over the data at all.

    Raises:
        UserError: with each file that is there
    """
    there = [path for path in files if path.exists()]
    if own := [path for path in there if data.is_file() and path.samefile(data)]:
        raise UserError(
            f"{own[0]} is your data, which would have to be written anew under this name and stays "
            f"as it is: add --name, such as --name {own[0].stem}_izwi"
        )
    if there and not force:
        raise UserError(
            [f"{path} is there already: add --force, or another --name" for path in there]
        )


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _target(found: Survey, wanted: str | None, *, ask: bool) -> Target:
    """The target that is named, chosen or likeliest.

    Raises:
        UserError: if there is none
    """
    from izwi.config.draft import targets, with_target

    if wanted:
        return with_target(found, wanted)
    possible = targets(found)
    if not possible:
        columns = [name for name in found.frame if name not in ("file", "start", "end")]
        if not columns:
            raise UserError(
                f"{found.path}: neither folders nor names of the audio files hold labels; write a "
                "CSV with a row for each, such as file,speaker,emotion"
            )
        raise UserError(
            f"{found.path}: no column looks like something to predict: there are "
            f"{', '.join(columns)}; name one by --target"
        )
    if not ask or len(possible) == 1:
        return possible[0]
    for number, target in enumerate(possible, start=1):
        say(f"  {number}  {target}")
    while True:
        say("which column is to be predicted? [1]")
        try:
            answer = input().strip() or "1"
        except EOFError:
            answer = "1"
        if answer.isdigit() and 1 <= int(answer) <= len(possible):
            return possible[int(answer) - 1]
        try:
            return with_target(found, answer)
        except UserError as error:
            say(*error.problems)
