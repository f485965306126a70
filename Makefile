# `make` alone lists the targets. Each prepares what it needs, and all are incremental.
SWIFT ?= swift
PREFIX ?= /usr/local
# For `make interop`: a Python with PyTorch, safetensors, diffusers, Pillow, MindSpore and torch-fidelity.
# For `make check-server`: one with what tools/server/requirements.txt names.
PYTHON ?= python3
# Seconds that `make fuzz` spends on each reader.
SECONDS_EACH ?= 600
# The folder of `make sample`, and further options of `dit sample` or the benchmarks.
OUTPUT ?= samples
ARGS ?=
# Where `make package-check` keeps its Debian and Ubuntu systems.
ROOTS ?= /var/tmp/dit-roots

SHELL := /bin/bash -eu -o pipefail
.DEFAULT_GOAL := help
export SWIFT

# The stamp of a checkout that is set up. It records the LIBTORCH of that set-up.
READY := .libtorch/ready
ifneq ($(file <$(READY)),LIBTORCH=$(LIBTORCH))
.PHONY: $(READY)
else ifeq ($(wildcard $(or $(LIBTORCH),.libtorch/torch)/lib/libtorch_cpu.so),)
.PHONY: $(READY)
endif

PROGRAM := .build/release/dit
SWIFT_FOLDERS := $(wildcard Sources Tests Fuzz Benchmarks tools)
find_swift = find Package.swift $(SWIFT_FOLDERS) -name '.build*' -prune -o -name '*.swift' -print0
find_c = find Sources Tests \( -name '*.h' -o -name '*.c' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0

.PHONY: help
help: ## List the targets
	@echo "usage: make TARGET   (LIBTORCH=FOLDER uses that libtorch; WHEELS=FOLDER needs no network for it)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: setup
setup: swift-version ## Install system packages and libtorch, where missing
	scripts/setup
	@mkdir -p $(dir $(READY)) && printf '%s\n' 'LIBTORCH=$(LIBTORCH)' >$(READY)

.PHONY: build
# Shown by dit --version.
build manual install: export DIT_COMMIT = $(shell scripts/version commit)
build: ready ## Build the program (release): .build/release/dit (DIT_KERNELS=off: without our kernels)
	$(SWIFT) build -c release

.PHONY: sample
sample: build ## Draw images with the built-in model into OUTPUT=samples (more options: ARGS=...)
	$(PROGRAM) sample --output-path '$(OUTPUT)' --force $(ARGS)

.PHONY: test
# Float32 stands in for int8 products on CPUs without them, so that all tests run.
test: export DIT_EMULATE_INT8 := 1
test: ready ## Run the tests
	$(SWIFT) test

.PHONY: check
check: ready ## Check format, style, imports, warnings and doc comments, then run the tests
	$(find_swift) | xargs -0 $(SWIFT) format lint --strict --parallel
	@if command -v clang-format >/dev/null; then \
	  echo "$(find_c) | xargs -0 clang-format --dry-run --Werror"; \
	  $(find_c) | xargs -0 clang-format --dry-run --Werror; \
	else \
	  echo "check: clang-format is not installed, so the C++ sources were not checked"; \
	fi
	scripts/check-imports
	scripts/check-platforms
	scripts/check-scripts
	$(SWIFT) build --build-tests
	scripts/build-docs
	$(MAKE) --no-print-directory test

.PHONY: format
format: swift-version ## Format the sources in place
	$(find_swift) | xargs -0 $(SWIFT) format --in-place --parallel
	@if command -v clang-format >/dev/null; then \
	  echo "$(find_c) | xargs -0 clang-format -i"; \
	  $(find_c) | xargs -0 clang-format -i; \
	else \
	  echo "format: clang-format is not installed, so the C++ sources were not formatted"; \
	fi

.PHONY: interop
interop: ready ## Compare with PyTorch, diffusers, MindSpore, torch-fidelity (PYTHON=FILE has them)
	$(SWIFT) build --product dit
	$(PYTHON) scripts/interop --report docs/INTEROP.md

.PHONY: check-server
check-server: ready ## Use dit serve by clients of others and damaged requests (PYTHON=FILE has them)
	$(SWIFT) build --product dit
	$(PYTHON) scripts/check-server .build/debug/dit $(ARGS)

.PHONY: fuzz
fuzz: ready ## Feed damaged files to the readers of checkpoints and archives (SECONDS_EACH=600)
	scripts/fuzz $(SECONDS_EACH)

.PHONY: bench
bench: build ## Run the benchmarks (options: ARGS=...)
	Benchmarks/run.sh $(ARGS)

.PHONY: gpu-check
gpu-check: swift-version ## Pack the GPU check, for a machine without Swift: .build/gpu-check.tar.xz
	@mkdir -p .build
	scripts/gpu-check pack .build/gpu-check.tar.xz $(ARGS)

.PHONY: train-emoji
train-emoji: build ## Train the built-in model in runs/emoji; continues where it stopped
	scripts/train-emoji '$(PROGRAM)' runs/emoji $(ARGS)

.PHONY: soak
soak: build ## Kill and resume a training run fifty times, compare it with an undisturbed one
	scripts/soak '$(PROGRAM)' $(ARGS)

.PHONY: distributed-check
distributed-check: ready ## Train with several processes under every launcher, kill them, cut links
	$(SWIFT) build --product dit
	scripts/check-distributed .build/debug/dit $(ARGS)

.PHONY: check-page
check-page: build ## Use the page of dit serve in a headless Chromium, as a person would (options: ARGS=...)
	scripts/setup chromium
	scripts/check-page '$(PROGRAM)' $(ARGS)

.PHONY: compare
compare: ready ## Compare this tree's program with an earlier commit's, to the last bit (options: ARGS=...)
	scripts/compare-with $(ARGS)

.PHONY: docs
docs: ready ## Build the reference of the libraries: .build/docs
	scripts/build-docs

.PHONY: cli-docs
cli-docs: ready ## Write docs/CLI.md, the help of all commands
	$(SWIFT) build --product dit
	.build/debug/dit cli-docs >docs/CLI.md

.PHONY: manual
manual: build ## Write the manual pages: .build/man
	@mkdir -p .build/man
	$(SWIFT) package --allow-writing-to-package-directory generate-manual --multi-page --output-directory .build/man
	scripts/mend-manual .build/man

.PHONY: install
install: build manual ## Install the program, its libraries, manual and completions below PREFIX=/usr/local
	scripts/setup patchelf
	scripts/install-program '$(PROGRAM)' '$(DESTDIR)$(PREFIX)' .build/man

.PHONY: package
package: ready ## Make .build/packages: archive, Debian package, list of parts, install.sh (options: ARGS=...)
	scripts/setup patchelf zstd dpkg-dev binutils
	scripts/package $(ARGS) .build/packages

.PHONY: package-check
package-check: ## Install .build/packages in fresh Debian and Ubuntu systems below ROOTS=FOLDER, as root
	scripts/setup debootstrap
	scripts/check-installation .build/packages '$(ROOTS)' $(ARGS)

.PHONY: uninstall
uninstall: ## Remove what make install placed below PREFIX=/usr/local
	scripts/install-program --remove '$(DESTDIR)$(PREFIX)'

.PHONY: clean
clean: ## Remove what was built (libtorch stays)
	rm -rf .build

.PHONY: swift-version
swift-version:
	@scripts/check-swift

.PHONY: ready
ready: swift-version $(READY)

$(READY): scripts/setup scripts/fetch-libtorch
	@$(MAKE) --no-print-directory setup
