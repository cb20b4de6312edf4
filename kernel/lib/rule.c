/* The rules of docs/design.md, and which of them a report is about.

   Most formats begin with RULE(n). An assertion that a lock is held, or that none is, is known by
   its text, and so is a check of the macros of sys/queue.h. tools/hang_test.py compares the
   sentences with docs/design.md. */
#include <lib/rule.h>
#include <lib/string.h>

#define RULE_MARK '\001'

static const char *const sentences[RULES + 1] = {
    "",
    "A region is a promise; an entry is a promise kept; the fault handler keeps promises.",
    "Writable means mine alone.",
    "To change, make it yours: one rule at every level.",
    "References are counted, and can be counted again.",
    "New memory holds what was promised, and free memory is left alone.",
    "A flush comes before the last reference goes.",
    "Each shared field has a lock, and locks are taken in order.",
    "A thread that holds a spinlock neither sleeps nor touches user memory.",
    "The kernel's own memory is whole, and its code does not fault.",
};

static const struct {
    const char *part;
    unsigned rule;
} known[] = {
    {"lock_check_none_from", 8},
    {"_is_held", 7},
    {"_is_write_held", 7},
    {"Bad ", 9},
};

const char *rule_text(const char *fmt)
{
    return fmt[0] == RULE_MARK ? fmt + 2 : fmt;
}

unsigned rule_broken(const char *fmt, const char *text)
{
    if (fmt[0] == RULE_MARK)
        return fmt[1] - '0';
    for (unsigned n = 0; n < ARRAY_SIZE(known); n++)
        if (strstr(text, known[n].part))
            return known[n].rule;
    return 0;
}

const char *rule_sentence(unsigned rule)
{
    return sentences[rule];
}
