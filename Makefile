# Needs python3 (3.11 or newer) with pip, nothing else: uv is fetched into .tools and makes .venv.
# Another Python beside it: make short PYTHON=/usr/bin/python3.13 VENV=.venvs/3.13
PYTHON ?= python3
VENV ?= .venv
UV := .tools/bin/uv
BIN := $(VENV)/bin
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Tests start hundreds of processes: where nothing is compiled beforehand, and this is set, each of them compiles all that it imports.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo run test again short other-pythons soak fuzz audit check bench docs lock clean system

# Its streams are drawn by ffmpeg: where the system has none, a wheel brings one.
demo: $(VENV)/.runtime
	@command -v ffmpeg >/dev/null || $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/ffmpeg.txt
	$(BIN)/nightcrew demo --data-dir .demo

run: $(VENV)/.runtime
	$(BIN)/nightcrew serve

# A file stays in one process; tests/conftest.py says how many processes, and which files come first.
test: $(VENV)/.dev system .tools/beets/.done .tools/supysonic/.done .tools/libtorrent/.done
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# What failed in the last run once more, one test at a time: what passes now was in the way of others, and is worth a look.
again: $(VENV)/.dev
	$(BIN)/python -m pytest -n 0 -v --last-failed --last-failed-no-failures none

# A minute of tests that start the real program.
short: $(VENV)/.dev system
	$(BIN)/python -m pytest -m short $$(grep -rl --include='test_*.py' 'mark\.short' tests)

# The same on each other Python of this machine.
other-pythons: $(VENV)/.dev
	@bash .ci/other-pythons $(BIN)/python

# What takes longer than the suite may.
soak: $(VENV)/.dev system
	NIGHTCREW_KILLS=200 NIGHTCREW_EXAMPLES=100 $(BIN)/python -m pytest --timeout 3600 \
		tests/end_to_end/test_kill.py tests/end_to_end/test_api_fuzz.py
	NIGHTCREW_KILLS=10 NIGHTCREW_RECORDINGS=100 NIGHTCREW_SOAK=1 $(BIN)/python -m pytest --timeout 3600 tests/faults
	$(BIN)/python tests/mutate.py --count 500
	$(MAKE) fuzz

# The readers of foreign bytes, each for a minute, with what a fuzzer makes up.
fuzz: $(VENV)/.dev
	$(UV) pip install --quiet --target .tools/fuzz --require-hashes -r requirements/fuzz.txt
	PYTHONPATH=.tools/fuzz:src $(BIN)/python tests/fuzz.py

# Whether a package that is pinned has a known vulnerability. Needs a network where the advisories can be had (docs/advisories.md).
audit: $(UV)
	$(UV) tool run --from pip-audit==2.10.1 pip-audit --disable-pip --require-hashes -r requirements/runtime.txt

check: $(VENV)/.dev
	$(BIN)/ruff check src tests bench docs
	$(BIN)/ruff format --check src tests bench docs
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/reference/generate.py --check

bench: $(VENV)/.dev system .tools/beets/.done .tools/guessit/.done .tools/libtorrent/.done .tools/tracker_npm/.done
	for file in bench/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

docs: $(VENV)/.dev
	$(BIN)/python docs/reference/generate.py

# One version of a package for all Pythons: what runs on one of them was then tested on the others.
lock: $(UV)
	$(UV) pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --no-annotate \
		pyproject.toml -o requirements/runtime.txt
	$(UV) pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--group dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	echo 'imageio-ffmpeg>=0.8.1' | $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		- -o requirements/ffmpeg.txt
	echo atheris==3.0.0 | $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate - -o requirements/fuzz.txt
	for one in beets==2.14.1 guessit==4.4.0 libtorrent==2.1.1 supysonic==0.7.9; do echo $$one | $(UV) pip compile --quiet --universal --generate-hashes \
		--no-emit-index-url --no-header --no-annotate - -o requirements/$${one%%=*}.txt || exit 1; done

# Programs of others that tests and benches talk to, each in an environment of its own: their licences stay outside of ours.
.tools/%/.done: $(UV) requirements/%.txt
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .tools/$*
	$(UV) pip install --quiet --python .tools/$*/bin/python --require-hashes -r requirements/$*.txt
	touch $@

# A client of the npm registry: what has to be compiled is replaced, and nothing is run at its installation.
.tools/tracker_npm/.done: $(wildcard bench/peers/tracker_npm/*.* bench/peers/tracker_npm/webrtc/*)
	mkdir -p .tools/tracker_npm && cp -r bench/peers/tracker_npm/. .tools/tracker_npm/
	cd .tools/tracker_npm && npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock
	touch $@

$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target .tools uv

$(VENV)/.runtime: $(UV) pyproject.toml requirements/runtime.txt
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/runtime.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	touch $@

# The tests drive a real browser and a real ffmpeg.
system:
	@sh .ci/system-packages

clean:
	rm -rf .venv .venvs .tools .demo .pytest_cache .mypy_cache .ruff_cache
