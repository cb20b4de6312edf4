/* kernel/arch/acpi.c with damaged ACPI tables. What is whole is read, the rest keeps its default, and
   nothing beyond the end of a table is touched.

   device_map returns a copy of the bytes that the kernel asks for, so the sanitizer sees each byte
   too far. The last test changes random bytes, with a seed: tables [SEED]. */
#include <arch/page.h>
#include "../../kernel/arch/acpi.c"

int printf(const char *format, ...);
void abort(void);
void *calloc(size_t count, size_t size);
void free(void *memory);
unsigned alarm(unsigned seconds);
unsigned long strtoul(const char *text, char **end, int base);

#define AT_RSDP 0x1000u
#define AT_ROOT 0x2000u
#define AT_MADT 0x3000u
#define AT_FADT 0x4000u
#define AT_HPET 0x5000u
#define AT_DSDT 0x6000u

char memory[MEMORY_SIZE] __aligned(4096);
struct boot_info boot_info = {.rsdp = AT_RSDP};

void printk(const char *format __unused, ...)
{
}

void memory_missed(paddr_t addr)
{
    printf("not ok - tables: read at %#lx\n", addr);
    abort();
}

/* ---- Mapping ---- */

static void *copies[4096];
static unsigned ncopies;

/* Where no memory is, all bytes are zeros. */
void *device_map(paddr_t addr, size_t size)
{
    char *copy = calloc(1, size);

    if (!copy || ncopies == ARRAY_SIZE(copies)) {
        printf("not ok - tables: %u mappings\n", ncopies);
        abort();
    }
    copies[ncopies++] = copy;
    if (addr < MEMORY_SIZE && size <= MEMORY_SIZE - addr)
        memcpy(copy, memory + addr, size);
    return copy;
}

/* ---- The tables ---- */

static const uint32_t all[] = {AT_ROOT, AT_MADT, AT_FADT, AT_HPET, AT_DSDT};

static void checksum_set(uint32_t at)
{
    struct table *table = (struct table *)(memory + at);
    uint8_t sum = 0;

    table->checksum = 0;
    for (uint32_t n = 0; n < table->length && n < MEMORY_SIZE - at; n++)
        sum += memory[at + n];
    table->checksum = -sum;
}

/* Makes a table of a header and `len` bytes. */
static void put_table(uint32_t at, const char *signature, const void *bytes, uint32_t len)
{
    struct table *table = (struct table *)(memory + at);

    memset(table, 0, PAGE_SIZE);
    memcpy(table->signature, signature, sizeof(table->signature));
    table->length = sizeof(*table) + len;
    memcpy(table + 1, bytes, len);
    checksum_set(at);
}

static void put_fadt(void)
{
    struct fadt fadt = {.dsdt = AT_DSDT, .pm1a_control = 0x604, .pm_timer = 0x608};

    put_table(AT_FADT, "FACP", (const char *)&fadt + sizeof(struct table),
              sizeof(fadt) - sizeof(struct table));
}

static void put_madt(void)
{
    /* The local APICs; two CPUs, of which one is disabled, and one; an IOAPIC; line 0. */
    static const uint8_t entries[] = {0, 0, 0xe0, 0xfe, 1, 0,  0, 0, 0, 8, 0,    0,    1, 0,
                                      0, 0, 0,    8,    1, 1,  0, 0, 0, 0, 0,    8,    2, 2,
                                      1, 0, 0,    0,    1, 12, 0, 0, 0, 0, 0xc1, 0xfe, 0, 0,
                                      0, 0, 2,    10,   0, 0,  2, 0, 0, 0, 15,   0};

    put_table(AT_MADT, "APIC", entries, sizeof(entries));
}

static void make_good(void)
{
    const uint32_t root[] = {AT_MADT, AT_FADT, AT_HPET};
    const struct rsdp rsdp = {.signature = "RSD PTR ", .rsdt = AT_ROOT};
    struct hpet hpet = {.addr = 0xfed00000};

    memcpy(memory + AT_RSDP, &rsdp, sizeof(rsdp));
    put_table(AT_ROOT, "RSDT", root, sizeof(root));
    put_madt();
    put_fadt();
    put_table(AT_HPET, "HPET", (const char *)&hpet + sizeof(struct table),
              sizeof(hpet) - sizeof(struct table));
    put_table(AT_DSDT, "DSDT", "\x08_S5_\x12\x06\x04\x0a\x03\x0a\x02\0\0\0\0\0\0\0\0", 20);
}

