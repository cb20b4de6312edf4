/* Rebuilding a machine, event by event (machine.h). */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"

static int region_compare(const struct region *a, const struct region *b)
{
    return (a->start > b->start) - (a->start < b->start);
}

RB_GENERATE_STATIC(region_tree, region, node, region_compare)

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory) {
        fprintf(stderr, "replay: out of memory\n");
        exit(2);
    }
    return memory;
}

void machine_init(struct machine *machine, const struct recording_layout *layout)
{
    *machine = (struct machine){.layout = *layout};
    machine->processes = allocate(PIDS, sizeof(struct process));
    machine->threads = allocate(PIDS, sizeof(struct thread));
    machine->threads[0].has_started = true;
}

void machine_free(struct machine *machine)
{
    for (uint64_t n = 0; n < machine->nvspaces; n++) {
        struct region *region;

        while (machine->vspaces[n] && (region = region_first(machine->vspaces[n]))) {
            RB_REMOVE(region_tree, &machine->vspaces[n]->regions, region);
            free(region);
        }
        free(machine->vspaces[n]);
    }
    for (uint32_t n = 0; n < machine->nframes; n++)
        free(machine->frames[n].entries);
    free(machine->vspaces);
    free(machine->frames);
    free(machine->processes);
    free(machine->threads);
}

/* Notes why an event cannot be applied. */
__attribute__((format(printf, 2, 3))) static bool fails(struct machine *machine, const char *fmt,
                                                        ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(machine->problem, sizeof(machine->problem), fmt, args);
    va_end(args);
    return false;
}

struct frame *machine_frame(struct machine *machine, uint64_t number)
{
    return number < machine->nframes ? &machine->frames[number] : NULL;
}

/* Returns a frame that is in use, or NULL. */
static struct frame *used_frame(struct machine *machine, uint64_t number)
{
    struct frame *frame = machine_frame(machine, number);

    if (frame && frame->state == STATE_USED)
        return frame;
    fails(machine, "frame %#lx is not in use", number);
    return NULL;
}

static struct frame *used_table(struct machine *machine, uint64_t number)
{
    struct frame *frame = used_frame(machine, number);

    if (!frame || frame->entries)
        return frame;
    fails(machine, "frame %#lx is no table", number);
    return NULL;
}

struct vspace *machine_vspace(struct machine *machine, uint64_t number)
{
    return number < machine->nvspaces ? machine->vspaces[number] : NULL;
}

static struct vspace *live_vspace(struct machine *machine, uint64_t number)
{
    struct vspace *vspace = machine_vspace(machine, number);

    if (!vspace)
        fails(machine, "there is no address space %lu", number);
    return vspace;
}

struct region *region_first(struct vspace *vspace)
{
    return RB_MIN(region_tree, &vspace->regions);
}

struct region *region_next(struct region *region)
{
    return RB_NEXT(region_tree, NULL, region);
}

/* ---- Frames ---- */

static bool apply_memory(struct machine *machine, const uint64_t *w)
{
    if (machine->frames)
        return fails(machine, "a second event of this kind");
    machine->descriptors = w[0];
    machine->nframes = w[1];
    machine->image = w[2];
    machine->direct = w[3];
    machine->frames = allocate(w[1], sizeof(struct frame));
    for (uint32_t n = 0; n < machine->nframes; n++)
        machine->frames[n].last = machine->frames[n].allocated = NEVER;
    return true;
}

/* Moves `count` frames from one state to another. */
static bool change_states(struct machine *machine, uint64_t first, uint64_t count, unsigned from,
                          unsigned to)
{
    for (uint64_t n = first; n < first + count; n++) {
        struct frame *frame = machine_frame(machine, n);

        if (!frame || frame->state != from)
            return fails(machine, "frame %#lx is %s", n,
                         !frame                       ? "no memory"
                         : frame->state == STATE_FREE ? "free"
                         : frame->state == STATE_USED ? "in use"
                                                      : "reserved, or inside of a run");
        frame->state = to;
        frame->last = machine->events;
    }
    return true;
}

static bool apply_frame_alloc(struct machine *machine, const uint64_t *w)
{
    uint64_t count = 1ul << (w[2] & 31);

    if (!change_states(machine, w[0], 1, STATE_FREE, STATE_USED) ||
        !change_states(machine, w[0] + 1, count - 1, STATE_FREE, STATE_INSIDE))
        return false;
    struct frame *frame = &machine->frames[w[0]];
    frame->kind = w[1];
    frame->order = w[2];
    frame->count = 1;
    frame->allocated = machine->events;
    return true;
}

