#!/bin/sh
# Where no Java 17 or newer is installed, bring one as a Python package into .venv and give it to Spark.
set -eu
cd "$(dirname "$0")/.."

status=0
.venv/bin/python tools/java.py found || status=$?
[ "$status" = 3 ] || exit "$status"
echo "Installing a Java into .venv: there is none of 17 or newer on this machine"
[ -t 2 ] && quiet= || quiet=--quiet
"$(sh tools/uv.sh)" pip install $quiet --python .venv --require-hashes -r requirements/java.txt
exec .venv/bin/python tools/java.py bring .cache/java
