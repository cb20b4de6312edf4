#!/bin/sh
# Turns the output of `nm -n` (standard input) into the kernel's table of function names
# (assembly, on standard output). An entry is a pair: the function's offset from image_start, and
# its name's offset from ksyms_names. Entries are sorted by address. An empty input makes an empty
# table.
exec awk '
BEGIN { n = 0; at = 0; start = "" }
# mawk has no 64-bit integers. The low 8 digits of an address suffice, because the assembler
# subtracts them from those of image_start.
$3 == "image_start" { start = $1 }
$2 ~ /^[tT]$/ && $3 !~ /^(image_|\.|__)/ && start != "" {
    low[n] = substr($1, length($1) - 7); name[n] = $3; n++
}
END {
    print "        .section .ksyms, \"a\""
    print "        .balign 8"
    print "        .globl ksyms_start, ksyms_end, ksyms_names"
    print "ksyms_start:"
    base = substr(start, length(start) - 7)
    for (i = 0; i < n; i++) {
        printf "        .long 0x%s - 0x%s, %d\n", low[i], base, at
        at += length(name[i]) + 1
    }
    print "ksyms_end:"
    print "ksyms_names:"
    for (i = 0; i < n; i++)
        printf "        .asciz \"%s\"\n", name[i]
    print "        .byte 0"
    print "        .section .note.GNU-stack, \"\", @progbits"
}'
