#!/bin/sh
# Unpacks the console font $1 to $2, and makes sure that it is what kernel/dev/font.S takes it for: of
# the format PSF 1 (its magic number is 36 04; then come a mode byte and the height), 16 pixels high.
set -eu
gzip -dc "$1" >"$2"
header=$(od -An -tx1 -N4 "$2" | tr -d ' ')
case $header in
3604??10) ;;
*)
    echo "$1: not a font in the format PSF 1, 8 by 16 pixels" >&2
    exit 1
    ;;
esac
