# The commands of a checkout. `make demo` and `make test` set up everything themselves on Debian 12.
BUILD := build

.PHONY: build install packages demo science test-build test test-all test-turn sanitize sanitize-memory bench format lint clean

build:
	@scripts/setup build
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)

# Installs the programs and the library: make install PREFIX=/opt/kinema, or DESTDIR=package PREFIX=/usr for packagers.
PREFIX := /usr/local
install: build
	@DESTDIR=$(if $(DESTDIR),$(abspath $(DESTDIR))) cmake --install $(BUILD) --prefix $(PREFIX) --strip | tail -1

# Makes Debian packages, in build/packages.
packages: build
	@scripts/setup packages
	@cd $(BUILD) && cpack >/dev/null && ls packages/*.deb

# Trains a small R(2+1)D and the same-size f-R2D on generated videos, and compares them.
demo: build
	@examples/demo/run $(BUILD)/demo

# What papers claim, on videos that Kinema makes: hours. One part by PART=quick; science/run --list names the parts.
science: build
	@science/run $(BUILD)/science $(PART) $(ARGS)

test-build:
	@scripts/setup test
	@scripts/cuda-tools $(BUILD)/cuda
	@scripts/onnxruntime $(BUILD)/onnxruntime
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)

# What a change must pass: every kind of check, on some of the networks, orders and targets.
test: test-build
	@scripts/run-tests $(BUILD) core

# Every test there is: all networks, all orders, all targets.
test-all: test-build
	@scripts/run-tests $(BUILD) all

# One part of what `make test` leaves out: the part whose turn it is by the commit's hash.
test-turn: test-build
	@scripts/run-tests $(BUILD) turn

# What reads other people's files fuzzed, each for a minute (SECONDS), and the tests of the code without LLVM, under the
# sanitizers.
sanitize: sanitize-memory
	@scripts/sanitize threads
sanitize-memory:
	@scripts/setup build
	@scripts/sanitize memory $(SECONDS)

# Kinema beside PyTorch on this machine's CPU: hours. Options by ARGS='--networks r3d_18 --frames 8'.
bench: build
	@scripts/setup test
	@bench/run $(ARGS)

format:
	@scripts/format --fix

lint:
	@scripts/format
	@scripts/lint $(BUILD)

clean:
	rm -rf $(BUILD)
