/* What is known about a message of a panic or of the audit: the rule that is broken, and the
   history of the frame that the message names as "frame 0x2ec". */
#include <arch/console.h>
#include <arch/history.h>
#include <arch/report.h>
#include <lib/rule.h>
#include <lib/string.h>

#define FRAME "frame 0x"

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* Finds the number of the frame that a message names. Returns false if it names none. */
static bool frame_named(const char *text, uint32_t *pfn)
{
    const char *digit = strstr(text, FRAME);

    if (!digit)
        return false;
    *pfn = 0;
    for (digit += sizeof(FRAME) - 1; digit_value(*digit) < 16; digit++)
        *pfn = *pfn * 16 + digit_value(*digit);
    return true;
}

void report_broken(const char *fmt, const char *text)
{
    unsigned rule = rule_broken(fmt, text);
    uint32_t pfn;

    if (rule)
        printk("rule %u of docs/design.md: %s\n", rule, rule_sentence(rule));
    if (frame_named(text, &pfn))
        history_print(pfn);
}
