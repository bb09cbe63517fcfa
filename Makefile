# Two commands on a fresh machine: `make clip VIDEO=...` and `make test`. Each sets up what it needs the first time.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
PY := $(VENV)/bin/python
SFV := $(PY) -m sfv

# The user's words reach the program through the environment, never through the shell's or make's parser: a file name may
# hold spaces, quotes, $$(...) or ; and stays a file name.
WORDS := VIDEO MOTION START END PERSON HEIGHT CHARACTER SCENE MINUTES SEED OUT CLIP VIDEOS
unexport $(WORDS) MAKEFLAGS MFLAGS MAKEOVERRIDES
$(foreach word,$(WORDS),$(eval export SFV_$(word) := $$(value $(word))))

# Torch's build is whatever is installed already; else the pinned one (see `make help`).
PIP_ARGS ?=

.PHONY: setup clip retarget table render demo lecture doctor bench check test test-slow clean help

help: ## this list
	@echo 'A video goes in; a skill comes out:  make clip VIDEO="my flip.mp4"'
	@echo 'Variables of clip: VIDEO MOTION START END [s] PERSON HEIGHT [m] CHARACTER SCENE MINUTES SEED OUT; PIP_ARGS for setup'
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.ready ## the virtual environment and the pose network's weights

$(VENV)/.ready: pyproject.toml constraints.txt .ci/find_python
	@python=$$(sh .ci/find_python) && echo "setting up $(VENV) with $$python (once; some minutes)" \
		&& "$$python" -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@$(SFV) fetch
	@touch $@

clip: setup ## video -> skill -> result video and report (without VIDEO: a real sample)
	@set --; for word in VIDEO MOTION START END PERSON HEIGHT CHARACTER SCENE MINUTES SEED OUT; do \
		value=$$(printenv "SFV_$$word" || true); \
		flag=$$(echo "$$word" | tr A-Z a-z); \
		[ -z "$$value" ] || set -- "$$@" "--$$flag=$$value"; \
	done; exec $(SFV) clip "$$@"

render: setup ## CLIP=<run>: draws the result videos of a finished run again
	@exec $(SFV) render "--clip=$$SFV_CLIP"

retarget: setup ## CLIP=<run> CHARACTER=<body>: a finished run's skill, learnt by another body
	@set --; for word in CLIP CHARACTER HEIGHT SCENE MINUTES SEED; do \
		value=$$(printenv "SFV_$$word" || true); \
		flag=$$(echo "$$word" | tr A-Z a-z); \
		[ -z "$$value" ] || set -- "$$@" "--$$flag=$$value"; \
	done; exec $(SFV) retarget "$$@"

table: setup ## VIDEOS=<a folder of videos>: all of them through the pipeline; table in runs/table
	@test -n "$$SFV_VIDEOS" || { echo 'error: no videos; make table VIDEOS=<folder>' >&2; exit 2; }
	@exec $(SFV) table --published docs/sfv_returns.csv -- "$$SFV_VIDEOS"

demo: setup ## a synthetic backflip video with known truth, in runs/demo
	@exec $(SFV) demo backflip -o runs/demo/backflip.mp4

lecture: setup ## the policy gradients of the lecture, checked and compared: docs/policy_gradients.md
	@exec $(SFV) lecture

doctor: setup ## what is there, what is missing, how to mend it
	@exec $(SFV) doctor

bench: setup ## accuracy against known truth (more: python -m sfv --help)
	@exec $(SFV) bench reconstruct

check: setup ## lint, types, import directions
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/pyright

test: setup ## the tests, minutes
	@$(PY) -m pytest -n 2 --dist loadfile

test-slow: setup ## the tests that learn
	@$(PY) -m pytest -m slow

clean: ## removes the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
