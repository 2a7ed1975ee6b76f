# Two commands do everything, set-up included:
#   make face   trains the face recipe, exports it, proves it, and says where to look
#   make test   formats, lints and tests

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: face test setup system clean
face: setup
	$(BIN)/python -m sfkeras.train recipe=face
	@echo "Look at runs/face/: report.md (accuracy), curves.png, alphas.png, and export/ (face.tflite and its C files)."

test: setup system
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@if command -v gcc > /dev/null; then $(BIN)/python -m pytest; else \
		echo "There is no gcc. Left out:"; $(BIN)/python -m pytest --collect-only -qq -m compiler; \
		$(BIN)/python -m pytest -m "not compiler"; fi

setup: .venv/ready
.venv/ready: requirements.txt
	@echo "Installing the packages of requirements.txt into .venv (once, a few minutes)"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# The tests compile the exported C.
system:
	@command -v gcc > /dev/null || { echo "Installing gcc, which the tests of the exported C need"; \
		apt-get update -qq && apt-get install -y -qq gcc; } || true

clean:
	rm -rf .venv runs
