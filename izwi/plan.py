"""From experiments to units of work: what each stage makes, from what, under which key.

The key of a unit covers all that can change its content, so a unit whose outputs exist is done, and
two experiments that agree share it.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from izwi import __version__, analyses, features, grid, models, pictures, scan, softlabel, texts
from izwi.basis import Basis
from izwi.databases import demo
from izwi.errors import Problems, UserError
from izwi.experiment import Experiment
from izwi.files import read_json, write_if_changed
from izwi.keys import (
    PACKAGE,
    code_digest,
    file_digest,
    key_of,
    large_files,
    script_digest,
    version_of,
    versions_of,
)
from izwi.page.options import ON_PAGE
from izwi.tables.wanted import Wanted, lay_out
from izwi.units import Plan, Unit

# What is shown in experiment.json: the packages that results rest on.
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "snakemake", "matplotlib")
# What figures and their intervals come from.
EVALUATION = (
    "evaluation.py",
    "cells.py",
    "calibration.py",
    "fairness.py",
    "intervals.py",
    "measures.py",
    "rows.py",
)
# What tables and the marks in them come from.
TABLES = (
    "cells.py",
    "comparison.py",
    "measures.py",
    "rows.py",
    "tables/chance.py",
    "tables/contents.py",
    "tables/writing.py",
)


# What texts are written from, beside code.
TEXT_DATA = ("texts/references.bib", "../CITATION.cff")


def _slug(text: str) -> str:
    """A readable piece of a file name."""
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in text)[:60]


class Ground(NamedTuple):
    """What experiments of one basis share: per database its content, table and feature matrices."""

    sources: list[dict[str, Any]]
    tables: list[Unit]
    split: Unit
    described: Unit
    matrices: list[list[Unit]]
    audited: Unit | None


class Planner:
    """Builds the plan, experiment by experiment."""

    def __init__(
        self,
        results: str,
        cache: str,
        *,
        cwd: Path,
        wishes: bool = True,
        shard_files: int = 0,
        page: dict[str, Any] | None = None,
    ) -> None:
        self.plan = Plan(results, cache)
        self.cwd = cwd
        self.wishes = wishes
        self.shard_files = shard_files
        self.page = page
        self.problems = Problems()
        self._listings: dict[str, Any] = {}
        # Number of audio files that a table's database lists.
        self._files: dict[str, int] = {}
        # Columns of tables that are there.
        self._columns: dict[str, list[str]] = {}
        # Experiments that are rows of tables of grids.
        self._members: list[Experiment] = []
        # Name of an experiment → where its predictions are.
        self._predictions: dict[str, str] = {}
        large_files.keep_in(Path(cache) / "scans" / "models.json")
        # Key of a basis → what is planned from it.
        self._grounds: dict[str, Ground] = {}
        # Soft labels by their place: their unit, their experiment, how many teachers come before.
        self._soft: dict[str, tuple[Unit, Unit, int]] = {}

    def _add(self, unit: Unit, source: str) -> Unit:
        unit = self.plan.units[unit.stage].setdefault(unit.key, unit)
        if source not in unit.sources:
            unit.sources.append(source)
        return unit

    def _wish(self, path: str, content: dict[str, Any]) -> None:
        """Say what a result that carries no key in its name is to be."""
        if self.wishes:
            write_if_changed(path, content)

    def _path(self, *parts: str) -> str:
        return os.path.join(self.plan.results, *parts)

    def add(self, experiment: Experiment) -> None:
        """Plan one experiment; problems with its data folders are collected."""
        try:
            self._add_experiment(experiment)
        except UserError as error:
            self.problems.extend(error, prefix=f"{experiment.ini}: ")

    def _add_experiment(self, experiment: Experiment) -> None:
        basis = Basis.of(experiment)
        key = basis.key
        if key not in self._grounds:
            self._grounds[key] = self._ground(basis)
        sources, tables, split, described, matrices, audited = self._grounds[key]
        trained = self._train(experiment, tables, matrices, split, audited)
        evaluated = self._evaluate(experiment, trained, tables, matrices, split, audited)
        analysed = self._analyses(experiment, trained, tables, matrices, split)
        plots = self._plots(experiment, trained, evaluated, tables, matrices, split, analysed)
        soft = self._soft_labels(experiment, trained, tables, split, sources)
        self._predictions[experiment.name] = trained.outputs["predictions"]
        if experiment.grids:
            self._members.append(experiment)
        done = self._experiment(
            experiment,
            evaluated,
            plots,
            trained,
            tables,
            matrices,
            split,
            soft,
            analysed,
            audited,
            described,
        )
        if soft is not None and experiment.save_test is not None:
            self._soft[experiment.save_test] = (soft, done, max(s["level"] for s in sources) + 1)

    def _ground(self, basis: Basis) -> Ground:
        """Plan what is there before anything is trained."""
        sources = [self._database(basis, database) for database in basis.databases]
        tables = [
            self._load(basis, database, source)
            for database, source in zip(basis.databases, sources, strict=True)
        ]
        split = self._split(basis, tables, sources)
        described = self._describe(basis, tables, split)
        matrices = [
            [self._features(basis, table, split, spec) for spec in basis.features]
            for table in tables
        ]
        audited = self._audit(basis, tables, matrices, split)
        return Ground(sources, tables, split, described, matrices, audited)

    def _database(self, basis: Basis, database: dict[str, Any]) -> dict[str, Any]:
        """What stands for a database's content: a scan, or the recipe of one that a rule makes."""
        kind = database["type"]
        if kind == "soft":
            if database["path"] not in self._soft:
                # What is wrong with the experiment that makes it is told there.
                raise UserError([])
            unit, _, level = self._soft[database["path"]]
            return {
                "key": unit.key,
                "content": unit.key,
                "unit": unit,
                "path": unit.outputs["labels"],
                "lineage": unit.outputs["lineage"],
                "level": level,
            }
        common = {"level": 0, "lineage": None}
        if kind in ("demo", "audb"):
            recipe = {"type": kind}
            if kind == "demo":
                recipe["recipe"] = demo.RECIPE
                recipe["code"] = code_digest(("databases/demo.py",))
                recipe["versions"] = versions_of(("espeakng-loader",))
                label = "demo"
            else:
                label = database["path"] or database["name"]
                recipe |= {"name": label, "version": database["options"]["version"]}
            key = key_of("database", recipe)
            folder = self._path("databases", f"{_slug(label)}-{key}")
            unit = self._add(
                Unit(
                    stage="database",
                    key=key,
                    label=label,
                    spec={**recipe, "folder": folder},
                    inputs={},
                    outputs={"header": os.path.join(folder, "done.json")},
                    group=key,
                ),
                basis.ini,
            )
            return {"key": key, "content": key, "unit": unit, "path": folder, **common}
        probe = {k: database["options"].get(k) for k in sorted(database["options"])}
        cached = key_of(database["name"], kind, database["path"], probe)
        if cached not in self._listings:
            listing = scan.scan(database, cwd=self.cwd, cache=Path(self.plan.cache))
            key = key_of("database", kind, listing.label_digest, listing.audio_digest)
            path = self._path("plans", "listings", f"{_slug(database['name'])}-{cached}-{key}.json")
            if not os.path.exists(path):
                listing.save(path)
            self._listings[cached] = {
                **common,
                "key": key,
                "content": listing.audio_digest,
                "unit": None,
                "listing": path,
                "files": len(listing.files),
                "paths": key_of(listing.paths),
                "lineage": softlabel.lineage_beside(database["path"]) if kind == "csv" else None,
            }
        return self._listings[cached]

    def _load(self, basis: Basis, database: dict[str, Any], source: dict[str, Any]) -> Unit:
        spec = {
            "name": database["name"],
            "type": database["type"],
            "options": database["options"],
            **basis.load,
        }
        if database.get("unlabelled"):
            spec["unlabelled"] = True
        modules = _sources("databases", without=("demo.py", "audb.py"))
        key = key_of("load", spec, source["key"], code_digest(modules), versions_of(("pandas",)))
        stem = self._path("tables", f"{_slug(database['name'])}-{key}")
        if source["unit"] is None:
            self.plan.listings[key] = source["listing"]
            self._files[key] = source["files"]
            spec["path"] = database["path"]
        else:
            spec["path"] = source["path"]
        return self._add(
            Unit(
                stage="load",
                key=key,
                label=database["name"],
                spec=spec,
                inputs={"database": source["unit"].outputs["header"]} if source["unit"] else {},
                outputs={"table": f"{stem}.parquet", "report": f"{stem}.json"},
                # Not in one job with the tables that its labels are learned from.
                group=f"level {source['level']}",
            ),
            basis.ini,
        )

    def _split(self, basis: Basis, tables: list[Unit], sources: list[dict[str, Any]]) -> Unit:
        spec = basis.split
        soft = {t.label: s["lineage"] for t, s in zip(tables, sources, strict=True) if s["lineage"]}
        if soft:
            # Where the teachers of these have seen the test set is told.
            spec = {
                **spec,
                "soft": {
                    "names": list(soft),
                    "sources": {
                        t.label: s["content"] for t, s in zip(tables, sources, strict=True)
                    },
                    "seen": [
                        None if source["unit"] else file_digest(source["lineage"])
                        for source in sources
                        if source["lineage"]
                    ],
                    "code": code_digest(("softlabel.py",)),
                },
            }
        key = key_of(
            "split",
            spec,
            [table.key for table in tables],
            code_digest((*_sources("splits"), "binning.py", "submodels.py")),
            versions_of(("numpy", "pandas", "scipy", "scikit-learn")),
        )
        stem = self._path("splits", f"{_slug('+'.join(t.label for t in tables))}-{key}")
        unit = self._add(
            Unit(
                stage="split",
                key=key,
                label="+".join(table.label for table in tables),
                # Pictures are in no key of a split; their columns are looked for where all are.
                spec={**spec, "pictures": {}},
                inputs={
                    "tables": [table.outputs["table"] for table in tables],
                    "lineage": list(soft.values()),
                },
                outputs={"split": f"{stem}.parquet", "report": f"{stem}.json"},
                group=f"level {max(source['level'] for source in sources)}",
            ),
            basis.ini,
        )
        if wanted := basis.columns:
            if unit.done:
                self._check_columns(wanted, tables, basis.target)
            unit.spec["pictures"][basis.ini] = [basis.target, wanted]
        return unit

    def _check_columns(
        self, wanted: list[tuple[str, str]], tables: list[Unit], target: str
    ) -> None:
        """Columns that pictures are to show, where the split is there and nothing checks it again.

        Raises:
            UserError: if there are none
        """
        columns = {"part", "seconds"}
        for table in tables:
            if not table.done:
                return
            if table.key not in self._columns:
                self._columns[table.key] = read_json(table.outputs["report"])["columns"]
            columns |= set(self._columns[table.key])
        problems = Problems()
        for kind, name in wanted:
            try:
                pictures.column_of(kind, name, columns, target)
            except UserError as error:
                problems.extend(error)
        problems.raise_if_any()

    def _describe(self, basis: Basis, tables: list[Unit], split: Unit) -> Unit:
        """Who and what is in each part of the split."""
        key = key_of(
            "describe",
            split.key,
            code_digest(("description.py", "binning.py")),
            script_digest("describe.py"),
            versions_of(("pandas",)),
        )
        stem = self._path("descriptions", f"{_slug(split.label)}-{key}")
        return self._add(
            Unit(
                stage="describe",
                key=key,
                label=split.label,
                spec={
                    "loads": [table.key for table in tables],
                    "names": [table.label for table in tables],
                },
                inputs={
                    "tables": split.inputs["tables"],
                    "table_reports": [table.outputs["report"] for table in tables],
                    "split": split.outputs["split"],
                    "split_report": split.outputs["report"],
                },
                outputs={"description": f"{stem}.json", "seconds": f"{stem}.parquet"},
                group=split.group,
            ),
            basis.ini,
        )

    def _features(self, basis: Basis, table: Unit, split: Unit, spec: dict[str, Any]) -> Unit:
        extractor = extractor_key(spec)
        # The feature sets that models see tell of audio that cannot be used.
        threshold = 1.0 if spec["type"] in features.INTERNAL else basis.fail_threshold
        # What need not be asked for changes no key.
        key = key_of("features", extractor, table.key, *([threshold] if threshold else []))
        name = _slug(features_name(spec))
        stem = self._path("features", f"{_slug(table.label)}-{table.key}", f"{name}-{key}")
        unit = self._add(
            Unit(
                stage="features",
                key=key,
                label=f"{name} of {table.label}",
                spec={
                    **spec,
                    "store": os.path.join(self.plan.cache, "features", f"{name}-{extractor}"),
                    "table": table.key,
                    "fail_threshold": threshold,
                },
                inputs={"table": table.outputs["table"], "splits": []},
                outputs={"matrix": f"{stem}.parquet", "report": f"{stem}.json"},
                group=key,
            ),
            basis.ini,
        )
        # Wrong labels, speakers or splits are told before any extraction starts; a split that waits
        # for soft labels must not hold up the features that they are learned from.
        waits = any(database["type"] == "soft" for database in basis.databases)
        there = unit.done or split.outputs["report"] in unit.inputs["splits"]
        if not waits and not there:
            unit.inputs["splits"].append(split.outputs["report"])
        self._shard(unit, table, basis)
        return unit

    def _shard(self, unit: Unit, table: Unit, basis: Basis) -> None:
        """Jobs that fill the feature store for a large table before its matrix is made."""
        listing = self._files.get(table.key, 0)
        n = math.ceil(listing / self.shard_files) if self.shard_files else 1
        cls = features.extractor_class(unit.spec["type"])
        if n < 2 or unit.done or not cls.is_stored():
            return
        folder = self._path("plans", "shards")
        shards = [
            self._add(
                Unit(
                    stage="shard",
                    key=key_of("shard", unit.key, i, n),
                    label=f"{i + 1} of {n} of {unit.label}",
                    spec={**unit.spec, "shard": i, "of": n},
                    inputs={"table": unit.inputs["table"], "splits": unit.inputs["splits"]},
                    outputs={"done": os.path.join(folder, f"{unit.key}-{i + 1}-of-{n}.json")},
                    group=f"{unit.key}-{i}",
                ),
                basis.ini,
            )
            for i in range(n)
        ]
        unit.inputs["shards"] = [shard.outputs["done"] for shard in shards]

    def _audit(
        self,
        basis: Basis,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
    ) -> Unit | None:
        """What could make the figures better than they are; nothing where that is ignored."""
        if basis.leakage == "ignore":
            return None
        types = {spec["type"] for spec in basis.features}
        classes = {kind: features.extractor_class(kind) for kind in types}
        elsewhere = [
            features_name(spec)
            for spec in basis.features
            # What others trained needs the environment of the library that it was trained with.
            if classes[spec["type"]].environment != "core"
        ]
        if models.model_class(basis.model).takes_recordings:
            elsewhere.append(basis.model)
        spec = {
            "target": basis.target,
            "labels": basis.labels,
            "leakage": basis.leakage,
            "fitted": {
                "scale": "speaker" if basis.scale == "speaker" else None,
                "pretrained": elsewhere,
            },
        }
        # Audio that nothing else reads may not be there.
        hears = any(not issubclass(cls, features.TableExtractor) for cls in classes.values())
        fingerprint = {"type": "fingerprint", "options": {}}
        prints = [self._features(basis, table, split, fingerprint) for table in tables if hears]
        imported = [
            unit
            for row in matrices
            for unit in row
            if issubclass(classes[unit.spec["type"]], features.TableExtractor)
        ]
        key = key_of(
            "audit",
            spec,
            split.key,
            [unit.key for unit in prints],
            [unit.key for unit in imported],
            code_digest((*_sources("audit"), "binning.py")),
            script_digest("audit.py"),
            versions_of(("numpy", "pandas", "scipy")),
        )
        return self._add(
            Unit(
                stage="audit",
                key=key,
                label=split.label,
                spec=spec,
                inputs={
                    "tables": [table.outputs["table"] for table in tables],
                    "split": split.outputs["split"],
                    "split_report": split.outputs["report"],
                    "prints": [unit.outputs["matrix"] for unit in prints],
                    "imported": [unit.outputs["matrix"] for unit in imported],
                },
                outputs={"report": self._path("audits", f"{_slug(split.label)}-{key}.json")},
                group=split.group,
            ),
            basis.ini,
        )

    def _train(
        self,
        experiment: Experiment,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
        audited: Unit | None,
    ) -> Unit:
        cls = models.model_class(experiment.model["type"])
        content = cls.content(experiment.model["options"])
        spec = {
            "task": experiment.task,
            "model": experiment.model,
            "preprocessing": experiment.preprocessing,
            "runs": experiment.runs,
            "seed": experiment.seed,
            # Dev and the search for options decide by it; for other fits it would only make the
            # key depend on what is reported of them.
            "measure": experiment.evaluation["measure"]
            if cls.needs_dev or experiment.runs > 1 or "tune" in experiment.learning
            else _default_measure(experiment.task),
            "save": experiment.save,
            **experiment.learning,
        }
        modules = (
            "training.py",
            "exclusion.py",
            "fitting.py",
            "balancing.py",
            "binning.py",
            "submodels.py",
            "selftraining.py",
            "preprocessing.py",
            "models/base.py",
            *(("tuning.py", "measures.py") if "tune" in experiment.learning else ()),
            *(("temperature.py",) if "calibrate" in experiment.learning else ()),
            *_sources("splits"),
            *cls.modules,
        )
        key = key_of(
            "train",
            _without_places(spec),
            content,
            split.key,
            [[matrix.key for matrix in row] for row in matrices],
            code_digest(tuple(modules)),
            versions_of(("numpy", "scikit-learn", *cls.packages)),
            versions_of(("imbalanced-learn",)) if experiment.learning.get("balancing") else {},
        )
        # For the model to be used elsewhere; the keys of the matrices stand for them in its key.
        spec["features"] = list(experiment.features)
        folder = self._path("models", f"{_slug(experiment.model['type'])}-{key}")
        unit = self._add(
            Unit(
                stage="train",
                key=key,
                label=experiment.name,
                spec=spec,
                inputs={
                    "split": split.outputs["split"],
                    "split_report": split.outputs["report"],
                    "tables": [table.outputs["table"] for table in tables],
                    "matrices": [unit.outputs["matrix"] for row in matrices for unit in row],
                },
                outputs={
                    "predictions": os.path.join(folder, "predictions.parquet"),
                    "report": os.path.join(folder, "training.json"),
                    "model": os.path.join(folder, "model", "model.json"),
                },
                group=key_of(split.key, [[unit.key for unit in row] for row in matrices]),
            ),
            experiment.ini,
        )
        if unit.sources == [experiment.ini] or experiment.leakage != "error":
            # It waits, but is not held up for others where one of them ends by what is found.
            unit.inputs["audit"] = [audited.outputs["report"]] if audited else []
        return unit

    def _soft_labels(
        self,
        experiment: Experiment,
        trained: Unit,
        tables: list[Unit],
        split: Unit,
        sources: list[dict[str, Any]],
    ) -> Unit | None:
        """The predictions as a database of another experiment, if that is asked for."""
        if experiment.save_test is None:
            return None
        spec = {
            "task": experiment.task,
            "target": experiment.target,
            **experiment.soft,
            "sources": [source["content"] for source in sources],
        }
        key = key_of(
            "soft",
            spec,
            trained.key,
            # The database names the files by their absolute paths.
            [source.get("paths") or os.path.abspath(source["path"]) for source in sources],
            code_digest(("softlabel.py",)),
            versions_of(("numpy", "pandas")),
        )
        folder = self._path("soft_labels", f"{_slug(experiment.target)}-{key}")
        return self._add(
            Unit(
                stage="soft",
                key=key,
                label=experiment.name,
                spec={**spec, "loads": [table.key for table in tables]},
                inputs={
                    "predictions": trained.outputs["predictions"],
                    "training": trained.outputs["report"],
                    "split": split.outputs["split"],
                    "tables": [table.outputs["table"] for table in tables],
                    "lineage": split.inputs["lineage"],
                },
                outputs={
                    "labels": os.path.join(folder, softlabel.LABELS),
                    "lineage": os.path.join(folder, softlabel.LINEAGE),
                    "report": os.path.join(folder, "soft_labels.json"),
                    "header": os.path.join(folder, "done.json"),
                },
                group=key,
            ),
            experiment.ini,
        )

    def _evaluate(
        self,
        experiment: Experiment,
        trained: Unit,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
        audited: Unit | None,
    ) -> Unit:
        spec = {
            "task": experiment.task,
            "target": experiment.target,
            **experiment.evaluation,
            "seed": experiment.seed,
        }
        key = key_of(
            "evaluate",
            spec,
            trained.key,
            audited.key if audited else None,
            code_digest(EVALUATION),
            versions_of(("numpy", "scipy")),
            script_digest("evaluate.py"),
        )
        folder = self._path("evaluations", key)
        return self._add(
            Unit(
                stage="evaluate",
                key=key,
                label=experiment.name,
                spec=spec,
                inputs={
                    "predictions": trained.outputs["predictions"],
                    # Its key is in that of the predictions, as those of all reports.
                    "tables": [table.outputs["table"] for table in tables],
                    "training": trained.outputs["report"],
                    "split_report": split.outputs["report"],
                    "table_reports": [table.outputs["report"] for table in tables],
                    "feature_reports": [unit.outputs["report"] for row in matrices for unit in row],
                    "audit": [audited.outputs["report"]] if audited else [],
                },
                outputs={
                    "metrics": os.path.join(folder, "metrics.json"),
                    "predictions": os.path.join(folder, "predictions.csv"),
                },
            ),
            experiment.ini,
        )

    def _analyses(
        self,
        experiment: Experiment,
        trained: Unit,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
    ) -> dict[str, Unit]:
        """What is found out beside the figures, by kind."""
        cls = models.model_class(experiment.model["type"])
        fits = (
            code_digest(
                ("fitting.py", "balancing.py", "preprocessing.py", "tuning.py", *cls.modules)
            ),
            versions_of(cls.packages),
            cls.content(experiment.model["options"]),
        )
        found = {}
        for kind, value in experiment.analyses.items():
            training = {**trained.spec, "measure": experiment.evaluation["measure"]}
            spec = analyses.spec_of(kind, value, training, experiment.target)
            recordings = []
            if kind in analyses.OF_RECORDINGS:
                signal = {"type": "signal", "options": {}}
                basis = Basis.of(experiment)
                recordings = [self._features(basis, t, split, signal) for t in tables]
            key = key_of(
                "analyse",
                _without_places(spec),
                split.key,
                [[matrix.key for matrix in row] for row in matrices],
                code_digest(
                    (
                        *analyses.MODULES[kind],
                        "analyses.py",
                        "training.py",
                        "binning.py",
                        "exclusion.py",
                    )
                ),
                versions_of(("numpy", "scikit-learn")),
                fits if kind in analyses.FITS else None,
                *([trained.key] if kind in analyses.OF_MODELS else ()),
                *([unit.key for unit in recordings] if kind in analyses.OF_RECORDINGS else ()),
            )
            file = os.path.basename(analyses.FILES[kind])
            path = self._path("analyses", f"{kind}-{key}", file)
            inputs = {
                role: trained.inputs[role]
                for role in ("split", "split_report", "tables", "matrices")
            }
            if kind in analyses.OF_MODELS:
                inputs["model"] = trained.outputs["model"]
            if kind in analyses.OF_RECORDINGS:
                inputs["recordings"] = [unit.outputs["matrix"] for unit in recordings]
            found[kind] = self._add(
                Unit(
                    stage="analyse",
                    key=key,
                    label=f"{kind} of {experiment.name}",
                    spec=spec,
                    inputs=inputs,
                    outputs={"result": path},
                ),
                experiment.ini,
            )
        return found

    def _plots(
        self,
        experiment: Experiment,
        trained: Unit,
        evaluated: Unit,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
        analysed: dict[str, Unit],
    ) -> dict[str, Unit]:
        of_results = {
            "metrics": evaluated.outputs["metrics"],
            "predictions": trained.outputs["predictions"],
        }
        of_data = {
            "split": split.outputs["split"],
            "split_report": split.outputs["report"],
            "tables": [table.outputs["table"] for table in tables],
        }
        of_features = of_data | {
            "matrices": [unit.outputs["matrix"] for row in matrices for unit in row]
        }
        sources: dict[str, tuple[list[str], dict[str, Any]]] = {
            "results": ([evaluated.key], of_results),
            "data": ([split.key], of_data),
            "features": ([split.key, *(unit.key for row in matrices for unit in row)], of_features),
            "training": ([trained.key], {"training": trained.outputs["report"]}),
        }
        for kind, unit in analysed.items():
            sources[kind] = ([unit.key], {kind: unit.outputs["result"]})
            if kind in analyses.OF_RECORDINGS:
                keys, inputs = sources["features"]
                sources[kind] = ([*keys, unit.key], inputs | sources[kind][1])
        of = "+".join(table.label for table in tables)
        by = "+".join(features_name(spec) for spec in experiment.features)
        plots = {}
        for picture in pictures.wanted(experiment, of, by):
            keys, inputs = sources[picture.needs]
            # No experiment's name in a title: the picture is shared.
            spec = {
                "kind": picture.kind,
                "title": picture.title,
                "task": experiment.task,
                "target": experiment.target,
                "seed": experiment.seed,
                "formats": experiment.plots["format"],
                **picture.spec,
            }
            key = key_of(
                "plot",
                spec,
                keys,
                code_digest((*_sources("plots"), "exclusion.py")),
                script_digest("plot.py"),
                versions_of(("matplotlib", *picture.packages)),
            )
            files = [f"{name}.{ending}" for name in picture.names for ending in spec["formats"]]
            folder = self._path("plots", f"{picture.kind}-{key}")
            plots[picture.kind] = self._add(
                Unit(
                    stage="plot",
                    key=key,
                    label=f"{picture.kind} of {experiment.name}",
                    spec=spec,
                    inputs=inputs,
                    outputs={file: os.path.join(folder, file) for file in files},
                    group=picture.group,
                ),
                experiment.ini,
            )
        return plots

    def _experiment(
        self,
        experiment: Experiment,
        evaluated: Unit,
        plots: dict[str, Unit],
        trained: Unit,
        tables: list[Unit],
        matrices: list[list[Unit]],
        split: Unit,
        soft: Unit | None,
        analysed: dict[str, Unit],
        audited: Unit | None,
        described: Unit,
    ) -> Unit:
        folder = self._path("experiments", experiment.name)
        teachers = [
            self._soft[database["path"]]
            for database in experiment.databases
            if database["type"] == "soft"
        ]
        record = {
            **experiment.as_dict(),
            "izwi": __version__,
            "stages": {
                "load": [_stage_record(unit) for unit in tables],
                "split": _stage_record(split),
                "describe": _stage_record(described),
                "features": [_stage_record(unit) for row in matrices for unit in row],
                **({"audit": _stage_record(audited)} if audited else {}),
                "train": _stage_record(trained),
                "evaluate": _stage_record(evaluated),
                "plot": {kind: _stage_record(unit) for kind, unit in plots.items()},
                **({"soft": _stage_record(soft)} if soft else {}),
                **{kind: _stage_record(unit) for kind, unit in analysed.items()},
            },
            "packages": self._packages(experiment),
        }
        key = key_of(
            "experiment",
            record,
            self.plan.results,
            code_digest((*_sources("texts"), *TEXT_DATA)),
            script_digest("experiment.py"),
        )
        wish = self._path("plans", "experiments", f"{experiment.name}.json")
        # Its time changes with its content alone: the one thing by which the folder of an
        # experiment, which carries no key in its name, is known to be out of date.
        self._wish(wish, {"key": key, **record})
        outputs = {
            "metrics": os.path.join(folder, "metrics.json"),
            "predictions": os.path.join(folder, "predictions.csv"),
            "record": os.path.join(folder, "experiment.json"),
            **{f"text {file}": os.path.join(folder, file) for file in texts.FILES},
        }
        drawn = {file: path for unit in plots.values() for file, path in unit.outputs.items()}
        outputs |= {file: os.path.join(folder, "plots", file) for file in drawn}
        for kind, unit in analysed.items():
            drawn[kind] = unit.outputs["result"]
            outputs[kind] = os.path.join(folder, analyses.FILES[kind])
        if soft is not None and experiment.save_test is not None:
            drawn |= {"soft_labels": soft.outputs["labels"], "lineage": soft.outputs["lineage"]}
            outputs["soft_labels"] = os.path.join(folder, softlabel.LABELS)
            outputs["lineage"] = os.path.join(folder, softlabel.LINEAGE)
            outputs["link"] = experiment.save_test
        return self._add(
            Unit(
                stage="experiment",
                key=key,
                label=experiment.name,
                spec={"name": experiment.name, "control": experiment.control},
                inputs={
                    "wish": wish,
                    "metrics": evaluated.outputs["metrics"],
                    "predictions": evaluated.outputs["predictions"],
                    "training": trained.outputs["report"],
                    "description": described.outputs["description"],
                    **drawn,
                    "teachers": [unit.outputs["record"] for _, unit, _ in teachers],
                },
                outputs=outputs,
                group=f"level {max((level for _, _, level in teachers), default=0)}",
            ),
            experiment.ini,
        )

    def _packages(self, experiment: Experiment) -> dict[str, str | None]:
        names = set(PACKAGES) | set(models.model_class(experiment.model["type"]).packages)
        for spec in experiment.features:
            names |= set(features.extractor_class(spec["type"]).packages)
        if "balancing" in experiment.learning:
            names.add("imbalanced-learn")
        python = ".".join(map(str, sys.version_info[:3]))
        return {"python": python} | {name: version_of(name) for name in sorted(names)}

    def _grids(self, units: dict[str, Unit]) -> None:
        """A table and a picture for each grid."""
        for name, content in grid.tables(self._members).items():
            members = [units[member["name"]] for member in content["members"]]
            spec = {"name": name, **content}
            key = key_of(
                "grid",
                spec,
                [unit.key for unit in members],
                code_digest(_sources("plots")),
                script_digest("grid.py"),
            )
            wish = self._path("plans", "grids", f"{name}.json")
            self._wish(wish, {"key": key, **spec})
            folder = self._path("grids", name)
            self._add(
                Unit(
                    stage="grid",
                    key=key,
                    label=name,
                    spec=spec,
                    inputs={
                        "wish": wish,
                        "metrics": [unit.outputs["metrics"] for unit in members],
                    },
                    outputs={
                        "table": os.path.join(folder, "table.csv"),
                        "markdown": os.path.join(folder, "table.md"),
                        **{f: os.path.join(folder, f"heat_map.{f}") for f in spec["formats"]},
                    },
                    group=name,
                ),
                "",
            )

    def _tables(self, units: dict[str, Unit], tables: list[dict[str, Any]]) -> None:
        """The tables of the config, and the tests behind their marks."""
        made = []
        for table in tables:
            shown = [cell["experiment"] for cell in table["cells"]]
            of = [cell.get("of") for cell in table["cells"]]
            names = list(dict.fromkeys(name for name in (*shown, *of) if name is not None))
            members = [units[name] for name in names]
            spec = {**table, "experiments": names}
            key = key_of(
                "table",
                spec,
                [unit.key for unit in members],
                code_digest(TABLES),
                code_digest(_sources("plots")),
                script_digest("table.py"),
                versions_of(("numpy", "scipy", "matplotlib")),
            )
            wish = self._path("plans", "tables", f"{table['name']}.json")
            self._wish(wish, {"key": key})
            stem = self._path("tables", table["name"])
            made.append(
                self._add(
                    Unit(
                        stage="table",
                        key=key,
                        label=table["name"],
                        spec=spec,
                        inputs={
                            "wish": wish,
                            "metrics": [unit.outputs["metrics"] for unit in members],
                            "predictions": [self._predictions[name] for name in names],
                        },
                        outputs={
                            **{ending: f"{stem}.{ending}" for ending in ("csv", "md", "tex")},
                            **{ending: f"{stem}.{ending}" for ending in table["formats"]},
                            "tests": self._path("plans", "tables", f"{table['name']}-tests.json"),
                        },
                        group=table["name"],
                    ),
                    "",
                )
            )
        if made:
            self._add(
                Unit(
                    stage="comparisons",
                    key=key_of(
                        "comparisons",
                        [unit.key for unit in made],
                        script_digest("comparisons.py"),
                    ),
                    label="comparisons",
                    spec={},
                    inputs={"tables": [unit.outputs["tests"] for unit in made]},
                    outputs={"comparisons": self._path("tables", "comparisons.csv")},
                ),
                "",
            )

    def finish(self, tables: list[dict[str, Any]]) -> Plan:
        """The plan with its summary.

        Args:
            tables: of the config, see `tables.wanted.lay_out`

        Raises:
            UserError: with all problems of all experiments
        """
        self.problems.raise_if_any()
        units = list(self.plan.units["experiment"].values())
        if units:
            key = key_of("summary", [unit.key for unit in units], script_digest("summary.py"))
            wish = self._path("plans", "summary.json")
            self._wish(wish, {"key": key, "experiments": [unit.label for unit in units]})
            self._add(
                Unit(
                    stage="summary",
                    key=key,
                    label="all_experiments",
                    spec={},
                    inputs={
                        "wish": wish,
                        "metrics": [unit.outputs["metrics"] for unit in units],
                        "records": [unit.outputs["record"] for unit in units],
                    },
                    outputs={"summary": self._path("summary.csv")},
                ),
                "",
            )
        self._grids({unit.label: unit for unit in units})
        self._tables({unit.label: unit for unit in units}, tables)
        if units and self.page is not None:
            self._page(units, self.page)
        if units:
            self._verdict(units)
        return self.plan

    def _page(self, experiments: list[Unit], options: dict[str, Any]) -> None:
        """The page that shows all of it.

        The folders of experiments are no inputs: whenever one of them was made, the summary is
        newer, and one file tells that as well as thousands.
        """
        tables = [unit for stage in ON_PAGE for unit in self.plan.units.get(stage, {}).values()]
        units = [unit.key for unit in (*experiments, *tables)]
        key = key_of("page", options, units, code_digest(page_files()))
        wish = self._path("plans", "page.json")
        self._wish(wish, {"key": key})
        (summary,) = self.plan.units["summary"].values()
        self._add(
            Unit(
                stage="page",
                key=key,
                label="all_experiments",
                spec=options,
                inputs={
                    "wish": wish,
                    "summary": summary.outputs["summary"],
                    "tables": [path for unit in tables for path in unit.output_files()],
                },
                outputs={"page": self._path("index.html")},
            ),
            "",
        )

    def _verdict(self, experiments: list[Unit]) -> None:
        """The last job, which fails where an experiment could not be made."""
        stages = ("summary", *ON_PAGE, "page")
        tables = [unit for stage in stages for unit in self.plan.units.get(stage, {}).values()]
        key = key_of("verdict", [unit.key for unit in (*experiments, *tables)])
        path = self._path("plans", "verdicts", f"{key}.txt")
        self._add(
            Unit(
                stage="verdict",
                key=key,
                label="all_experiments",
                spec={"failed": f"{path}.failed"},
                inputs={unit.stage + unit.label: list(unit.outputs.values()) for unit in tables},
                outputs={"verdict": path},
            ),
            "",
        )


