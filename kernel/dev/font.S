/* The glyphs of ASCII, from ' ' to '~', each 16 bytes, one a row of pixels. They are part of a font in
   the format PSF 1, which tools/font.sh fetches: a header of 4 bytes, then the glyphs from 0 on. */
        .section .rodata
        .globl font_glyphs
font_glyphs:
        .incbin "build/font.psf", 4 + 16 * 0x20, 16 * 0x5f

        .section .note.GNU-stack, "", @progbits
