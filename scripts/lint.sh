#!/usr/bin/env bash
# Checks the code, or formats it, with the one version of golangci-lint that the project is written for.
#
#   scripts/lint.sh               check everything
#   scripts/lint.sh run ./client  check some packages
#   scripts/lint.sh fmt           format everything
#
# The linter is built into .bin the first time.
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.15.0
linter=.bin/golangci-lint

if ! "$linter" version 2>/dev/null | grep -qF "version $version "; then
	echo "lint.sh: building golangci-lint $version into .bin (a few minutes, once)" >&2
	mkdir -p .bin
	# The module's own flags are none of the linter's business.
	GOFLAGS= GOBIN="$PWD/.bin" go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$version"
fi
if [ $# -eq 0 ]; then
	set -- run ./...
fi
exec "$linter" "$@"