static bool apply_frame_free(struct machine *machine, const uint64_t *w)
{
    struct frame *frame = used_frame(machine, w[0]);

    if (!frame)
        return false;
    if (frame->count)
        return fails(machine, "frame %#lx has %u references", w[0], frame->count);
    if (frame->kind != w[1] || frame->order != w[2])
        return fails(machine, "frame %#lx is of kind %u and order %u", w[0], frame->kind,
                     frame->order);
    if (frame->shown)
        return fails(machine, "%u entries show frame %#lx", frame->shown, w[0]);
    for (unsigned n = 0; frame->entries && n < TABLE_ENTRIES; n++)
        if (frame->entries[n].value)
            return fails(machine, "entry %u of the table is %#lx", n, frame->entries[n].value);
    free(frame->entries);
    frame->entries = NULL;
    frame->vspace = NULL;
    uint64_t count = 1ul << frame->order;
    return change_states(machine, w[0], 1, STATE_USED, STATE_FREE) &&
           change_states(machine, w[0] + 1, count - 1, STATE_INSIDE, STATE_FREE);
}

static bool apply_count(struct machine *machine, const uint64_t *w, int change)
{
    struct frame *frame = used_frame(machine, w[1]);

    if (!frame)
        return false;
    if (frame->count + change != w[0])
        return fails(machine, "frame %#lx has %u references before", w[1], frame->count);
    frame->count = w[0];
    frame->last = machine->events;
    return true;
}

/* ---- Tables ---- */

static bool apply_table_new(struct machine *machine, const uint64_t *w)
{
    struct frame *frame = used_frame(machine, w[0]);

    if (!frame)
        return false;
    if (frame->entries)
        return fails(machine, "frame %#lx is a table already", w[0]);
    frame->level = w[1];
    frame->entries = allocate(TABLE_ENTRIES, sizeof(struct entry));
    for (unsigned n = 0; n < TABLE_ENTRIES; n++)
        frame->entries[n].last = NEVER;
    return true;
}

/* Changes an entry. Returns false if it would show a frame that is not in use. */
static bool entry_change(struct machine *machine, struct entry *entry, uint64_t value)
{
    struct frame *frame = value ? used_frame(machine, (value & PTE_ADDR) >> PAGE_SHIFT) : NULL;

    if (value && !frame)
        return false;
    if (frame)
        frame->shown++;
    if (entry->value)
        machine->frames[(entry->value & PTE_ADDR) >> PAGE_SHIFT].shown--;
    entry->value = value;
    entry->last = machine->events;
    return true;
}

static bool apply_table_copy(struct machine *machine, const uint64_t *w)
{
    struct frame *copy = used_table(machine, w[0]), *source = used_table(machine, w[1]);

    if (!copy || !source)
        return false;
    if (w[2] == ROOT_LEVEL &&
        (!copy->vspace || !source->vspace || copy->vspace->parent != source->vspace->number))
        return fails(machine, "the roots are not those of a child and its parent");
    if (copy->level != w[2] || source->level != w[2] || w[3] > TABLE_ENTRIES)
        return fails(machine, "the tables are of level %u and %u", copy->level, source->level);
    for (unsigned n = 0; n < w[3]; n++) {
        struct entry *from = &source->entries[n], *to = &copy->entries[n];

        if (to->value)
            return fails(machine, "entry %u of the copy is not absent", n);
        if (!from->value)
            continue;
        if ((from->value & (PTE_WRITE | PTE_SHARED)) == PTE_WRITE) {
            from->value &= ~PTE_WRITE;
            from->last = machine->events;
        }
        if (!entry_change(machine, to, from->value))
            return false;
    }
    copy->last = source->last = machine->events;
    return true;
}

static bool apply_entry_set(struct machine *machine, const uint64_t *w)
{
    struct frame *table = used_table(machine, w[0]);

    if (!table)
        return false;
    if (w[1] >= TABLE_ENTRIES)
        return fails(machine, "a table has no entry %lu", w[1]);
    struct entry *entry = &table->entries[w[1]];
    if ((entry->value ^ w[2]) & PTE_SET_BY_US)
        return fails(machine, "the entry is %#lx before", entry->value);
    table->last = machine->events;
    return entry_change(machine, entry, w[3]);
}

/* ---- Address spaces ---- */

