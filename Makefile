# make lab   opens the course          make test   checks everything, as CI does
PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/.ready
NB     ?= $(sort $(wildcard notebooks/[0-9]*.ipynb))
N      ?= 10
PORT   ?= 8888
LAB    ?=
# JupyterLab refuses to run as root unless told; containers often are root
ROOT   := $(if $(filter 0,$(shell id -u)),--allow-root)
# the server's root is the whole course, so that links out of a notebook lead somewhere
JUPYTER = $(BIN)/jupyter lab $(ROOT) --port $(PORT) $(LAB) --ServerApp.root_dir=. --LabApp.default_url=/lab/tree
# a first start that asks the student nothing and looks for no news
QUIET_LAB := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
# one thread a kernel, two kernels: several thread pools in one process slow each other down ten times
QUIET  := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
NBVAL  := --nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg --nbval-cell-timeout 120 \
          -n 2 --dist loadscope --durations 12

.PHONY: lab test lint unit nbval student execute generate seeds mutants bench clean

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@mkdir -p .venv/share/jupyter/lab/settings
	@echo '$(QUIET_LAB)' > .venv/share/jupyter/lab/settings/overrides.json
	@touch $@

lab: $(READY)           ## JupyterLab on the first notebook
	$(JUPYTER)/notebooks/00-start-here.ipynb

test: lint unit nbval   ## what CI runs: house rules, unit tests, every notebook, the student edition

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/python tools/editions.py --check
	$(BIN)/python tools/contents.py --check

unit: $(READY)          ## unit tests, and the student edition with every hole unfilled
	$(QUIET) $(BIN)/python -m pytest -n 2 --dist loadgroup --durations 12

nbval: $(READY)         ## every notebook in a fresh kernel, outputs compared; one: make nbval NB=notebooks/…
	$(QUIET) $(BIN)/python -m pytest $(NBVAL) $(NB)

execute: $(READY)       ## run notebooks and store their outputs: make execute NB=notebooks/…
	$(BIN)/python tools/execute.py $(NB)

generate: $(READY)      ## student edition, README tables, navigation bars
	$(BIN)/python tools/contents.py
	$(BIN)/python tools/editions.py

student: $(READY)       ## the edition with exercises to fill in, in work/, never overwritten
	$(BIN)/python tools/editions.py --work
	$(JUPYTER)/work/00-start-here.ipynb

seeds: $(READY)         ## every claim for N seeds on both data sources: make seeds N=10
	$(BIN)/python tools/seeds.py --n $(N) $(NB)

mutants: $(READY)       ## typical mistakes planted, one page at a time: its claims must turn red: make mutants NB=…
	$(QUIET) $(BIN)/python tools/mutants.py $(NB)

bench: $(READY)         ## side by side with other libraries
	for each in benchmarks/*.py; do $(BIN)/python $$each || exit 1; done

clean:                  ## the environment and everything else that is made
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
