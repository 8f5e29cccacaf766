# The front door. `make help` lists the targets; only python3 (3.11 or newer), pip and make are needed to begin.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-input
PYTEST := $(PY) -m pytest
# Two workers: the suites are sized for a two-core machine. `make test WORKERS=auto` uses every core.
WORKERS ?= 2
ARGS ?=
# Real parts of which each test has its own (namespaces, ports, folders), so that they run side by side; longest first.
SPREAD := tests/real/deploy tests/real/pod tests/real/terraform
# The tests of real Slurm: a cluster for each release, and the clusters side by side; those that promise a time, after.
BY_GROUP := tests/real/slurm
# Real parts that are too large to come beside the others; each has a target of its own.
APART := tests/real/vllm tests/real/image
# Of the deploy targets: which deployment, which of its nodes, which log.
NAME ?=
NODE ?= head
LOG ?= slurmctld
CAPTURES ?=
ORACLE ?=

RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help run deploy-plan deploy deploy-status deploy-ssh deploy-logs destroy test test-slow test-real test-vllm test-image parts lint format bench docs conformance snapshots wheel lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN_READY) ## set up what the program needs and open the screen (ARGS="demo --nodes 4" runs another command)
	@$(VENV)/bin/gpu-watchdog $(ARGS)

deploy-plan: $(RUN_READY) ## show what deploying would change and cost; NAME=lab, ARGS="--nodes 2 --gpu 'NVIDIA A40'"
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) --plan $(ARGS)

deploy: $(RUN_READY) ## rent a cluster and bring it up (asks first), or go on where the last run stopped; NAME, ARGS
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) $(ARGS)

deploy-status: $(RUN_READY) ## show a deployment's nodes, what is astray and what is billed; NAME, ARGS
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) --status $(ARGS)

deploy-ssh: $(RUN_READY) ## log in on a node of a deployment; NAME, NODE=head
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) --ssh $(NODE) $(ARGS)

deploy-logs: $(RUN_READY) ## print a log of a node of a deployment; NAME, NODE=head, LOG=slurmctld
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) --logs $(NODE) $(LOG) $(ARGS)

destroy: $(RUN_READY) ## destroy a deployment (asks for its name) and prove that nothing is left; NAME, ARGS
	@$(VENV)/bin/gpu-watchdog deploy $(NAME) --destroy $(ARGS)

test: $(DEV_READY) ## run every test that needs no more than Python; real parts that are absent are skipped and counted
	$(PYTEST) -n $(WORKERS) -m "not slow" $(ARGS)

test-slow: $(DEV_READY) ## run the long tests, those of real parts behind the others (half an hour in all)
	@codes=; note() { codes="$$codes $$1"; }; \
	$(PYTEST) tests --ignore=tests/real -m slow $(ARGS); note $$?; \
	$(PYTEST) tests/real $(APART:%=--ignore=%) -m slow -n $(WORKERS) --dist loadgroup $(ARGS); note $$?; \
	case "$$codes" in *[!05\ ]*) exit 1 ;; *0*) ;; *) exit 5 ;; esac

test-real: $(DEV_READY) ## run the tests of real parts (Prometheus, ssh, tmux, ...); `make parts` installs those
	@codes=; note() { codes="$$codes $$1"; }; \
	$(PYTEST) tests/real $(SPREAD:%=--ignore=%) $(BY_GROUP:%=--ignore=%) -m "not slow" $(ARGS); note $$?; \
	$(PYTEST) $(BY_GROUP) -m "not slow and not clock" -n $(WORKERS) --dist loadgroup $(ARGS); note $$?; \
	$(PYTEST) $(BY_GROUP) -m "not slow and clock" $(ARGS); note $$?; \
	$(PYTEST) $(SPREAD) -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS); note $$?; \
	case "$$codes" in *[!05\ ]*) exit 1 ;; *0*) ;; *) exit 5 ;; esac  # 5: ARGS chose none of that part

test-vllm: $(DEV_READY) ## run the tests against a real vLLM on the CPU: the first time 4 GB of disk and ten minutes, then four
	GPU_WATCHDOG_TEST_VLLM=1 $(PYTEST) tests/real/vllm -n 0 $(ARGS)

test-image: $(DEV_READY) ## build the pods' image with buildah and deploy it on namespaces: at first six minutes and 1.5 GB, then two
	$(PYTEST) tests/real/image -n 0 -s $(ARGS)

parts: ## install the real parts that tests want (Debian packages, as root or with sudo); instant when all are there
	@$(PYTHON) tests/tools/parts.py install

lint: $(DEV_READY) ## check format, lint, types, import floors and sizes
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) -m tests.tools.size_check

format: $(DEV_READY) ## format the code and mend what ruff can mend
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(DEV_READY) ## measure speed and size beside nvitop, gpustat and nvtop, and print the table
	$(PY) -m tests.bench $(ARGS)

docs: $(DEV_READY) ## write the generated tables under docs/ anew
	$(PY) -m tests.tools.docs

conformance: $(DEV_READY) ## read recorded pages in CAPTURES=DIR, or alert-oracle cases in ORACLE=FILE, and print N of M
	@test -n "$(CAPTURES)$(ORACLE)" || { echo 'Say what to read: make conformance CAPTURES=DIR or ORACLE=FILE' >&2; exit 64; }
	@test -z "$(CAPTURES)" || $(PYTEST) tests/conformance --captures "$(CAPTURES)" $(ARGS)
	@test -z "$(ORACLE)" || $(PY) -m tests.conformance.alerts "$(ORACLE)"

snapshots: $(DEV_READY) ## accept the pictures of the screens as they are now (look at them before you commit)
	$(PYTEST) tests/tui tests/widgets --snapshot-update $(ARGS)

wheel: $(DEV_READY) ## build the wheel into dist/
	$(PY) -m build --wheel --no-isolation

lock: ## resolve every dependency anew and write constraints.txt
	@PYTHON="$(PYTHON)" sh tests/tools/lock.sh > constraints.txt.new && mv constraints.txt.new constraints.txt

clean: ## remove the environment, caches and builds
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .cache snapshot_report.html
	find app widgets pod tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps make the second call instant; they age when the dependencies may have changed.
$(RUN_READY): pyproject.toml constraints.txt | $(PY)
	@echo 'Installing GPU Watchdog into $(VENV) ...'
	@$(PIP_INSTALL) --constraint constraints.txt --editable .
	@touch $@

$(DEV_READY): pyproject.toml constraints.txt | $(PY)
	@echo 'Installing GPU Watchdog and its development tools into $(VENV) ...'
	@$(PIP_INSTALL) --constraint constraints.txt --editable '.[web,dev]'
	@touch $(RUN_READY) $@

$(PY):
	@PYTHON="$(PYTHON)" sh tests/tools/make_venv.sh $(VENV)