static struct vspace **chain_of(struct machine *machine, uint64_t tree)
{
    return &machine->by_tree[tree / 64 % TREE_CHAINS];
}

struct vspace *machine_vspace_of_tree(struct machine *machine, uint64_t tree)
{
    struct vspace *vspace = *chain_of(machine, tree);

    while (vspace && vspace->tree != tree)
        vspace = vspace->next;
    return vspace;
}

static struct vspace *vspace_of_tree(struct machine *machine, uint64_t tree)
{
    struct vspace *vspace = machine_vspace_of_tree(machine, tree);

    if (!vspace)
        fails(machine, "no address space has its regions at %#lx", tree);
    return vspace;
}

static bool apply_vspace_new(struct machine *machine, const uint64_t *w)
{
    struct frame *root = used_table(machine, w[3]);

    if (!root)
        return false;
    if (w[0] > machine->events || machine_vspace(machine, w[0]))
        return fails(machine, "the number is in use, or cannot be");
    if (root->level != ROOT_LEVEL || root->vspace)
        return fails(machine, "frame %#lx is no root of a new space", w[3]);
    while (w[0] >= machine->nvspaces) {
        uint64_t count = machine->nvspaces ? 2 * machine->nvspaces : 64;

        machine->vspaces = realloc(machine->vspaces, count * sizeof(struct vspace *));
        if (!machine->vspaces)
            abort();
        memset(machine->vspaces + machine->nvspaces, 0,
               (count - machine->nvspaces) * sizeof(struct vspace *));
        machine->nvspaces = count;
    }
    struct vspace *vspace = allocate(1, sizeof(*vspace));
    struct vspace **chain = chain_of(machine, w[2]);
    *vspace = (struct vspace){.number = w[0],
                              .address = w[1],
                              .tree = w[2],
                              .root = w[3],
                              .born = machine->events,
                              .last = machine->events,
                              .next = *chain};
    RB_INIT(&vspace->regions);
    *chain = machine->vspaces[w[0]] = root->vspace = vspace;
    return true;
}

static bool apply_vspace_fork(struct machine *machine, const uint64_t *w)
{
    struct vspace *child = live_vspace(machine, w[0]);

    if (!child || !live_vspace(machine, w[1]))
        return false;
    if (child->parent)
        return fails(machine, "the address space has a parent already");
    child->parent = w[1];
    return true;
}

static bool apply_vspace_end(struct machine *machine, const uint64_t *w)
{
    struct vspace *vspace = live_vspace(machine, w[0]);

    if (!vspace)
        return false;
    if (region_first(vspace))
        return fails(machine, "the address space still has regions");
    if (vspace->processes)
        return fails(machine, "%u processes live in the address space", vspace->processes);
    const struct frame *root = machine_frame(machine, vspace->root);
    if (root->vspace == vspace)
        return fails(machine, "the address space still has its root");
    struct vspace **at = chain_of(machine, vspace->tree);
    while (*at != vspace)
        at = &(*at)->next;
    *at = vspace->next;
    machine->vspaces[w[0]] = NULL;
    free(vspace);
    return true;
}

static struct region *find_region(struct machine *machine, struct vspace *vspace, uint64_t start)
{
    struct region key = {.start = start};
    struct region *region = RB_FIND(region_tree, &vspace->regions, &key);

    if (!region)
        fails(machine, "no region begins at %#lx", start);
    return region;
}

/* Returns false if the region has an object that no event has told. */
static bool check_object(struct machine *machine, const struct region *region)
{
    return !(region->attributes & EVENT_REGION_OBJECT) == !region->pager ||
           fails(machine, "the object of the region at %#lx is not known", region->start);
}

/* Returns false if the region would overlap its neighbours. */
static bool check_order(struct machine *machine, struct region *region)
{
    struct region *before = RB_PREV(region_tree, NULL, region), *after = region_next(region);

    if (region->start >= region->end || (before && before->end > region->start) ||
        (after && region->end > after->start))
        return fails(machine, "the region %#lx-%#lx is empty, or overlaps another", region->start,
                     region->end);
    return true;
}

static bool apply_region_map(struct machine *machine, const uint64_t *w)
{
    struct vspace *vspace = vspace_of_tree(machine, w[0]);

    if (!vspace)
        return false;
    struct region *region = allocate(1, sizeof(*region));
    *region = (struct region){.start = w[1],
                              .end = w[2],
                              .attributes = (uint32_t)w[3],
                              .page = w[4],
                              .last = machine->events};
    if (RB_INSERT(region_tree, &vspace->regions, region)) {
        free(region);
        return fails(machine, "a region begins at %#lx already", w[1]);
    }
    vspace->last = machine->events;
    return check_order(machine, region);
}

