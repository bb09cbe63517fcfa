# Two commands on a fresh machine: `make clip VIDEO=...` and `make test`. Each sets up what it needs the first time.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# PYTHON=python3.12 works in an environment of its own, .venv-python3.12; without it the newest Python found, in .venv.
PYTHON ?=
VENV := .venv$(if $(PYTHON),-$(notdir $(PYTHON)))
PY := $(VENV)/bin/python
SFV := $(PY) -m sfv

# The user's words reach the program through the environment, never through the shell's or make's parser: a file name may
# hold spaces, quotes, $$(...) or ; and stays a file name.
WORDS := VIDEO MOTION START END PERSON HEIGHT CHARACTER SCENE MINUTES SEED OUT CLIP VIDEOS
unexport $(WORDS) MAKEFLAGS MFLAGS MAKEOVERRIDES
$(foreach word,$(WORDS),$(eval export SFV_$(word) := $$(value $(word))))

# Read by .ci/install.py, which says what they mean: which build of torch, from where, and further words for pip.
export TORCH TORCH_INDEX PIP_ARGS FOLDER
LOCK := --universal --python-version 3.11 -c constraints.txt --generate-hashes --no-annotate --no-header
export OFFLINE LOCKED
ifeq ($(origin TORCH_INDEX),undefined)
unexport TORCH_INDEX
endif

.PHONY: setup setup-dev app clip retarget table render demo lecture doctor bench check test test-browser test-slow campaign offline sbom lock clean help

help: ## this list
	@echo 'A video goes in; a skill comes out:  make clip VIDEO="my flip.mp4"'
	@echo 'Variables of clip: VIDEO MOTION START END [s] PERSON HEIGHT [m] CHARACTER SCENE MINUTES SEED OUT'
	@echo 'Variables of setup: PYTHON=python3.12 TORCH=auto|cpu|gpu TORCH_INDEX=<url> PIP_ARGS LOCKED=1 OFFLINE=<folder>'
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## the virtual environment and the pose network's weights

setup-dev: $(VENV)/.ready-dev ## the same with the developers' tools

$(VENV)/.ready: pyproject.toml constraints.txt .ci/find_python .ci/install.py
	@python=$$(sh .ci/find_python $(PYTHON)) && echo "setting up $(VENV) with $$python (once; some minutes)" \
		&& "$$python" -m venv $(VENV)
	@$(PY) .ci/install.py
	@if [ -n "$$OFFLINE" ]; then exec $(SFV) fetch --source "$$OFFLINE/cache"; else exec $(SFV) fetch; fi
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PY) .ci/install.py dev
	@touch $@

$(VENV)/.ready-app: $(VENV)/.ready
	@$(PY) .ci/install.py app
	@touch $@

clip: setup ## video -> skill -> result video and report (without VIDEO: a real sample)
	@set --; for word in VIDEO MOTION START END PERSON HEIGHT CHARACTER SCENE MINUTES SEED OUT; do \
		value=$$(printenv "SFV_$$word" || true); \
		flag=$$(echo "$$word" | tr A-Z a-z); \
		[ -z "$$value" ] || set -- "$$@" "--$$flag=$$value"; \
	done; exec $(SFV) clip "$$@"

render: setup ## CLIP=<run>: renders the result videos of a finished run again
	@exec $(SFV) render "--clip=$$SFV_CLIP"

retarget: setup ## CLIP=<run> CHARACTER=<body>: the skill of a finished run, learnt by another body
	@set --; for word in CLIP CHARACTER HEIGHT SCENE MINUTES SEED; do \
		value=$$(printenv "SFV_$$word" || true); \
		flag=$$(echo "$$word" | tr A-Z a-z); \
		[ -z "$$value" ] || set -- "$$@" "--$$flag=$$value"; \
	done; exec $(SFV) retarget "$$@"

table: setup ## VIDEOS=<a folder of videos>: all of them through the pipeline; table in runs/table
	@test -n "$$SFV_VIDEOS" || { echo 'error: no videos; make table VIDEOS=<folder>' >&2; exit 2; }
	@exec $(SFV) table --published docs/sfv_returns.csv -- "$$SFV_VIDEOS"

app: $(VENV)/.ready-app ## the whole tool as a local page in the browser
	@exec $(SFV) app

demo: setup ## a synthetic backflip video with known truth, in runs/demo
	@exec $(SFV) demo backflip -o runs/demo/backflip.mp4

lecture: setup ## the policy gradients of the lecture, checked and compared: docs/policy_gradients.md
	@exec $(SFV) lecture

doctor: setup ## checks this machine and names the command that mends it
	@exec $(SFV) doctor

bench: setup ## accuracy against known truth (more: python -m sfv --help)
	@exec $(SFV) bench reconstruct

check: setup-dev ## lint, types, import directions, words
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/pyright --pythonpath $(PY)
	@$(PY) .ci/check_words.py

test: setup-dev ## the tests, minutes
	@$(PY) -m pytest -n 2 --dist loadfile

test-browser: setup-dev ## the pages in a real browser (Chromium), with those that learn
	@$(PY) -m pytest tests/browser -m 'slow or not slow'

campaign: setup-dev ## damaged files for every reader, kills of every command: docs/reliability.md; <= 2 hours, goes on
	@$(SFV) bench reliability --whole --page docs/reliability.md

offline: setup ## FOLDER=<folder>: gets all that make setup OFFLINE=<folder> needs on a machine without a network
	@test -n "$$FOLDER" || { echo 'error: no folder; make offline FOLDER=<folder>' >&2; exit 2; }
	@$(PY) .ci/offline.py "$$FOLDER" app

sbom: setup ## the software bill of materials, CycloneDX, in sbom.json, and a table of licences
	@$(PY) .ci/sbom.py > sbom.json && $(PY) .ci/sbom.py --licences

lock: ## requirements.lock and requirements-dev.lock after a change of pyproject.toml or constraints.txt; needs uv
	@uv pip compile --quiet $(LOCK) -o requirements.lock pyproject.toml .ci/build-requirements.txt
	@uv pip compile --quiet $(LOCK) --extra dev -o requirements-dev.lock pyproject.toml .ci/build-requirements.txt

test-slow: setup-dev ## the tests that learn
	@$(PY) -m pytest -m slow

clean: ## removes the virtual environments and caches; runs/ stays
	rm -rf .venv .venv-* .pytest_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
