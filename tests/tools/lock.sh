#!/bin/sh
# Prints a fresh constraints file: what pip resolves today for the program, its browser extra and its tools.
# The vllm extra is left out: it belongs to a pod's image, which pins its own.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

PYTHON="$PYTHON" sh tests/tools/make_venv.sh "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --editable '.[web,dev]' >&2
cat <<'HEADER'
# The exact versions that `make` installs and that every test has passed with; `make lock` writes this file anew.
# By hand: pip install -c constraints.txt -e '.[dev]'
HEADER
"$scratch/venv/bin/python" -m pip freeze --exclude-editable --exclude gpu-watchdog-tui
