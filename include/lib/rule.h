/* The rules of docs/design.md (section 1), by number. A report of a broken rule names the rule. */
#pragma once

#include <lib/base.h>

#define RULES 9

/* Begins the format of a panic, or of a difference that the audit finds: rule `n` is broken. */
#define RULE(n) "\001" #n

/* Returns a format without its RULE. */
const char *rule_text(const char *fmt);

/* Returns the number of the rule that is broken, or 0 if none is known. `fmt` is the format of a
   report, and `text` the formatted text. */
unsigned rule_broken(const char *fmt, const char *text);

/* Returns a rule as a sentence, the title that it has in docs/design.md. */
const char *rule_sentence(unsigned rule);