static bool apply_region_change(struct machine *machine, const uint64_t *w)
{
    struct vspace *vspace = vspace_of_tree(machine, w[0]);
    struct region *region = vspace ? find_region(machine, vspace, w[4]) : NULL;

    if (!region || !check_object(machine, region))
        return false;
    if (region->attributes != w[3] >> 32)
        return fails(machine, "the region has the attributes %#lx", region->attributes);
    RB_REMOVE(region_tree, &vspace->regions, region);
    if (region->pager)
        region->page += (int64_t)(w[1] - region->start) / (int64_t)(1 << PAGE_SHIFT);
    region->start = w[1];
    region->end = w[2];
    region->attributes = (uint32_t)w[3];
    region->last = vspace->last = machine->events;
    if (RB_INSERT(region_tree, &vspace->regions, region))
        return fails(machine, "a region begins at %#lx already", w[1]);
    return check_order(machine, region);
}

static bool apply_region_unmap(struct machine *machine, const uint64_t *w)
{
    struct vspace *vspace = vspace_of_tree(machine, w[0]);
    struct region *region = vspace ? find_region(machine, vspace, w[1]) : NULL;

    if (!region || !check_object(machine, region))
        return false;
    if (region->end != w[2] || region->attributes != w[3] >> 32)
        return fails(machine, "the region ends at %#lx, and has the attributes %#lx", region->end,
                     region->attributes);
    RB_REMOVE(region_tree, &vspace->regions, region);
    free(region);
    vspace->last = machine->events;
    return true;
}

static bool apply_region_object(struct machine *machine, const uint64_t *w)
{
    struct vspace *vspace = vspace_of_tree(machine, w[0]);
    struct region *region = vspace ? find_region(machine, vspace, w[1]) : NULL;

    if (!region)
        return false;
    if (region->pager || region->page != w[3])
        return fails(machine, "the region has page %#lx of the pager %#lx", region->page,
                     region->pager);
    region->pager = w[2];
    region->data_end = w[4];
    region->last = machine->events;
    return true;
}

/* ---- Faults and flushes ---- */

static struct fault *fault_of(struct machine *machine, const struct event *event)
{
    return event->thread ? &machine->threads[event->thread].fault
                         : &machine->cpus[event->cpu].fault;
}

static bool apply_fault_begin(struct machine *machine, const struct event *event)
{
    struct fault *fault = fault_of(machine, event);

    if (!live_vspace(machine, event->words[0]))
        return false;
    if (fault->is_open)
        return fails(machine, "the thread has a fault at %#lx already", fault->address);
    *fault = (struct fault){true, event->words[1], machine->events};
    return true;
}

static bool apply_fault_end(struct machine *machine, const struct event *event)
{
    struct fault *fault = fault_of(machine, event);

    if (!live_vspace(machine, event->words[0]))
        return false;
    if (!fault->is_open || fault->address != event->words[1])
        return fails(machine, "no fault of the thread there has begun");
    fault->is_open = false;
    return true;
}

static bool apply_tlb_flush(struct machine *machine, const uint64_t *w)
{
    struct frame *root = used_table(machine, w[1]);

    if (!root)
        return false;
    if (!root->vspace)
        return fails(machine, "frame %#lx is no root", w[1]);
    if (root->vspace->generation + 1 != w[0])
        return fails(machine, "the generation is %lu before", root->vspace->generation);
    root->vspace->generation++;
    return true;
}

/* A CPU that waits for answers runs the same thread until it has them. */
static bool waits_for_none(struct machine *machine, unsigned cpu)
{
    uint64_t asked = machine->cpus[cpu].asked;

    return !asked || fails(machine, "the CPUs %#lx have not answered yet", asked);
}

static bool apply_tlb_ask(struct machine *machine, const struct event *event)
{
    if (!waits_for_none(machine, event->cpu))
        return false;
    machine->cpus[event->cpu].asked = event->words[0];
    return true;
}

