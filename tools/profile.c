/* A plugin of QEMU that counts instructions by address:

       -plugin build/profile.so,out=FILE,stubs=ADDRESS

   It counts from each RDTSC of a user program to the next, which is one window of vmbench
   (user/vmbench.c). Windows alternate with the code between them, which is not counted. The file
   gets, for each window, a line "window SUM", then a line "ADDRESS COUNT" for each instruction that
   was executed in it.

   QEMU calls us before each instruction. An instruction that faults is begun, but not executed, and
   QEMU's clock does not count it. The fault leads to an entry of the kernel, at ADDRESS + 16 for
   each vector (trap_stubs in kernel/arch/entry.S), and there we take the count back.

   The machine has one CPU, so no two calls come at once. The header of QEMU's plugins is packaged
   nowhere in Debian 12, so the few functions that are needed are declared here (QEMU 7.2,
   docs/devel/tcg-plugins.rst). */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT    __attribute__((visibility("default")))
#define USER_END  (1ull << 47)
#define STUB_SIZE 16         /* TRAP_STUB_SIZE (kernel/arch/offsets.h) */
#define SLOTS     (1u << 18) /* of the hash table; a power of two, far above what a run executes */

/* ---- What QEMU has ---- */

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*call)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*call)(unsigned cpu, void *arg), int flags,
                                            void *arg);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*call)(qemu_plugin_id_t, void *),
                                    void *arg);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/* ---- Counts ---- */

struct place {
    uint64_t address, count; /* in the current window */
    bool is_listed;          /* in `counted` */
    struct place *next;      /* in its slot */
    struct place *counted;   /* the next in `counted` */
};

static struct place *slots[SLOTS];
static struct place *counted; /* those of the current window, the latest first */
static struct place *last;    /* that of the latest instruction in the current window, or NULL */
static bool is_counting;
static uint64_t stubs; /* the kernel's entry for vector 0 */
static uint64_t sum;   /* of the current window */
static FILE *out;

static void fail(const char *what)
{
    fprintf(stderr, "profile: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Returns the place of an address; makes it if there is none. */
static struct place *place_of(uint64_t address)
{
    struct place **slot = &slots[(address * 0x9e3779b97f4a7c15ull) >> 46];

    for (struct place *place = *slot; place; place = place->next)
        if (place->address == address)
            return place;
    struct place *made = calloc(1, sizeof(*made));
    if (!made)
        fail("out of memory");
    made->address = address;
    made->next = *slot;
    return *slot = made;
}

static void instruction_runs(unsigned cpu, void *arg)
{
    struct place *place = arg;

    (void)cpu;
    if (!is_counting)
        return;
    sum++;
    place->count++;
    last = place;
    if (!place->is_listed) {
        place->is_listed = true;
        place->counted = counted;
        counted = place;
    }
}

/* Takes the latest count back: that instruction has faulted. Runs before instruction_runs. */
static void fault_begins(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (is_counting && last) {
        last->count--;
        sum--;
        last = NULL;
    }
}

/* Writes the current window to the file, and forgets its counts. */
static void window_end(void)
{
    fprintf(out, "window %" PRIu64 "\n", sum);
    for (struct place *place = counted; place; place = place->counted) {
        fprintf(out, "%" PRIx64 " %" PRIu64 "\n", place->address, place->count);
        place->count = 0;
        place->is_listed = false;
    }
    counted = last = NULL;
    sum = 0;
}

/* Runs after instruction_runs, so a window has its last RDTSC, but not its first. */
static void rdtsc_runs(unsigned cpu, void *arg)
{
    (void)cpu;
    (void)arg;
    if (is_counting)
        window_end();
    is_counting = !is_counting;
}

static bool is_rdtsc(const struct qemu_plugin_insn *insn)
{
    return qemu_plugin_insn_size(insn) == 2 && !memcmp(qemu_plugin_insn_data(insn), "\x0f\x31", 2);
}

/* Returns true if the kernel handles a fault from this address on. Vectors 1 to 4 are no faults
   here, but traps and the NMI (SDM 3A, table 6-1). */
static bool is_fault_entry(uint64_t address)
{
    uint64_t offset = address - stubs, vector = offset / STUB_SIZE;

    return offset % STUB_SIZE == 0 && vector < 32 && (vector < 1 || vector > 4);
}

/* Registers the calls for a block of code that QEMU is about to translate. */
static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t n = 0; n < qemu_plugin_tb_n_insns(tb); n++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
        uint64_t address = qemu_plugin_insn_vaddr(insn);

        if (is_fault_entry(address))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, fault_begins, 0, NULL);
        qemu_plugin_register_vcpu_insn_exec_cb(insn, instruction_runs, 0, place_of(address));
        if (address < USER_END && is_rdtsc(insn))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, rdtsc_runs, 0, NULL);
    }
}

static void machine_ends(qemu_plugin_id_t id, void *arg)
{
    (void)id;
    (void)arg;
    if (fclose(out))
        perror("profile");
}

/* ---- Entry ---- */

EXPORT int qemu_plugin_version = 1;

/* `info`, which describes the machine, is not used. Returns 0; else QEMU does not start. */
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc != 2 || strncmp(argv[0], "out=", 4) != 0 || strncmp(argv[1], "stubs=", 6) != 0) {
        fprintf(stderr, "profile: the arguments must be out=FILE,stubs=ADDRESS\n");
        return -1;
    }
    stubs = strtoull(argv[1] + 6, NULL, 0);
    out = fopen(argv[0] + 4, "w");
    if (!out) {
        perror(argv[0] + 4);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, machine_ends, NULL);
    return 0;
}
