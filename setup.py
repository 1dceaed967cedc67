"""Puts the workflow into the package: Snakefile, rules, profiles, configs become izwi/workflow/.

All else stands in pyproject.toml, which cannot say it. In a checkout izwi takes the files from
the root, see izwi/home.py.
"""

from setuptools import find_packages, setup

DATA = ("bib", "css", "html", "ini", "j2", "js", "json", "md", "txt", "typed", "yaml")

setup(
    packages=[*find_packages(include=["izwi", "izwi.*"]), "izwi.workflow"],
    package_dir={"izwi": "izwi", "izwi.workflow": "."},
    package_data={
        "izwi": [f"**/*.{ending}" for ending in DATA],
        "izwi.workflow": [
            "Snakefile",
            "CITATION.cff",
            "rules/**/*",
            "profiles/**/*",
            "config/**/*",
            "envs/*.yaml",
        ],
    },
    include_package_data=False,
)
