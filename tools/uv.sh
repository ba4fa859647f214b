#!/bin/sh
# Print the path of a uv: the one on PATH, else one in .cache/uv that pip installs.
set -eu
cd "$(dirname "$0")/.."

if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then
    command -v uv
    exit
fi
if ! .cache/uv/bin/uv --version >/dev/null 2>&1; then
    python=$(sh tools/python.sh)
    rm -rf .cache/uv
    if ! "$python" -m venv .cache/uv >/dev/null 2>&1; then
        rm -rf .cache/uv
        echo "$python has no working venv module: install it (Debian: python3-venv) or install uv, then try again." >&2
        exit 1
    fi
    .cache/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt >&2
fi
echo "$PWD/.cache/uv/bin/uv"