static bool apply_tlb_answer(struct machine *machine, const struct event *event)
{
    uint64_t asker = event->words[0], bit = 1ul << event->cpu;

    if (asker >= MAX_CPUS || !(machine->cpus[asker].asked & bit))
        return fails(machine, "CPU %lu has not asked CPU %u", asker, event->cpu);
    machine->cpus[asker].asked &= ~bit;
    return true;
}

/* ---- Processes and threads ---- */

#define INIT_PID 1

static struct process *live_process(struct machine *machine, uint64_t pid)
{
    if (pid < PIDS && machine->processes[pid].lives)
        return &machine->processes[pid];
    fails(machine, "there is no process %lu", pid);
    return NULL;
}

/* Lets a process leave its address space, and live in another one; 0: none. */
static bool change_space(struct machine *machine, struct process *process, uint64_t number)
{
    struct vspace *old = machine_vspace(machine, process->vspace);

    if (number && !live_vspace(machine, number))
        return false;
    if (old)
        old->processes--;
    if (number)
        machine->vspaces[number]->processes++;
    process->vspace = number;
    return true;
}

static bool apply_fork(struct machine *machine, const uint64_t *w)
{
    if (!live_process(machine, w[1]))
        return false;
    if (w[0] >= PIDS || machine->processes[w[0]].lives)
        return fails(machine, "there is a process %lu", w[0]);
    machine->processes[w[0]] = (struct process){.lives = true};
    memcpy(machine->processes[w[0]].name, machine->processes[w[1]].name, 17);
    return change_space(machine, &machine->processes[w[0]], w[2]);
}

static bool apply_exec(struct machine *machine, const uint64_t *w)
{
    struct process *process = live_process(machine, w[0]);

    if (!process)
        return false;
    if (process->threads != 1)
        return fails(machine, "the process has %u threads", process->threads);
    memcpy(process->name, &w[2], 16);
    return change_space(machine, process, w[1]);
}

static bool apply_exit(struct machine *machine, const uint64_t *w)
{
    struct process *process = live_process(machine, w[0]);

    if (!process)
        return false;
    if (process->threads)
        return fails(machine, "the process has %u threads", process->threads);
    process->lives = false;
    return change_space(machine, process, 0);
}

/* The first process has no fork. */
static bool apply_thread_start(struct machine *machine, const uint64_t *w)
{
    if (w[1] == INIT_PID)
        machine->processes[INIT_PID].lives = true;
    if (!live_process(machine, w[1]))
        return false;
    if (w[0] >= PIDS || machine->threads[w[0]].pid)
        return fails(machine, "there is a thread %lu", w[0]);
    machine->threads[w[0]] = (struct thread){.has_started = true, .pid = w[1]};
    machine->processes[w[1]].threads++;
    return true;
}

static bool apply_thread_end(struct machine *machine, const uint64_t *w)
{
    if (w[0] >= PIDS || machine->threads[w[0]].pid != (int64_t)w[1] || !w[1])
        return fails(machine, "process %lu has no thread %lu", w[1], w[0]);
    machine->threads[w[0]].pid = 0;
    machine->processes[w[1]].threads--;
    return true;
}

static bool apply_thread_rename(struct machine *machine, const uint64_t *w)
{
    if (w[0] >= PIDS || w[1] >= PIDS || !machine->threads[w[1]].pid || machine->threads[w[0]].pid)
        return fails(machine, "thread %lu cannot become %lu", w[1], w[0]);
    machine->threads[w[0]] = machine->threads[w[1]];
    machine->threads[w[1]].pid = 0;
    for (unsigned n = 0; n < MAX_CPUS; n++)
        if (machine->cpus[n].thread == w[1])
            machine->cpus[n].thread = w[0];
    return true;
}

static bool apply_switch(struct machine *machine, const struct event *event)
{
    if (event->words[0] != event->thread)
        return fails(machine, "CPU %u runs thread %u", event->cpu, event->thread);
    if (!waits_for_none(machine, event->cpu))
        return false;
    if (event->words[1] >= PIDS || !machine->threads[event->words[1]].has_started)
        return fails(machine, "there is no thread %lu", event->words[1]);
    if (event->words[2] && !used_table(machine, event->words[2]))
        return false;
    machine->cpus[event->cpu].thread = event->words[1];
    return true;
}

/* ---- All ---- */

