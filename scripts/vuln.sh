#!/usr/bin/env bash
# Looks whether the program calls code that is known to be vulnerable.
#
#   scripts/vuln.sh            check everything; the exit code is 3 when something is found
#   scripts/vuln.sh reachable  succeed when the database of vulnerabilities can be reached
#
# The database is https://vuln.go.dev, or the one that GOVULNDB names. Without it nothing is checked, and the exit code is 2.
# govulncheck is built into .bin the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.8.0
tool=.bin/govulncheck
db=${GOVULNDB:-https://vuln.go.dev}

reachable() {
	case $db in
	file://*) [ -e "${db#file://}/index/modules.json" ] || [ -e "${db#file://}/index/modules.json.gz" ] ;;
	*) curl -fsS --retry 2 --max-time 20 -o /dev/null "$db/index/modules.json.gz" 2>/dev/null ||
		curl -fsS --max-time 20 -o /dev/null "$db/index/modules.json" 2>/dev/null ;;
	esac
}

if [ "${1:-}" = reachable ]; then
	reachable
	exit
fi
if ! reachable; then
	echo "the database of vulnerabilities at $db cannot be reached" >&2
	exit 2
fi
if ! "$tool" -version 2>/dev/null | grep -qF "govulncheck@v$version"; then
	echo "vuln.sh: building govulncheck $version into .bin" >&2
	mkdir -p .bin
	GOFLAGS= GOBIN="$PWD/.bin" go install "golang.org/x/vuln/cmd/govulncheck@v$version" >&2
fi
exec "$tool" -db "$db" ./...
