# Two commands: `make demo` runs the main job, `make test` passes the tests.
# Each creates or refreshes .venv first: with uv where it is there, else with venv and pip.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRAIN := .venv-train
FUZZ := .venv-fuzz
AUDIT := .venv-audit
SECONDS ?= 300
TORCH ?= torch==2.13.0
UV := $(shell command -v uv 2>/dev/null)

# Where a machine forbids Python to keep what it compiled, each process that tests start would compile sixteen hundred
# modules anew: five seconds to a server's first answer instead of two.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo docs test test-training lint model bench soak fuzz audit lock clean

demo: $(VENV)/.runtime
	$(BIN)/meydan demo

# On every core, and one more for those that wait; `$(BIN)/python -m pytest` alone runs one test after another.
WORKERS := $(shell $(PYTHON) -c "import os; print(min((os.cpu_count() or 1) + 1, 8))")
test: $(VENV)/.dev lint
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal

# What needs PyTorch: in an environment of its own, so that two gigabytes stay out of the other.
test-training: $(TRAIN)/.made
	$(TRAIN)/bin/python -m pytest tests_training

# Everything the judge has learned, made anew: make model DATA=the-data-folder
model: $(TRAIN)/.made
	$(TRAIN)/bin/python -m meydan train fast --data $(DATA) --out src/meydan/judge/models/fast
	$(TRAIN)/bin/python -m meydan train encoder --data $(DATA) --out src/meydan/judge/models/encoder --run run-encoder
	$(TRAIN)/bin/python -m meydan.train.relevance --model src/meydan/judge/models/encoder
	$(TRAIN)/bin/python -m meydan.train.known --data $(DATA) --out run-encoder/development-rows.jsonl
	$(TRAIN)/bin/python -m meydan calibrate --from run-encoder/development-rows.jsonl --out src/meydan/judge/models/calibration.json
	$(TRAIN)/bin/python -m meydan.evaluate --data $(DATA)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation as a site, in site/; tests/docs/test_site.py looks at it.
docs: $(VENV)/.dev
	$(BIN)/python -m mkdocs build --strict

# Measured, never asserted: see benchmarks/README.md.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks soak

# Bytes that nobody thought of, for so long at each target: see fuzz/README.md.
fuzz: $(FUZZ)/.made
	for target in text address guidelines; do $(FUZZ)/bin/python -m fuzz $$target --seconds $(SECONDS) || exit 1; done

# Whether a locked version has a known weakness: see docs/security.md. Where nobody can be asked, it says so, loudly.
audit:
	@test -x $(AUDIT)/bin/pip-audit || ($(PYTHON) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install --quiet pip-audit==2.10.1) || true
	@$(AUDIT)/bin/python .ci/audit.py

# Marked only once it is whole: a half-made environment is made anew.
$(VENV)/.made:
	rm -rf $(VENV)
ifdef UV
	uv venv --quiet $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.made
ifdef UV
	uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	uv pip install --quiet --python $(BIN)/python --no-deps -e .
else
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
endif
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
ifdef UV
	uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
else
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
endif
	@touch $@

# With pip, so that the CPU build of PyTorch is taken where the machine offers one; see CONTRIBUTING.md.
$(TRAIN)/.made: pyproject.toml
	$(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/python -m pip install --quiet $(TORCH)
	$(TRAIN)/bin/python -m pip install --quiet -e '.[train,calibrate]' pytest
	@touch $@

$(FUZZ)/.made: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	$(FUZZ)/bin/python -m pip install --quiet atheris==3.0.0
	$(FUZZ)/bin/python -m pip install --quiet --no-deps -e .
	@touch $@

# After a change of dependencies in pyproject.toml; needs uv.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --constraint .ci/lock.in pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --constraint requirements.lock pyproject.toml --group dev -o requirements-dev.lock

clean:
	rm -rf $(VENV)
