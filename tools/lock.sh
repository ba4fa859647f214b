#!/bin/sh
# Pin requirements/*.in into requirements/*.txt, for every platform and each Python that we support.
set -eu
cd "$(dirname "$0")/.."
uv=$(sh tools/uv.sh)

pin() {
    name=$1
    shift
    echo "requirements/$name.txt"
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" "$@" "requirements/$name.in" --output-file "requirements/$name.txt"
}

pin dev "$@"
for name in bench build java lambda runtime uv; do
    pin "$name" --constraint requirements/dev.txt "$@"
done
