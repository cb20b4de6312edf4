/* The glyphs of ASCII, from ' ' to '~': 16 bytes each, one for a row of pixels. They are part of a
   font in the format PSF 1 (a header of 4 bytes, then all glyphs), which tools/font.sh fetches. */
        .section .rodata
        .globl font_glyphs
font_glyphs:
        .incbin "build/font.psf", 4 + 16 * 0x20, 16 * 0x5f

        .section .note.GNU-stack, "", @progbits
