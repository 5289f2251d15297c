#!/bin/sh
# Sees to it that Tesseract is there with English, German, French, Spanish and the data for turned pages: tests read pictures by it.
# As root on Debian it is installed when missing; elsewhere install tesseract and its languages by hand.
set -eu

complete() {
	command -v tesseract >/dev/null 2>&1 || return 1
	have=$(tesseract --list-langs 2>/dev/null) || return 1
	for language in eng deu fra spa osd; do
		printf '%s\n' "$have" | grep -qx "$language" || return 1
	done
}

complete && exit 0
[ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1 || {
	echo "ocr.sh: tesseract with the languages eng, deu, fra, spa and osd is not found; install it" >&2
	exit 1
}
echo "ocr.sh: installing tesseract-ocr" >&2
packages="tesseract-ocr tesseract-ocr-eng tesseract-ocr-deu tesseract-ocr-fra tesseract-ocr-spa tesseract-ocr-osd"
{
	apt-get install -y --no-install-recommends $packages ||
		{ apt-get update && apt-get install -y --no-install-recommends $packages; }
} >&2 </dev/null
complete
