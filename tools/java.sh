#!/bin/sh
# If no Java 17 or newer is installed, install one as a Python package into .venv for Spark.
set -eu
cd "$(dirname "$0")/.."

status=0
.venv/bin/python tools/java.py found || status=$?
[ "$status" = 3 ] || exit "$status"
echo "Installing Java into .venv, because this machine has no Java 17 or newer"
[ -t 2 ] && quiet= || quiet=--quiet
"$(sh tools/uv.sh)" pip install $quiet --python .venv --require-hashes -r requirements/java.txt
exec .venv/bin/python tools/java.py bring .cache/java
