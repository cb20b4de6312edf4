#!/bin/sh
# Makes the kernel's table of function names, as assembly on standard output, from the output of `nm
# -n` on standard input: pairs of (offset from image_start, offset of the name), sorted by address.
# An empty input makes an empty table.
exec awk '
BEGIN { n = 0; at = 0; start = "" }
# mawk has no 64-bit integers: the low 8 digits of an address are enough, and the assembler
# subtracts.
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
