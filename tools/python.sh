#!/bin/sh
# Print a Python 3.11, 3.12 or 3.13: the one named in PYTHON, else the newest on PATH.
set -eu

seen=
[ -n "${PYTHON:-}" ] && set -- "$PYTHON" || set -- python3.13 python3.12 python3.11 python3 python
for name; do
    version=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in
    3.11 | 3.12 | 3.13)
        "$name" -c 'import sys; print(sys.executable)'
        exit
        ;;
    esac
    seen="$seen $name is $version;"
done
echo "Python 3.11, 3.12 or 3.13 is needed, but${seen:- none was found;} install one of them, or uv, which downloads one." >&2
exit 1
