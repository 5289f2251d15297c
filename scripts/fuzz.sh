#!/bin/sh
# Runs the fuzz tests of the tree, one after another, and ends with one line of JSON.
#
#   scripts/fuzz.sh              all of them, a minute each
#   scripts/fuzz.sh --list       only says which there are
#
# FUZZTIME  how long each runs (60s)
# FUZZ      only those whose package and name, as ./internal/grounding.FuzzFoldIsStable, match this extended regular expression
# FUZZKEEP  how many inputs a target keeps in testdata/fuzz at most (32): of what it found interesting the smallest, up to 4 KiB each
#
# An input that fails is written to testdata/fuzz by go test itself, and is a test from then on.
set -eu
cd "$(dirname "$0")/.."
time=${FUZZTIME:-60s}
only=${FUZZ:-.}
keep=${FUZZKEEP:-32}
go=${GO:-go}

# targets prints "package name" for each fuzz test.
targets() {
	$go list -f '{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... | grep . |
		xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed "s|^$PWD|.|; s|/[^/]*:func | |; s|^\([^./]\)|./\1|" |
		while read -r pkg name; do
			if printf '%s.%s\n' "$pkg" "$name" | grep -qE "$only"; then echo "$pkg $name"; fi
		done
}

# keep_corpus pkg name copies what the target found interesting.
keep_corpus() {
	cache=$($go env GOCACHE)/fuzz/$($go list "$1")/$2
	into=$1/testdata/fuzz/$2
	[ -d "$cache" ] || return 0
	mkdir -p "$into"
	have=$(find "$into" -type f | wc -l)
	# 8 blocks of 512 bytes are the 4 KiB.
	find "$cache" -type f -size -9 -printf '%s %p\n' | sort -n | cut -d' ' -f2- | while read -r file; do
		[ "$have" -lt "$keep" ] || break
		[ -e "$into/$(basename "$file")" ] && continue
		cp "$file" "$into/"
		have=$((have + 1))
	done
	rmdir "$into" 2>/dev/null || true # when it is empty
}

if [ "${1:-}" = --list ]; then
	targets
	exit
fi
list=$(targets)
[ -n "$list" ] || { echo "no fuzz test matches $only" >&2; exit 2; }
begun=$(date +%s)
count=0
failed=
while read -r pkg name; do
	count=$((count + 1))
	echo "== $pkg $name" >&2
	if $go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$pkg" >&2; then
		keep_corpus "$pkg" "$name"
	else
		failed="$failed${failed:+, }\"$pkg.$name\""
	fi
done <<END
$list
END
printf '{"name": "fuzz", "targets": %d, "seconds_each": "%s", "failed": [%s], "seconds": %d}\n' "$count" "$time" "$failed" $(($(date +%s) - begun))
[ -z "$failed" ]
