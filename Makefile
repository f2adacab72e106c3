# make lab   opens the course          make test   checks everything, as CI does
PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/.ready
# the pages, not the copies that editors make of them: 10-vae-mnist-Copy1.ipynb, 10-vae-mnist copy.ipynb
NB     ?= $(sort $(filter notebooks/%.ipynb,$(wildcard notebooks/[0-9][0-9]-*[a-z].ipynb)))
N      ?= 10
SHARD  ?=
JOBS   ?= 1
PORT   ?= 8888
LAB    ?=
LOCK   ?=
FRAMES ?=
ROOM   ?=
KEEP   ?=
TALLY  ?=
OPERATORS ?=
ROUNDING  ?=
PLANTS    ?= 1
STUDENTS ?= 8
ONLY     ?=
WRITE    ?=
QUICK     ?=
# the folder of a class: solutions, submissions, gradebook; it outlives `make clean` only elsewhere
COURSE ?= build/course
CLASS  := build/class/bin
MUST   ?=
# programs are called as modules: a script's first line holds the path that its folder had when it was installed
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
JUPYTER = $(BIN)/python tools/lab.py --port $(PORT) $(LAB)
# a first start that asks the student nothing and looks for no news
QUIET_LAB := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}
# threads as measured on this machine: for one kernel, and for two at a time
ALONE   = env $$($(BIN)/python tools/threads.py --cache .venv/threads.json)
PAIR    = env $$($(BIN)/python tools/threads.py --cache .venv/threads.json --together 2)
# one thread a kernel, two kernels: several thread pools in one process slow each other down ten times
QUIET  := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
NBVAL  := --nbval --nbval-current-env --nbval-sanitize-with tests/sanitize.cfg --nbval-cell-timeout 120 \
          -n 2 --dist loadscope --durations 12
# both ends of requires-python, in words that every Python understands
RANGE  := import sys; v = sys.version_info[:2]; (3, 11) <= v < (3, 15) or sys.exit( \
          "Python 3.11 to 3.14 is needed, this is %d.%d: make PYTHON=python3.12" % v)
# the Python of .venv may be gone: upgraded away, on a disk or in a module that is not there today
DEAD   := $(shell test ! -e .venv || $(BIN)/python -c "" >/dev/null 2>&1 || echo dead)

.PHONY: dead ready lab test lint unit nbval editions-run student execute generate lock seeds merge mutants rooms device \
        gpu twice answers calls slides site present bench clean class assignment grading-trial \
        hub-trial npm test-browser

