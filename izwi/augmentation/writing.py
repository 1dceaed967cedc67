"""Augmented copies as audio files, and the list of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from izwi.augmentation.copies import MAKER
from izwi.data.samples import ROW
from izwi.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from izwi.augmentation.makers import MakerSpec

AUDIO = "audio"
CLIPPED = "clipped"
SHOWN = 10
# Columns that izwi adds to a database's own.
_OWN = ("digest", "database", "part", "fold", "value", ROW, MAKER)


def write_audio(
    table: pd.DataFrame,
    places: dict[str, str],
    makers: dict[str, MakerSpec],
    folder: Path,
    *,
    threads: int,
) -> pd.DataFrame:
    """Write each copy as a WAV file of 16 bits, at the rate of its source.

    Args:
        table: of copies
        places: absolute path of each file
        makers: by their keys
        folder: the files lie in its subfolder ``audio``
        threads: workers; the files do not depend on their number

    Returns:
        the table with ``file`` relative to the folder, ``start`` and ``end`` of the copy, and
        ``clipped``, whether samples beyond full scale were cut

    Raises:
        UserError: if audio cannot be used
    """
    import pandas as pd

    from izwi.features.extraction import row_keys

    names = _names(table, makers)
    tasks = list(zip(row_keys(table), table["file"], table[MAKER], names, strict=True))

    def write(task: Any) -> tuple[float, bool] | str:
        key, file, maker, name = task
        return _write(key, places.get(file) or "", makers[maker], folder / name)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        made = list(pool.map(write, tasks))
    bad = [
        f"{task[1]}: {one}" for task, one in zip(tasks, made, strict=True) if isinstance(one, str)
    ]
    if bad:
        lines = [f"[AUGMENT] augment: {len(bad)} of {len(made)} copies cannot be made"]
        lines += [f"[AUGMENT] augment: {line}" for line in bad[:SHOWN]]
        more = len(bad) - SHOWN
        raise UserError(lines + ([f"[AUGMENT] augment: … and {more} more"] if more > 0 else []))
    seconds, clipped = zip(*made, strict=True) if made else ((), ())
    return table.assign(
        file=names,
        start=pd.Timedelta(0),
        end=pd.to_timedelta(list(seconds), unit="s"),
        **{CLIPPED: list(clipped)},
    )


def _write(key: Any, place: str, maker: MakerSpec, path: Path) -> tuple[float, bool] | str:
    """Seconds of one copy and whether it is clipped, or why it cannot be made."""
    import numpy as np
    import soundfile

    from izwi.augmentation.makers import make
    from izwi.data import audio

    _, start, end = key
    try:
        ((signal, rate),) = audio.read_parts(place, [(start, None if end < 0 else end)])
        if isinstance(signal, audio.AudioError):
            return str(signal)
        made = make(maker, key, signal, rate)
    except audio.AudioError as error:
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Libsndfile would round in its own way.
    whole = np.clip(np.round(made.T * 32768.0), -32768, 32767).astype(np.int16)
    soundfile.write(path, whole, rate, subtype="PCM_16", format="WAV")
    return made.shape[1] / rate, bool((np.abs(made) > 1).any())


def _names(table: pd.DataFrame, makers: dict[str, MakerSpec]) -> list[str]:
    """Path of each copy: its kind, the database, the path of its source; each once."""
    several = any(maker["copy"] > 1 for maker in makers.values())
    taken: set[str] = set()
    found = []
    for row in table[["database", "file", "start", "end", MAKER]].itertuples(index=False):
        maker = makers[row[4]]
        kind = maker["kind"] + (f"-{maker['copy']}" if several else "")
        source = PurePosixPath(str(row.file).replace("\\", "/"))
        parts = [_safe(part) for part in source.parts if part not in ("/", "..", ".")]
        stem = PurePosixPath(*parts).with_suffix("") if parts else PurePosixPath("file")
        span = _span(row.start, row.end)
        name = f"{AUDIO}/{kind}/{_safe(str(row.database))}/{stem}{span}"
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(unique)
        found.append(f"{unique}.wav")
    return found


def _span(start: Any, end: Any) -> str:
    """What names a segment: its limits in milliseconds."""
    import pandas as pd

    if pd.isna(end) and not start.value:
        return ""
    limits = [start, *([] if pd.isna(end) else [end])]
    return "_" + "-".join(str(round(limit.value / 1e6)) for limit in limits)


def _safe(part: str) -> str:
    return "".join(c if c.isalnum() or c in "._- " else "-" for c in part) or "-"


def write_list(table: pd.DataFrame, target: str, path: Path) -> None:
    """Write the list of copies: ``file`` (beside the list), ``start``, ``end``, what is known.

    Args:
        table: as `write_audio` returns it, without ``clipped``
        target: name of the column that is predicted
        path: of the CSV file
    """
    import pandas as pd

    rows = table.drop(columns=[name for name in _OWN if name in table])
    if target in rows or target == "database":
        rows = rows.drop(columns="truth")
    rows = rows.rename(columns={"truth": target})
    first = ["file", "start", "end"]
    rows = rows[[*first, *(name for name in rows if name not in first)]]
    rows = rows.assign(**{name: pd.to_timedelta(rows[name]).astype(str) for name in first[1:]})
    rows.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
