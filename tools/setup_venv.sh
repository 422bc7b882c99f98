#!/bin/sh
# Make the virtual environment $1 and install this package into it, editable, with the extras $2 (may be empty).
# Uses uv when it is there and pip otherwise. PYTHON names the interpreters to try, first to last.
set -eu

venv=$1
extras=${2:-}
candidates="${PYTHON:-python3} python3.13 python3.12 python3.11"

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in $candidates; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "spikesieve needs Python 3.11 or newer; none of these is: $candidates." >&2
    echo "Install one (your system's packages, or https://www.python.org), or name one: make PYTHON=/path/to/python3.12" >&2
    exit 1
}

make_venv() {
    python=$(find_python)
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --clear --python "$python" "$venv"
    elif ! "$python" -m venv --clear "$venv"; then
        echo "$python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
}

# An environment whose interpreter has gone (a moved folder, an upgraded system) is made anew.
is_new_enough "$venv/bin/python" || make_venv

echo "Installing spikesieve${extras:+ with [$extras]} into $venv: once, a minute or two." >&2
target=".${extras:+[$extras]}"
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" --editable "$target"
else
    # An environment that uv made has no pip.
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$target"
fi