def page_files() -> tuple[str, ...]:
    """What the page is made by."""
    return ("captions.py", *(f"page/{p.name}" for p in (PACKAGE / "page").glob("*.*")))


def features_name(spec: dict[str, Any]) -> str:
    """A feature set's readable name, such as ``os-eGeMAPSv02``."""
    cls = features.extractor_class(spec["type"])
    values = [spec["options"].get(name) for name in cls.title]
    return "-".join([spec["type"], *(str(value) for value in values if value is not None)])


def extractor_key(spec: dict[str, Any]) -> str:
    """Key of a feature set: its options, its code, its packages."""
    cls = features.extractor_class(spec["type"])
    return key_of(
        spec["type"],
        {name: value for name, value in spec["options"].items() if name not in cls.located},
        cls.content(spec["options"]),
        code_digest(("audio.py", "features/base.py", *cls.modules)),
        versions_of(cls.packages),
    )


def _without_places(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec for a key, without the options whose content stands there for them."""
    if "model" not in spec:
        return spec
    model = spec["model"]
    located = models.model_class(model["type"]).located
    options = {name: value for name, value in model["options"].items() if name not in located}
    return {**spec, "model": {**model, "options": options}}


def _default_measure(task: str) -> str:
    return "uar" if task == "classification" else "mse"


def _stage_record(unit: Unit) -> dict[str, Any]:
    return {"key": unit.key, "files": unit.outputs}


@cache
def _sources(name: str, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Source files of a module or subpackage, relative to the package."""
    folder = PACKAGE / name
    if folder.is_dir():
        return tuple(f"{name}/{p.name}" for p in folder.glob("*.py") if p.name not in without)
    return (f"{name}.py",)


def make_plan(
    experiments: list[Experiment],
    results: str,
    cache: str,
    *,
    cwd: Path,
    wishes: bool = True,
    shard_files: int = 0,
    tables: Iterable[Wanted] = (),
    page: dict[str, Any] | None = None,
) -> Plan:
    """Plan all experiments of a call.

    Args:
        experiments: as resolved
        results: folder of results
        cache: folder of scans and of the feature store
        cwd: working directory
        wishes: tell the jobs what is wanted; not where the plan is only looked at
        shard_files: audio files that one extraction job takes at most; 0: all
        tables: tables of the config
        page: options of the page of results, None where none is wanted

    Raises:
        UserError: with all problems of all databases, or of the tables
    """
    laid_out, controls = lay_out(tables, experiments)
    experiments = [*experiments, *controls]
    planner = Planner(results, cache, cwd=cwd, wishes=wishes, shard_files=shard_files, page=page)
    for experiment in softlabel.in_order(experiments):
        planner.add(experiment)
    # The table of results has the order of the config.
    units = planner.plan.units["experiment"]
    names = [experiment.name for experiment in experiments]
    planner.plan.units["experiment"] = dict(
        sorted(units.items(), key=lambda item: names.index(item[1].label))
    )
    return planner.finish(laid_out)
