#!/bin/sh
# Install exactly the pins of requirements/ into .venv, and a Java (if missing) and the Delta jars into .cache/.
set -eu
cd "$(dirname "$0")/.."
unset VIRTUAL_ENV CONDA_PREFIX
uv=$(sh tools/uv.sh)
[ -t 2 ] && quiet= || quiet=--quiet

supported='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'
if ! .venv/bin/python -c "$supported" 2>/dev/null; then
    if ! python=$(sh tools/python.sh 2>/dev/null); then
        [ -z "${PYTHON:-}" ] || exec sh tools/python.sh
        python='>=3.11,<3.14'
    fi
    rm -rf .venv
    "$uv" venv --quiet --python "$python" .venv
fi

echo "Installing Python packages into .venv"
install() {
    "$uv" pip "$@" $quiet --python .venv --no-build-isolation
}
install install --require-hashes -r requirements/build.txt
install sync --require-hashes requirements/dev.txt
install install --no-deps --editable . --editable src/lambda

sh tools/java.sh
echo "Fetching the Delta jars into .cache/jars"
.venv/bin/python tools/fetch_jars.py .cache/jars
