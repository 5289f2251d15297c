#!/bin/sh
# Sees to it that strace is there: the test with disks that fail has system calls of a server fail by it.
# As root on Debian it is installed when missing; elsewhere install it by hand.
set -eu

command -v strace >/dev/null 2>&1 && exit 0
[ "$(uname -s)" = Linux ] || exit 0 # there is none, and the test says so
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || {
	echo "strace.sh: strace is not found; install it" >&2
	exit 1
}
echo "strace.sh: installing strace" >&2
{
	apt-get install -y --no-install-recommends strace ||
		{ apt-get update && apt-get install -y --no-install-recommends strace; }
} >&2 </dev/null
command -v strace >/dev/null
