#!/bin/sh
# Runs a private PostgreSQL for tests and benchmarks.
#
#   scripts/postgres.sh start      start it when it does not run, print its URL
#   scripts/postgres.sh stop       stop it; the folder stays
#   scripts/postgres.sh url [tcp]  print its URL: over the unix socket, or over 127.0.0.1 with a password
#
# STEWARD_TEST_POSTGRES_DIR names the folder; the default is .test/postgres below the project. Every call with the same
# folder means the same server, and start may be called any number of times, also at once.
# fsync stays on: what the benchmarks measure is durable.
# As root, the server runs as the user "postgres" (PostgreSQL refuses root), and its packages are installed when missing.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
user=$(id -un)
server_user=$user
[ "$(id -u)" -eq 0 ] && server_user=postgres

say() { printf '%s\n' "postgres.sh: $*" >&2; }
fail() { say "$*"; exit 1; }

# as_server runs a command as the server's user.
as_server() {
	if [ "$(id -u)" -ne 0 ]; then
		"$@"
	elif command -v runuser >/dev/null 2>&1; then
		runuser -u "$server_user" -- "$@"
	elif command -v setpriv >/dev/null 2>&1; then
		setpriv --reuid="$server_user" --regid="$server_user" --init-groups "$@"
	else
		fail "running as root needs runuser or setpriv"
	fi
}

# find_bin prints the folder of initdb, newest version first among the packaged ones.
find_bin() {
	for dir in "${STEWARD_TEST_POSTGRES_BIN:-}" $(ls -d /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
		/usr/local/pgsql/bin /usr/pgsql-*/bin 2>/dev/null | sort -V -r); do
		if [ -n "$dir" ] && [ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ]; then
			echo "$dir"
			return 0
		fi
	done
	found=$(command -v initdb 2>/dev/null) || return 1
	[ -x "$(dirname "$found")/pg_ctl" ] || return 1
	dirname "$found"
}

install_packages() {
	[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 ||
		fail "no PostgreSQL found; install it (Debian: apt-get install postgresql) or set STEWARD_TEST_POSTGRES_URL"
	say "installing PostgreSQL"
	{
		apt-get install -y --no-install-recommends postgresql ||
			{ apt-get update && apt-get install -y --no-install-recommends postgresql; }
	} >&2 </dev/null
}

# make_user sees to it that there is a user for the server.
make_user() {
	[ "$(id -u)" -eq 0 ] || return 0
	id "$server_user" >/dev/null 2>&1 && return 0
	if command -v useradd >/dev/null 2>&1; then
		useradd --system --user-group --no-create-home --shell /bin/sh "$server_user"
	else
		adduser -S -D -H "$server_user"
	fi >&2
}

# choose_dir prints the server's folder: the default one, or one for temporary files when the server's user cannot get to the project.
choose_dir() {
	if [ -n "${STEWARD_TEST_POSTGRES_DIR:-}" ]; then
		echo "$STEWARD_TEST_POSTGRES_DIR"
	elif as_server test -x "$project" 2>/dev/null; then
		echo "$project/.test/postgres"
	else
		echo "${TMPDIR:-/tmp}/steward-postgres-$(printf '%s' "$project" | cksum | cut -d' ' -f1)"
	fi
}

# some_port prints a TCP port at random; boot tries another one when it is taken.
some_port() {
	awk -v seed="$$$(date +%S)" 'BEGIN { srand(seed); print 20000 + int(rand() * 30000) }'
}

running() { [ -s "$dir/port" ] && as_server "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }

# sockets prints the folder of the unix socket. Its path may have about 100 bytes, so deep folders use one for temporary files.
sockets() {
	if [ "${#dir}" -le 80 ]; then
		echo "$dir"
	else
		echo "/tmp/steward-pg-$(printf '%s' "$dir" | cksum | cut -d' ' -f1)"
	fi
}

url() {
	[ -s "$dir/port" ] || fail "not started; run scripts/postgres.sh start"
	if [ "${1:-}" = tcp ]; then
		echo "postgres://steward:$(cat "$dir/password")@127.0.0.1:$(cat "$dir/port")/postgres"
	else
		echo "postgres://steward@/postgres?host=$(sockets)&port=$(cat "$dir/port")"
	fi
}

init() {
	[ -s "$dir/data/PG_VERSION" ] && return 0
	say "making a cluster in $dir"
	rm -rf "$dir/data"
	head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/password"
	chmod 600 "$dir/password"
	own "$dir/password"
	as_server "$bin/initdb" -D "$dir/data" --username=steward --encoding=UTF8 --locale=C --auth-local=trust \
		--auth-host=scram-sha-256 --pwfile="$dir/password" >"$dir/initdb.log" 2>&1 ||
		{ cat "$dir/initdb.log" >&2; rm -rf "$dir/data"; fail "initdb failed"; }
	cat >>"$dir/data/postgresql.conf" <<-EOF
		listen_addresses = '127.0.0.1'
		unix_socket_permissions = 0700
		max_connections = 300
		shared_buffers = 256MB
		max_wal_size = 4GB
		fsync = on
		synchronous_commit = on
		timezone = 'UTC'
		log_min_messages = warning
	EOF
}

own() { [ "$(id -u)" -ne 0 ] || chown "$server_user" "$1"; }

boot() {
	init
	try=0
	until running; do
		try=$((try + 1))
		[ "$try" -le 5 ] || { tail -n 20 "$dir/server.log" >&2; fail "the server does not start; see $dir/server.log"; }
		some_port >"$dir/port"
		# 9>&- keeps the lock from being inherited by the server.
		as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -o "-p $(cat "$dir/port") -k $(sockets)" start >/dev/null 2>&1 </dev/null 9>&- || :
	done
}

start() {
	bin=$(find_bin) || { install_packages; bin=$(find_bin) || fail "PostgreSQL was installed but its programs are not found"; }
	make_user
	dir=$(choose_dir)
	mkdir -p "$dir" "$(sockets)"
	case "$dir" in "$project"/.test/*) echo '*' >"$project/.test/.gitignore" ;; esac
	own "$dir"
	own "$(sockets)"
	as_server test -w "$dir" || fail "$dir cannot be used by the user $server_user; set STEWARD_TEST_POSTGRES_DIR"
	exec 9>"$dir/lock"
	if command -v flock >/dev/null 2>&1; then flock 9; fi
	running || boot
	url
}

case "${1:-}" in
start) start ;;
stop)
	bin=$(find_bin) || exit 0
	dir=$(choose_dir)
	if running; then as_server "$bin/pg_ctl" -D "$dir/data" -m fast -w stop >&2; fi
	;;
url)
	dir=$(choose_dir)
	url "${2:-}"
	;;
*)
	sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