$(READY): requirements.txt requirements.lock pyproject.toml $(DEAD)
	@test -e $(BIN)/python || command -v $(PYTHON) >/dev/null || { \
	    echo "There is no $(PYTHON): install Python 3.11 to 3.14, or name yours: make PYTHON=..."; exit 1; }
	@test -e $(BIN)/python || { $(PYTHON) -c '$(RANGE)' && $(PYTHON) -m venv .venv; } || { rm -rf .venv; exit 1; }
	@$(BIN)/python -c '$(RANGE)' || { echo "That is the Python of .venv: make clean, then again."; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@echo "Installing into .venv: some minutes, and up to 6 GB, the first time."
	@grep -v '^-e' requirements.txt > .venv/pins.txt
	$(PIP) install -r .venv/pins.txt -c requirements.lock
	@mkdir -p .venv/share/jupyter/lab/settings
	@echo '$(QUIET_LAB)' > .venv/share/jupyter/lab/settings/overrides.json
	@: > $@

# the course itself is found by its path, which .ready holds: after a move it is installed again, without a network
ready: $(READY)
	@test "$$(cat $(READY))" = "$$(pwd -P)" || { \
	    $(PIP) install --no-deps --no-build-isolation -e . && pwd -P > $(READY); }

dead:
	@echo "The Python of .venv does not run (upgraded? another machine?): make clean, then again."; exit 1

lab: ready              ## JupyterLab on the first notebook
	$(ALONE) $(JUPYTER) notebooks/00-start-here.ipynb

# no page runs more often than twice: solved, on full MNIST; every hole open, on the offline digits
test: lint unit nbval editions-run  ## what CI runs: house rules, unit tests, every notebook, the student edition

lint: ready
	$(BIN)/python -m ruff check .
	$(BIN)/python tools/editions.py --check
	$(BIN)/python tools/contents.py --check

# loadfile: what a file's tests share is made once (xdist 3.8 keeps no loadgroup together under pytest 9.2)
unit: ready             ## unit tests
	$(QUIET) $(BIN)/python -m pytest -n 2 --dist loadfile --durations 12

nbval: ready            ## every notebook in a fresh kernel, outputs compared; one: make nbval NB=notebooks/…
	$(PAIR) $(BIN)/python -m pytest $(NBVAL) $(NB)

editions-run: ready     ## the student edition with every hole open, on the offline digits, its claims compared
	$(QUIET) $(BIN)/python tools/student_run.py

execute: ready          ## run notebooks and store their outputs: make execute NB=notebooks/…
	$(ALONE) $(BIN)/python tools/execute.py $(NB)

generate: ready         ## student edition, CLAIMS.md, README, navigation bars
	$(BIN)/python tools/contents.py
	$(BIN)/python tools/editions.py

student: ready          ## the edition with exercises to fill in, in work/, never overwritten
	$(BIN)/python tools/editions.py --work
	$(ALONE) $(JUPYTER) work/00-start-here.ipynb

lock:                   ## requirements.lock from requirements.txt; everything as new as may be: make lock LOCK=--upgrade
	$(PYTHON) -c '$(RANGE)' && $(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv
	build/uv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --no-config --no-annotate $(LOCK) \
	    --no-emit-package week8-practicum --custom-compile-command "make lock" requirements.txt -o requirements.lock

seeds: ready            ## every claim for N seeds on both data sources, kept in the ledger: make seeds N=10 SHARD=3/12
	$(BIN)/python tools/seeds.py --n $(N) -j $(JOBS) $(if $(SHARD),--shard $(SHARD)) $(NB)

merge: ready            ## what the shards measured, from build/, into the ledger
	$(BIN)/python tools/seeds.py --merge $(wildcard build/ledger-*.jsonl)

mutants: ready          ## typical mistakes planted, one page at a time: its claims must turn red: make mutants NB=…
	$(QUIET) $(BIN)/python tools/mutants.py $(NB)

rooms: ready            ## mistakes planted in utils, one at a time: a unit test must turn red: make rooms ROOM=inference OPERATORS=1
	$(QUIET) $(BIN)/python tools/rooms.py $(if $(OPERATORS),--operators) $(if $(SHARD),--shard $(SHARD)) \
	    $(if $(KEEP),--json $(KEEP)) $(if $(TALLY),--tally $(TALLY)) $(ROOM)

device: ready           ## pages and the checks of their exercises on a make-believe device, after planted mistakes: make device NB=…
	$(QUIET) $(BIN)/python tools/device.py $(if $(PLANTS),--plants) $(if $(ROUNDING),--rounding) $(NB)

gpu: ready              ## pages and the checks of their exercises on this machine's GPU, twice, in one table: make gpu NB=…
	$(ALONE) $(BIN)/python tools/gpu.py $(NB)

twice: ready            ## every code cell twice in a row, then the training cells again: the same claims: make twice NB=…
	$(QUIET) $(BIN)/python tools/twice.py $(NB)
	$(QUIET) $(BIN)/python tools/twice.py --again $(NB)

answers: ready          ## right values with wrong gradients in the holes: no check may say ✔: make answers NB=…
	$(QUIET) $(BIN)/python tools/answers.py $(NB)

calls: ready            ## with what the pages call the exercises' functions, for the checks: make calls NB=…
	$(QUIET) $(BIN)/python tools/calls.py $(NB)

slides: ready           ## decks for a lecture in build/slides/, one file a page; with sliders that move: make slides FRAMES=1 NB=…
	$(QUIET) $(BIN)/python tools/decks.py $(if $(FRAMES),--frames) $(NB)

# an environment in build/ beside the course's, which it sees and does not change, with one of pyproject's extras:
# $(1) is its folder, $(2) the extra where it has another name
define beside
$(BIN)/python -m venv build/$(1)
$(BIN)/python tools/beside.py build/$(1)
build/$(1)/bin/python -m pip uninstall --quiet --yes setuptools  # an old one, which would hide the course's
@build/$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock \
    $$($(BIN)/python tools/beside.py --extra $(or $(2),$(1))) || { \
    echo "build/$(1) can't be installed: a network is needed, once"; exit 1; }
build/$(1)/bin/python -m pip check
endef

build/sphinx/.ready: pyproject.toml | ready
	$(call beside,sphinx,site)
	@touch $@

site: build/sphinx/.ready  ## the course as a site in build/site/, by Sphinx; with sliders that move: make site FRAMES=1
	$(QUIET) build/sphinx/bin/python tools/website.py $(if $(FRAMES),--frames)

build/slideshow/.ready: pyproject.toml | ready
	$(call beside,slideshow,present)
	@touch $@

present: build/slideshow/.ready  ## a page as slides in JupyterLab, with its kernel: make present NB=notebooks/05-ista-fista.ipynb
	@test "$(words $(NB))" = 1 || { echo "One page at a time: make present NB=notebooks/05-ista-fista.ipynb"; exit 1; }
	$(ALONE) $(BIN)/python tools/present.py --port $(PORT) $(LAB) $(NB)

class: build/class/.ready  ## nbgrader, in an environment beside the course's, which it sees and does not change

build/class/.ready: pyproject.toml | ready
	$(call beside,class)
	@touch $@

assignment: class       ## a class's assignments, source and release, and its gradebook: make assignment COURSE=~/week8 NB=…
	$(CLASS)/python tools/assignment.py --course $(COURSE) $(NB)

grading-trial: class    ## simulated submissions through nbgrader, in build/trial; the points beside what each must get
	$(CLASS)/python tools/grading_trial.py

HUB := build/hub/bin
build/hub/.ready: pyproject.toml | npm ready
	$(call beside,hub)
	npm install --silent --no-fund --no-audit --prefix build/hub configurable-http-proxy@5.3.0
	@touch $@

npm:
	@command -v npm >/dev/null || { \
	    echo "There is no npm, and the hub's proxy is a program for Node.js (Debian: apt-get install npm)."; exit 1; }

# pages are those of NB= where it is said, else 05 and 10; :2 after one lets two students run it
hub-trial: build/hub/.ready  ## a JupyterHub on this machine, students on its pages at once, and what goes wrong: make hub-trial STUDENTS=2 NB=…
	$(HUB)/python tools/hub_trial.py --students $(STUDENTS) $(if $(ONLY),--only $(ONLY)) \
	    $(if $(WRITE),--write $(WRITE)) $(if $(filter file,$(origin NB)),,$(NB))

# the page's own speed is measured, so JupyterLab gets the threads that `make lab` gives it; deck and site need npm
test-browser: ready     ## pages, sliders, the student edition, a deck, the site, live slides in Chromium; skipped without one
	@browser="$${BROWSER:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)}"; \
	if test -z "$$browser"; then \
	    echo "make test-browser: skipped, for there is no Chromium or Chrome (apt-get install chromium, or BROWSER=...)"; \
	    test -z "$(MUST)"; exit; \
	fi; \
	$(PIP) install -r tests_browser/requirements.txt -c requirements.lock || { \
	    echo "make test-browser: skipped, for Playwright can't be installed: a network is needed, once"; \
	    test -z "$(MUST)"; exit; \
	}; \
	$(MAKE) --no-print-directory -k build/sphinx/.ready build/slideshow/.ready || test -z "$(MUST)" || exit 1; \
	{ ! command -v npm >/dev/null || { $(QUIET) $(BIN)/python tools/decks.py --frames notebooks/00-start-here.ipynb && \
	    { test ! -e build/sphinx/.ready || $(MAKE) --no-print-directory site FRAMES=; }; }; } && \
	BROWSER="$$browser" $(ALONE) $(BIN)/python -m pytest -s -p no:cacheprovider tests_browser

# peers ask for other versions than the lock's: no -c. One that can't be installed is a line of the table
build/peers/.ready: benchmarks/requirements.txt | ready
	$(BIN)/python -m venv build/peers
	$(BIN)/python tools/beside.py build/peers
	build/peers/bin/python -m pip uninstall --quiet --yes setuptools  # an old one, which would hide the course's
	grep -v '^#' benchmarks/requirements.txt | while read -r each; do \
	    build/peers/bin/python -m pip install --quiet --disable-pip-version-check "$$each" </dev/null || echo "without $$each"; done
	@touch $@

BENCH ?= $(foreach job,lasso rbm vae dictionary convolutional langevin divergence scaling,benchmarks/$(job).py)
bench: build/peers/.ready  ## side by side with other libraries, benchmarks/README.md; some seconds each: make bench QUICK=1
	for each in $(BENCH); do build/peers/bin/python $$each $(if $(QUICK),--quick) || exit 1; done
	$(if $(QUICK),,$(BIN)/python benchmarks/report.py)

clean:                  ## the environment and everything else that is made
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