static void read_tables(void)
{
    acpi = (struct acpi_info){.lapic = 1, .ioapic = 1, .ncpus = 1, .sleep_types = {5, 5}};
    acpi_init();
    while (ncopies > 0)
        free(copies[--ncopies]);
}

/* Reads the tables after one has lost its end. */
static void read_cut(uint32_t at, uint32_t length)
{
    make_good();
    ((struct table *)(memory + at))->length = length;
    checksum_set(at);
    read_tables();
}

/* ---- The tests ---- */

static int failures;

static void check(const char *what, bool is_true)
{
    printf("%s - tables: %s\n", is_true ? "ok" : "not ok", what);
    failures += !is_true;
}

static bool fadt_is_read(void)
{
    return acpi.pm1a_control == 0x604 && acpi.pm_timer == 0x608 && acpi.sleep_types[0] == 3 &&
           acpi.sleep_types[1] == 2;
}

static bool fadt_is_default(void)
{
    return !acpi.pm1a_control && !acpi.pm_timer && acpi.sleep_types[0] == 5;
}

static void test_good(void)
{
    make_good();
    read_tables();
    check("good tables are read", fadt_is_read() && acpi.lapic == 0xfee00000 &&
                                      acpi.ioapic == 0xfec10000 && acpi.ncpus == 2 &&
                                      acpi.apic_ids[1] == 2 && acpi.isa[0].gsi == 2 &&
                                      acpi.isa[1].gsi == 1 && acpi.hpet == 0xfed00000);
}

static void test_short(void)
{
    bool is_default = true;

    for (uint32_t length = 0; length < sizeof(struct fadt); length++) {
        read_cut(AT_FADT, length);
        is_default &= fadt_is_default() && acpi.ncpus == 2;
    }
    check("of a FADT that is too short, nothing is read", is_default);
    for (uint32_t length = 0; length < sizeof(struct hpet); length++) {
        read_cut(AT_HPET, length);
        is_default &= !acpi.hpet && fadt_is_read();
    }
    check("of an HPET table that is too short, nothing is read", is_default);
    for (uint32_t length = 0; length < sizeof(struct madt); length++) {
        read_cut(AT_MADT, length);
        is_default &= acpi.lapic == 1 && acpi.ncpus == 1;
    }
    check("of a MADT that is too short, nothing is read", is_default);
}

static void test_entries(void)
{
    read_cut(AT_MADT, sizeof(struct madt) + 8 + 8 + 7);
    check("an entry that goes beyond the end of the MADT is passed over",
          acpi.ncpus == 1 && acpi.ioapic == 1);
    make_good();
    memory[AT_MADT + sizeof(struct madt) + 24 + 1] = 4; /* what follows is not an entry */
    checksum_set(AT_MADT);
    read_tables();
    check("an entry that is too short for its type is passed over",
          acpi.ncpus == 2 && acpi.ioapic == 1);
}

static void test_others(void)
{
    make_good();
    memory[AT_FADT + 50]++;
    read_tables();
    check("a table with a wrong checksum is passed over", fadt_is_default() && acpi.hpet);
    make_good();
    memcpy(memory + AT_DSDT, "SSDT", 4);
    checksum_set(AT_DSDT);
    read_tables();
    check("a DSDT of another name is passed over", acpi.sleep_types[0] == 5 && acpi.pm_timer);
    for (uint32_t length = sizeof(struct table); length < sizeof(struct table) + 20; length++)
        read_cut(AT_DSDT, length);
    check("of a DSDT that is cut, nothing beyond its end is read", true);
    for (uint32_t length = 0; length < sizeof(struct table) + 12; length++)
        read_cut(AT_ROOT, length);
    check("of a root table that is cut, nothing beyond its end is read", acpi.hpet == 0);
}

/* Changes up to four bytes of good tables, and corrects the checksums. It is enough that the reader
   comes to an end. */
static void test_random(uint64_t seed)
{
    uint64_t state = seed;

    for (int run = 0; run < 5000; run++) {
        make_good();
        for (int n = 0; n < 4; n++) {
            state = state * 6364136223846793005ul + 1442695040888963407ul;
            memory[all[(state >> 60) % ARRAY_SIZE(all)] + (state >> 40) % 128] = state >> 33;
        }
        for (size_t n = 0; n < ARRAY_SIZE(all); n++)
            checksum_set(all[n]);
        read_tables();
    }
    check("random changes do no harm", true);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;

    alarm(60); /* a loop without end is killed */
    test_good();
    test_short();
    test_entries();
    test_others();
    test_random(seed);
    return failures != 0;
}
