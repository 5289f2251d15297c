#!/bin/sh
# Sees to it that pdftotext is there: a second reader of PDFs, by which tests judge the program's own.
# As root on Debian it is installed when missing; elsewhere install poppler (poppler-utils) by hand.
set -eu

command -v pdftotext >/dev/null 2>&1 && exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || {
	echo "poppler.sh: pdftotext is not found; install poppler-utils" >&2
	exit 1
}
echo "poppler.sh: installing poppler-utils" >&2
{
	apt-get install -y --no-install-recommends poppler-utils ||
		{ apt-get update && apt-get install -y --no-install-recommends poppler-utils; }
} >&2 </dev/null
