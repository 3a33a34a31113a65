# The commands of a checkout. `make demo` and `make test` set up everything themselves on Debian 12.
BUILD := build

.PHONY: build demo test sanitize bench format lint clean

build:
	@scripts/setup build
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)

# Trains a small R(2+1)D and the same-size f-R2D on generated videos, and compares them.
demo: build
	@examples/demo/run $(BUILD)/demo

test:
	@scripts/setup test
	@cmake --preset release >/dev/null
	@cmake --build $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure -j "$$(nproc)"

# The parser fuzzed for a minute, and the tests of the code without LLVM, under the sanitizers.
sanitize:
	@scripts/setup build
	@scripts/sanitize

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
