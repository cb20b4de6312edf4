#!/bin/sh
# Unpacks the console font $1 to $2, and checks that it has the format that kernel/dev/font.S
# expects: PSF 1 (the magic number 36 04, a mode byte, the height), 16 pixels high.
set -eu
gzip -dc "$1" >"$2"
header=$(od -An -tx1 -N4 "$2" | tr -d ' ')
case $header in
3604??10) ;;
*)
    echo "$1: not a PSF 1 font of 8 by 16 pixels. Choose another with make FONT=FILE" >&2
    exit 1
    ;;
esac
