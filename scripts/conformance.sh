#!/usr/bin/env bash
# Proves the server against the official Python client and against its own OpenAPI document.
#
#   scripts/conformance.sh                 set up what is missing, build, run all
#   scripts/conformance.sh client [ARG …]  the newest client only; arguments go to pytest, as in: client -k batches
#   scripts/conformance.sh old [ARG …]     the old client only
#   scripts/conformance.sh openapi [ARG …] the document only, as in: openapi --examples 500 --seed 7
#   scripts/conformance.sh update          run the newest client and write its coverage into conformance/README.md
#
# LONG=1 runs schemathesis for minutes instead of seconds, and everything on PostgreSQL too. Clients and tools are installed from PyPI
# at pinned versions, each into an environment of its own below .test/conformance. The tests start the servers that they need.
set -euo pipefail
cd "$(dirname "$0")/.."

newest=1.1.19
old=1.0.802
envs=$PWD/.test/conformance

say() { printf '%s\n' "conformance.sh: $*" >&2; }

# ensure_python sees to it that python3 can make environments.
ensure_python() {
	python3 -c 'import venv, ensurepip' 2>/dev/null && return 0
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		say "python3 with venv is needed (Debian: apt-get install python3-venv)"
		exit 1
	fi
	say "installing python3-venv"
	{
		apt-get install -y --no-install-recommends python3-venv ||
			{ apt-get update && apt-get install -y --no-install-recommends python3-venv; }
	} >&2 </dev/null
}

# environment NAME makes the environment of conformance/requirements/NAME.txt, unless it is there as it should be.
environment() {
	local want=conformance/requirements/$1.txt dir=$envs/$1
	if cmp -s "$want" "$dir/installed.txt" && "$dir/bin/python" -c '' 2>/dev/null; then return 0; fi
	ensure_python
	say "installing $1"
	rm -rf "$dir"
	mkdir -p "$envs"
	echo '*' >"$PWD/.test/.gitignore"
	python3 -m venv "$dir"
	"$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$want" >&2
	cp "$want" "$dir/installed.txt"
}

build() {
	mkdir -p .bin
	${GO:-go} build -o .bin/steward-conformance ./cmd/steward
	${GO:-go} build -o .bin/steward-lab ./conformance/lab
	export STEWARD_BIN=$PWD/.bin/steward-conformance STEWARD_LAB_BIN=$PWD/.bin/steward-lab
}

# client VERSION [ARG …] runs the suite with one release of the client. The bytecode stays out of the sources.
client() {
	local version=$1
	shift
	environment "roe-$version"
	(cd conformance/suite && PYTHONDONTWRITEBYTECODE=1 "$envs/roe-$version/bin/python" -m pytest -q "$@")
}

openapi() {
	environment openapi
	PYTHONDONTWRITEBYTECODE=1 "$envs/openapi/bin/python" conformance/openapi/run.py "$@"
}

# on_postgres runs the rest of its arguments with servers that stand on PostgreSQL.
on_postgres() {
	STEWARD_TEST_POSTGRES_URL=${STEWARD_TEST_POSTGRES_URL:-$(scripts/postgres.sh start)} STEWARD_CONFORMANCE_ON=postgres "$@"
}

what=${1:-all}
[ $# -eq 0 ] || shift
build
case "$what" in
all)
	client "$newest"
	client "$old"
	if [ -n "${LONG:-}" ]; then
		on_postgres client "$newest"
		openapi --examples 500
	else
		on_postgres client "$newest" -m postgres
		openapi
	fi
	;;
client) client "$newest" "$@" ;;
old) client "$old" "$@" ;;
openapi) openapi "$@" ;;
update) STEWARD_UPDATE=1 client "$newest" "$@" ;;
*)
	sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
