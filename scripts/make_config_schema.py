"""Write config/schema.json and config/README.md from the tables of options; make docs.

python scripts/make_config_schema.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from izwi.config.schema import (
    Key,
    as_text,
    ensemble_keys,
    grid_keys,
    keys,
    page_keys,
    table_keys,
)

SCHEMA = ROOT / "config" / "schema.json"
README = ROOT / "config" / "README.md"
INTRODUCTION = """\
# The config

Made by `make docs`; do not edit.

One YAML file names the experiments of a call. Each experiment is an ini, see
[all options](../docs/options.md).

```yaml
# my_paper.yaml
experiments: [my_paper/*.ini]
results: results/my_paper
```

    izwi run my_paper.yaml
    snakemake --configfile my_paper.yaml                  # the same, in a checkout
    izwi run my_paper.yaml --config results=elsewhere     # any key, for this call

Paths are relative to the working directory. A call without a config runs the demo (`config.yaml` in
this folder). This folder also holds the shipped experiments (`experiments/`), papers (`papers/`)
and a grid (`grids/`).

`schema.json` lets an editor complete and check a config. Many editors read it if the first line is
`# yaml-language-server: $schema=config/schema.json`.

"""


def readme() -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION, _table(keys())]
    for title, known in (
        ("`grid`, as a list of entries", grid_keys()),
        ("`ensembles`", ensemble_keys()),
        ("`tables`", table_keys()),
        ("`page`", page_keys()),
    ):
        parts.append(f"\n## {title}\n\n{_table(known)}")
    return "".join(parts)


def _table(known: list[Key]) -> str:
    lines = ["| key | value | default | what |", "|---|---|---|---|"]
    for key in known:
        name = key.name.rpartition(".")[2]
        lines.append(f"| `{name}` | {key.value} | {key.default} | {key.doc} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both files."""
    SCHEMA.write_text(as_text(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
