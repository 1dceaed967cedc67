"""Write envs/*.yaml, the environments of ``--sdm conda``, from the requirements files; make locks.

Snakemake copies such a file to another folder, so all pins stand in it. torch comes as its build
for CPUs, since its build for GPUs is 3 GB and needs a driver; whoever has a GPU names an
environment of their own in a rule of theirs.

python scripts/make_environments.py
"""

from __future__ import annotations

from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
# Environment → requirements files beside the core's.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "core": ("av",),
    "deep": ("deep", "av", "tune", "bundled", "augment", "onnx"),
    "trill": ("trill", "av"),
    "umap": ("umap",),
    "bundled": ("bundled", "av"),
    "augment": ("augment", "av"),
}
# pip takes 2.13.0+cpu from there, which counts as newer than 2.13.0.
CPU_TORCH = "--extra-index-url https://download.pytorch.org/whl/cpu"


def environment(name: str) -> str:
    """The YAML file of an environment."""
    files = ["requirements.txt", *(f"requirements-{extra}.txt" for extra in ENVIRONMENTS[name])]
    pins: dict[str, str] = {}
    for file in files:
        for pin in requirements(ROOT / file):
            key = canonicalize_name(pin.partition("==")[0])
            if pins.setdefault(key, pin) != pin:
                raise SystemExit(f"{file}: {pin}, but {pins[key]} in another file of {name}")
    lines = [
        f"# From {' and '.join(files)} by make locks; do not edit.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python =3.11",
        "  - pip",
        "  - pip:",
    ]
    if "torch" in pins:
        lines.append(f"      - {CPU_TORCH}")
    return "\n".join([*lines, *(f"      - {pins[key]}" for key in sorted(pins))]) + "\n"


def requirements(path: Path) -> list[str]:
    """The lines of a requirements file, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def main() -> None:
    """Write all environments."""
    for name in ENVIRONMENTS:
        path = ROOT / "envs" / f"{name}.yaml"
        path.write_text(environment(name), encoding="utf-8")
        print(f"envs/{name}.yaml")


if __name__ == "__main__":
    main()
