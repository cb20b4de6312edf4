/* A file's mode in letters. */
#include "mode.h"

#include <stddef.h>

static char kind_letter(mode_t mode)
{
    static const struct {
        mode_t kind;
        char letter;
    } kinds[] = {{S_IFREG, '-'}, {S_IFDIR, 'd'}, {S_IFLNK, 'l'}, {S_IFCHR, 'c'},
                 {S_IFBLK, 'b'}, {S_IFIFO, 'p'}, {S_IFSOCK, 's'}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if ((mode & S_IFMT) == kinds[i].kind)
            return kinds[i].letter;
    }
    return '?';
}

static void special_bit(char *x, char letter)
{
    *x = *x == 'x' ? letter : letter - 'a' + 'A';
}

void mode_text(mode_t mode, char text[MODE_TEXT_SIZE])
{
    static const char rights[] = "rwxrwxrwx";

    text[0] = kind_letter(mode);
    for (int i = 0; i < 9; i++)
        text[1 + i] = mode & (0400 >> i) ? rights[i] : '-';
    if (mode & S_ISUID)
        special_bit(&text[3], 's');
    if (mode & S_ISGID)
        special_bit(&text[6], 's');
    if (mode & S_ISVTX)
        special_bit(&text[9], 't');
    text[10] = '\0';
}
