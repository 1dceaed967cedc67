"""Names of exported files: the folders of a database are kept, and no two files share a name."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


class Names:
    """Names given so far, within one folder.

    Args:
        root: folder whose part of a path is left out; None: what all files of a database share
    """

    def __init__(self, root: str | None = None) -> None:
        self.root = os.path.realpath(root) if root else None
        self.taken: set[str] = set()

    def below(self, paths: dict[str, str]) -> dict[str, PurePosixPath]:
        """Where files of a database lie below its own folder.

        Args:
            paths: file as the database writes it → absolute path

        Returns:
            the same → relative path, without ``..``
        """
        real = {file: os.path.realpath(path) for file, path in paths.items()}
        folders = {os.path.dirname(path) for path in real.values()}
        common = os.path.commonpath(folders) if folders else ""
        found = {}
        for file, path in real.items():
            inside = self.root and path.startswith(self.root.rstrip(os.sep) + os.sep)
            base = self.root if inside and self.root else common
            found[file] = PurePosixPath(Path(path).relative_to(base).as_posix())
        return found

    def give(
        self, wanted: PurePosixPath, ending: str, part: tuple[int, int | None] | None = None
    ) -> str:
        """A name that is still free.

        Args:
            wanted: path of the original
            ending: of the format, without a dot
            part: begin and end in nanoseconds (None: of the file), None for a whole file
        """
        stem = wanted.with_suffix("").as_posix()
        if part:
            stem += f"_{part[0] / 1e9:.3f}" + ("" if part[1] is None else f"-{part[1] / 1e9:.3f}")
        name, number = f"{stem}.{ending}", 2
        # Case does not tell files apart on all disks.
        while name.casefold() in self.taken:
            name, number = f"{stem}-{number}.{ending}", number + 1
        self.taken.add(name.casefold())
        return name
