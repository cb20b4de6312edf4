/* Which processes are in a group, and which in a session.

   A group is a number that its members have in common, and lasts as long as it has members; so does
   a session. Two trees hold all processes: one in the order of groups, one in that of sessions.
   The members stand side by side there, so to visit them costs as much as there are of them,
   however many other processes there are. Nothing is allocated, so no change of a group can fail.

   Always true: a process is in both trees from process_link to process_unlink, so also as a zombie.

   Lock: the tree lock. */

#include <lib/panic.h>
#include <proc/group.h>
#include <proc/process.h>

static int number_compare(int a, int b)
{
    return (a > b) - (a < b);
}

static int group_compare(const struct process *a, const struct process *b)
{
    int order = number_compare(a->pgid, b->pgid);

    return order ? order : number_compare(a->pid, b->pid);
}

static int session_compare(const struct process *a, const struct process *b)
{
    int order = number_compare(a->sid, b->sid);

    return order ? order : number_compare(a->pid, b->pid);
}

RB_HEAD(group_tree, process);
RB_GENERATE_STATIC(group_tree, process, by_group, group_compare)
RB_HEAD(session_tree, process);
RB_GENERATE_STATIC(session_tree, process, by_session, session_compare)

static struct group_tree groups = RB_INITIALIZER(groups);       /* (t) */
static struct session_tree sessions = RB_INITIALIZER(sessions); /* (t) */

void group_join(struct process *process, int pgid, int sid)
{
    assert(mutex_is_held(&process_tree_lock));
    process->pgid = pgid;
    process->sid = sid;
    RB_INSERT(group_tree, &groups, process);
    RB_INSERT(session_tree, &sessions, process);
}

void group_leave(struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    RB_REMOVE(group_tree, &groups, process);
    RB_REMOVE(session_tree, &sessions, process);
}

void group_move(struct process *process, int pgid, int sid)
{
    group_leave(process);
    group_join(process, pgid, sid);
}

struct process *group_first(int pgid)
{
    struct process key = {.pgid = pgid};

    assert(mutex_is_held(&process_tree_lock));
    struct process *member = RB_NFIND(group_tree, &groups, &key);
    return member && member->pgid == pgid ? member : NULL;
}

struct process *group_next(struct process *member)
{
    struct process *next = RB_NEXT(group_tree, &groups, member);

    return next && next->pgid == member->pgid ? next : NULL;
}

struct process *session_first(int sid)
{
    struct process key = {.sid = sid};

    assert(mutex_is_held(&process_tree_lock));
    struct process *member = RB_NFIND(session_tree, &sessions, &key);
    return member && member->sid == sid ? member : NULL;
}

struct process *session_next(struct process *member)
{
    struct process *next = RB_NEXT(session_tree, &sessions, member);

    return next && next->sid == member->sid ? next : NULL;
}

bool is_group_or_session(int id)
{
    return group_first(id) || session_first(id);
}

unsigned process_group_each(int pgid, void (*each)(struct process *process, const void *arg),
                            const void *arg)
{
    unsigned count = 0;

    for (struct process *member = group_first(pgid); member; member = group_next(member)) {
        if (!member->zombie)
            each(member, arg);
        count++;
    }
    return count;
}
