/* The actions of signals: what a process, or several that share them (CLONE_SIGHAND), does about
   each.

   Lock: signal_actions.lock (RANK_ACTIONS), inside signals.lock of a process. The functions take
   it. */

#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "signal_set.h"

struct signal_actions {
    unsigned users;                        /* atomic: processes, zombies included */
    struct spinlock lock;                  /* RANK_ACTIONS */
    struct signal_action actions[SIGNALS]; /* (lock) [signo - 1]; action_handler reads without */
};

/* Makes actions whose contents the caller fills in. */
static struct signal_actions *actions_alloc(void)
{
    struct signal_actions *actions = heap_alloc(sizeof(*actions));

    if (!actions)
        return NULL;
    spin_init(&actions->lock, RANK_ACTIONS);
    actions->users = 1;
    return actions;
}

struct signal_actions *actions_create(void)
{
    struct signal_actions *actions = actions_alloc();

    if (actions)
        memset(actions->actions, 0, sizeof(actions->actions));
    return actions;
}

struct signal_actions *actions_clone(struct signal_actions *from)
{
    struct signal_actions *clone = actions_alloc();

    if (clone)
        actions_copy(clone, from);
    return clone;
}

void actions_copy(struct signal_actions *to, struct signal_actions *from)
{
    spin_lock(&from->lock);
    memcpy(to->actions, from->actions, sizeof(to->actions));
    spin_unlock(&from->lock);
}

void actions_share(struct signal_actions *actions)
{
    atomic_add_fetch(&actions->users, 1u);
}

bool actions_are_shared(const struct signal_actions *actions)
{
    return atomic_load(&actions->users) > 1;
}

void actions_put(struct signal_actions *actions)
{
    if (actions && atomic_sub_fetch(&actions->users, 1u) == 0)
        heap_free(actions);
}

void actions_reset(struct signal_actions *actions)
{
    spin_lock(&actions->lock);
    for (unsigned n = 0; n < SIGNALS; n++) {
        bool is_ignored = actions->actions[n].handler == (uaddr_t)SIG_IGN;

        /* Flags, mask and restorer belong to the old program. */
        actions->actions[n] =
            (struct signal_action){.handler = (uaddr_t)(is_ignored ? SIG_IGN : SIG_DFL)};
    }
    spin_unlock(&actions->lock);
}

struct signal_action action_get(struct signal_actions *actions, int signo)
{
    assert(is_signal(signo));
    spin_lock(&actions->lock);
    struct signal_action action = actions->actions[signo - 1];
    spin_unlock(&actions->lock);
    return action;
}

uaddr_t action_handler(struct signal_actions *actions, int signo)
{
    assert(is_signal(signo));
    return atomic_load_relaxed(&actions->actions[signo - 1].handler);
}

void action_set(struct signal_actions *actions, int signo, const struct signal_action *action)
{
    assert(is_signal(signo));
    spin_lock(&actions->lock);
    actions->actions[signo - 1] = *action;
    spin_unlock(&actions->lock);
}

struct signal_action action_use(struct signal_actions *actions, int signo)
{
    struct signal_action *action = &actions->actions[signo - 1];

    assert(is_signal(signo));
    spin_lock(&actions->lock);
    struct signal_action used = *action;
    if (has_handler(action) && (action->flags & SA_RESETHAND))
        action->handler = (uaddr_t)SIG_DFL;
    spin_unlock(&actions->lock);
    return used;
}
