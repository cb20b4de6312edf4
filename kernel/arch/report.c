/* What is known about a message of a panic or of the audit, beside the message:

       the rule that is broken
       the history of the frame that the message names, in a DEBUG build
       the last events that concern this frame, or the address that the message names

   The message says what it is about in words: "frame 0x2ec", "entry 0x2ec067", "at 0x401000",
   "address 0x401000". If it names neither, the last events of all are shown, and fewer of them. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/event.h>
#include <arch/history.h>
#include <arch/page.h>
#include <arch/report.h>
#include <lib/rule.h>
#include <lib/string.h>
#include "regs.h"

#define EVENTS_ABOUT 64u /* that concern the subject */
#define EVENTS_LAST  16u /* of all */
#define NOTHING      UINT64_MAX

struct subject {
    uint64_t pfn;  /* NOTHING: no frame is named */
    uint64_t page; /* the address, rounded down; NOTHING: none is named */
    struct {
        uint64_t table;
        unsigned index;
    } path[ROOT_LEVEL]; /* the entries of the page in the tables that the CPU has loaded */
    unsigned npath;
};

/* ---- What a message is about ---- */

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10u : 16;
}

/* Returns the number that stands behind `word` in a text; NOTHING if there is none. */
static uint64_t number_behind(const char *text, const char *word)
{
    const char *digit = strstr(text, word);
    uint64_t number = 0;

    if (!digit)
        return NOTHING;
    for (digit += strlen(word); digit_value(*digit) < 16; digit++)
        number = number * 16 + digit_value(*digit);
    return number;
}

static uint64_t frame_named(const char *text)
{
    uint64_t pfn = number_behind(text, "frame 0x"), entry = number_behind(text, "entry 0x");

    return pfn == NOTHING && entry != NOTHING ? (entry & PTE_ADDR) >> PAGE_SHIFT : pfn;
}

static uint64_t page_named(const char *text)
{
    static const char *const words[] = {"address 0x", " at 0x", " for 0x", "page 0x"};
    uint64_t addr = NOTHING;

    for (unsigned n = 0; n < ARRAY_SIZE(words) && addr == NOTHING; n++)
        addr = number_behind(text, words[n]);
    return addr == NOTHING ? NOTHING : page_floor(addr);
}

/* Notes the entries that lead to the page. */
static void note_path(struct subject *subject)
{
    paddr_t table = cr3_read() & PTE_ADDR;

    for (int level = ROOT_LEVEL; level >= 1 && boot_has_memory(table); level--) {
        unsigned index = level_index(level, subject->page);
        pte_t entry = ((const pte_t *)phys_to_virt(table))[index];

        subject->path[subject->npath].table = table >> PAGE_SHIFT;
        subject->path[subject->npath++].index = index;
        if (!(entry & PTE_PRESENT) || (entry & PTE_LARGE))
            return;
        table = entry & PTE_ADDR;
    }
}

/* ---- The events that concern it ---- */

/* Returns true if a word of an event is the frame, or an entry that points to it. */
static bool is_frame_word(const char *name, uint64_t word, uint64_t pfn)
{
    static const char *const frames[] = {"frame", "table", "copy", "source"};

    if (strcmp(name, "old") == 0 || strcmp(name, "new") == 0)
        return word && (word & PTE_ADDR) >> PAGE_SHIFT == pfn;
    for (unsigned n = 0; n < ARRAY_SIZE(frames); n++)
        if (strcmp(name, frames[n]) == 0)
            return word == pfn;
    return false;
}

static bool is_on_path(const struct subject *subject, const struct event *event)
{
    for (unsigned n = 0; n < subject->npath; n++)
        if (event->words[0] == subject->path[n].table && event->words[1] == subject->path[n].index)
            return true;
    return false;
}

/* Returns true if an event is about the page: its fault, its entries, its region, or a flush. */
static bool concerns_page(const struct subject *subject, const struct event *event)
{
    switch (event->kind) {
    case EVENT_fault_begin:
    case EVENT_fault_end:
        return page_floor(event->words[1]) == subject->page;
    case EVENT_entry_set:
        return is_on_path(subject, event);
    case EVENT_region_map:
    case EVENT_region_change:
    case EVENT_region_unmap:
        return event->words[1] <= subject->page && subject->page < event->words[2];
    case EVENT_tlb_flush:
        return event->words[2] <= subject->page && subject->page < event->words[3];
    default:
        return false;
    }
}

static bool is_all(const struct subject *subject)
{
    return subject->page == NOTHING && subject->pfn == NOTHING;
}

static bool concerns(const struct subject *subject, const struct event *event)
{
    if (subject->page != NOTHING && concerns_page(subject, event))
        return true;
    for (unsigned n = 0; subject->pfn != NOTHING && n < EVENT_WORDS; n++)
        if (is_frame_word(event_word_name(event, n), event->words[n], subject->pfn))
            return true;
    return is_all(subject);
}

/* Calls `each` for the events that are kept and concern the subject. Returns their number. */
static unsigned for_each_event(const struct subject *subject,
                               void (*each)(uint64_t seq, const struct event *event, unsigned n))
{
    uint64_t end = event_count();
    struct event event;
    unsigned count = 0;

    for (uint64_t seq = 0; event_find(&seq, &event) && seq < end; seq++) {
        if (!concerns(subject, &event))
            continue;
        if (each)
            each(seq, &event, count);
        count++;
    }
    return count;
}

static unsigned first_shown; /* of the events that concern the subject */

static void show_event(uint64_t seq, const struct event *event, unsigned n)
{
    char text[256];

    if (n < first_shown)
        return;
    event_print(event, text, sizeof(text));
    printk("  %lu cpu %u tid %u %s\n", seq, event->cpu, event->thread, text);
}

static void report_events(const struct subject *subject)
{
    static const struct subject all = {.pfn = NOTHING, .page = NOTHING};
    unsigned most = EVENTS_ABOUT, count = for_each_event(subject, NULL);

    if (!count || is_all(subject)) {
        subject = &all;
        most = EVENTS_LAST;
        count = for_each_event(subject, NULL);
    }
    if (!count) /* none are made */
        return;
    first_shown = count > most ? count - most : 0;
    printk("the last events%s:\n", is_all(subject) ? "" : " that concern it");
    for_each_event(subject, show_event);
}

/* ---- The report ---- */

static void report_rule(const char *fmt, const char *text)
{
    unsigned rule = rule_broken(fmt, text);

    if (rule)
        printk("rule %u of docs/design.md: %s\n", rule, rule_sentence(rule));
}

void report_broken(const char *fmt, const char *text)
{
    struct subject subject = {.pfn = frame_named(text), .page = page_named(text)};

    report_rule(fmt, text);
    if (subject.pfn != NOTHING)
        history_print(subject.pfn);
    if (subject.page != NOTHING)
        note_path(&subject);
    report_events(&subject);
}
