#!/bin/sh
# Makes the virtual environment named by $1 with $PYTHON, and says in a sentence why it cannot.
set -eu
venv=$1

if ! command -v "$PYTHON" >/dev/null; then
    echo "There is no $PYTHON here. Install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3.11" >&2
    exit 69
fi
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "GPU Watchdog needs Python 3.11 or newer; $PYTHON is $("$PYTHON" -V 2>&1)." >&2
    echo "Install a newer one, or say where it is: make PYTHON=/path/to/python3.11" >&2
    exit 69
fi

# Debian's python3 comes without ensurepip unless python3-venv is installed; pip can fill a bare environment as well.
if "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    "$PYTHON" -m venv "$venv"
else
    "$PYTHON" -m venv --without-pip "$venv"
    if ! "$PYTHON" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check --no-input pip; then
        rm -rf "$venv"
        echo "$PYTHON can neither make an environment with pip nor reach an index: install python3-venv or python3-pip." >&2
        exit 69
    fi
fi