static bool apply_kind(struct machine *machine, const struct event *event)
{
    const uint64_t *w = event->words;

    switch ((enum event_kind)event->kind) {
    case EVENT_memory:
        return apply_memory(machine, w);
    case EVENT_frames_added:
        return change_states(machine, w[0], w[1] - w[0], STATE_RESERVED, STATE_FREE);
    case EVENT_frame_alloc:
        return apply_frame_alloc(machine, w);
    case EVENT_frame_free:
        return apply_frame_free(machine, w);
    case EVENT_frame_get:
        return apply_count(machine, w, 1);
    case EVENT_frame_put:
        return apply_count(machine, w, -1);
    case EVENT_table_new:
        return apply_table_new(machine, w);
    case EVENT_table_copy:
        return apply_table_copy(machine, w);
    case EVENT_entry_set:
        return apply_entry_set(machine, w);
    case EVENT_vspace_new:
        return apply_vspace_new(machine, w);
    case EVENT_vspace_fork:
        return apply_vspace_fork(machine, w);
    case EVENT_vspace_end:
        return apply_vspace_end(machine, w);
    case EVENT_region_map:
        return apply_region_map(machine, w);
    case EVENT_region_change:
        return apply_region_change(machine, w);
    case EVENT_region_unmap:
        return apply_region_unmap(machine, w);
    case EVENT_region_object:
        return apply_region_object(machine, w);
    case EVENT_fault_begin:
        return apply_fault_begin(machine, event);
    case EVENT_fault_end:
        return apply_fault_end(machine, event);
    case EVENT_tlb_flush:
        return apply_tlb_flush(machine, w);
    case EVENT_tlb_ask:
        return apply_tlb_ask(machine, event);
    case EVENT_tlb_answer:
        return apply_tlb_answer(machine, event);
    case EVENT_fork:
        return apply_fork(machine, w);
    case EVENT_exec:
        return apply_exec(machine, w);
    case EVENT_exit:
        return apply_exit(machine, w);
    case EVENT_thread_start:
        return apply_thread_start(machine, w);
    case EVENT_thread_end:
        return apply_thread_end(machine, w);
    case EVENT_thread_rename:
        return apply_thread_rename(machine, w);
    case EVENT_switch:
        return apply_switch(machine, event);
    case EVENT_page_in:
    case EVENT_page_out:
        return used_frame(machine, w[2]);
    case EVENT_end:
        machine->has_ended = true;
        return waits_for_none(machine, event->cpu);
    case EVENT_none:
    case EVENT_KINDS:
        break;
    }
    return fails(machine, "there is no kind %u", event->kind);
}

/* Checks what all events have in common. */
static bool check_event(struct machine *machine, const struct event *event)
{
    if (event->seq != (uint32_t)machine->events)
        return fails(machine, "the event has the number %u", event->seq);
    if (machine->has_ended)
        return fails(machine, "the recording has ended before");
    if (event->cpu >= MAX_CPUS)
        return fails(machine, "there is no CPU %u", event->cpu);
    if (event->time < machine->cpus[event->cpu].time)
        return fails(machine, "the time of CPU %u goes back", event->cpu);
    if (event->thread != machine->cpus[event->cpu].thread)
        return fails(machine, "CPU %u runs thread %u, and not %u", event->cpu,
                     machine->cpus[event->cpu].thread, event->thread);
    machine->cpus[event->cpu].time = event->time;
    return true;
}

bool machine_apply(struct machine *machine, const struct event *event)
{
    if (!check_event(machine, event) || !apply_kind(machine, event))
        return false;
    machine->kinds[event->kind]++;
    machine->events++;
    return true;
}

#define EVENT_AS_NAMES(name, ...) {#name, {__VA_ARGS__}},
static const struct {
    const char *name, *words[EVENT_WORDS];
} names[EVENT_KINDS] = {{"none", {"", "", "", "", ""}}, EVENTS(EVENT_AS_NAMES)};

const char *event_name(unsigned kind)
{
    return kind < EVENT_KINDS ? names[kind].name : "?";
}

const char *event_word(unsigned kind, unsigned n)
{
    return kind < EVENT_KINDS && n < EVENT_WORDS ? names[kind].words[n] : "";
}

void event_text(uint64_t number, const struct event *event, char *buf, size_t size)
{
    int len = snprintf(buf, size, "%lu cpu %u tid %u %s", number, event->cpu, event->thread,
                       event_name(event->kind));

    for (unsigned n = 0; n < EVENT_WORDS && *event_word(event->kind, n); n++)
        if (len > 0 && (size_t)len < size)
            len += snprintf(buf + len, size - len, " %s=%#lx", event_word(event->kind, n),
                            event->words[n]);
}
