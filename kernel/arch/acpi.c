/* ACPI: the CPUs and interrupt controllers of the machine, and how it is turned off.

       RSDP -> XSDT or RSDT -> MADT  local APICs, IOAPIC, how ISA lines differ from the usual
                            -> FADT  the power-management ports -> DSDT  the sleep type for S5
                            -> HPET  the address of the high-precision event timer

   The tables are read once, through device_map, because they may lie outside of the direct map. The
   DSDT is a program in AML. Instead of interpreting it, dsdt_read_s5 searches for the name _S5_ and
   reads the package behind it. A value that is not found keeps its traditional default.

   Firmware of different ages makes tables of different lengths. A table or an entry of one that is
   too short for its fields here is passed over. Source: ACPI specification 6.4, chapters 5.2 and
   20.2. */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/init.h>
#include <lib/string.h>
#include "acpi.h"

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision; /* 0: the struct ends behind `rsdt` */
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
} __packed;

struct table {
    char signature[4];
    uint32_t length; /* bytes, including this header */
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __packed;

struct fadt {
    struct table header;
    uint32_t facs, dsdt;
    uint8_t reserved, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
} __packed;

struct hpet {
    struct table header;
    uint32_t id;
    uint8_t space, bit_width, bit_offset, access_size; /* space 0: `addr` is in memory */
    uint64_t addr;
} __packed;

struct madt {
    struct table header;
    uint32_t lapic;
    uint32_t flags;
    uint8_t entries[];
} __packed;

struct madt_entry {
    uint8_t type, length;
    union {
        struct {
            uint8_t processor, apic_id;
            uint32_t flags;
        } __packed cpu;
        struct {
            uint8_t id, reserved;
            uint32_t addr, gsi;
        } __packed ioapic;
        struct {
            uint8_t bus, line;
            uint32_t gsi;
            uint16_t flags;
        } __packed override;
    };
} __packed;

#define MADT_CPU      0
#define MADT_IOAPIC   1
#define MADT_OVERRIDE 2

#define MADT_CPU_ENABLED 1

#define ACTIVE_LOW 3 /* bits 0-1 of an override's flags */
#define LEVEL      3 /* bits 2-3 */

#define S5_SLEEP_TYPE_GUESS 5

#define TABLES_MAX 256u       /* each takes room where devices are mapped */
#define TABLE_MAX  (2u << 20) /* a longer table is no table; the largest DSDTs have half of this */

struct acpi_info acpi = {
    .lapic = 0xfee00000,
    .ioapic = 0xfec00000,
    .ncpus = 1,
    .sleep_types = {S5_SLEEP_TYPE_GUESS, S5_SLEEP_TYPE_GUESS},
};

static bool checksum_is_right(const void *p, size_t len)
{
    const uint8_t *bytes = p;
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return sum == 0;
}

static const struct table *header_map(paddr_t addr)
{
    return device_map(addr, sizeof(struct table));
}

/* Maps the table at `addr`, which has this header. Returns NULL if it has another signature, fewer
   bytes than `min_length`, or a wrong checksum. */
static const struct table *table_map(paddr_t addr, const struct table *header,
                                     const char *signature, size_t min_length)
{
    uint32_t length = header->length;
    if (memcmp(header->signature, signature, sizeof header->signature) != 0 ||
        length < min_length || length > TABLE_MAX)
        return NULL;
    const struct table *table = device_map(addr, length);
    return checksum_is_right(table, length) ? table : NULL;
}

/* ---- MADT: CPUs and interrupt controllers ---- */

/* Returns true if the entry is long enough for a member of the union. */
#define entry_has(e, member) \
    ((e)->length >= offsetof(struct madt_entry, member) + sizeof((e)->member))

static void madt_read_cpu(const struct madt_entry *e)
{
    if ((e->cpu.flags & MADT_CPU_ENABLED) && acpi.ncpus < MAX_CPUS)
        acpi.apic_ids[acpi.ncpus++] = e->cpu.apic_id;
}

/* Only the first IOAPIC has the ISA lines. */
static void madt_read_ioapic(const struct madt_entry *e)
{
    if (e->ioapic.gsi != 0)
        return;
    acpi.ioapic = e->ioapic.addr;
    acpi.ioapic_gsi = e->ioapic.gsi;
}

static void madt_read_override(const struct madt_entry *e)
{
    if (e->override.line >= ISA_LINES)
        return;
    acpi.isa[e->override.line] = (struct isa_line){
        .gsi = e->override.gsi,
        .active_low = (e->override.flags & 3) == ACTIVE_LOW,
        .level = (e->override.flags >> 2 & 3) == LEVEL,
    };
}

static void madt_read_entry(const struct madt_entry *e)
{
    if (e->type == MADT_CPU && entry_has(e, cpu))
        madt_read_cpu(e);
    else if (e->type == MADT_IOAPIC && entry_has(e, ioapic))
        madt_read_ioapic(e);
    else if (e->type == MADT_OVERRIDE && entry_has(e, override))
        madt_read_override(e);
}

static void madt_read(const struct table *table)
{
    const struct madt *madt = (const struct madt *)table;

    acpi.lapic = madt->lapic;
    acpi.ncpus = 0;
    const uint8_t *end = (const uint8_t *)madt + madt->header.length;
    for (const uint8_t *p = madt->entries; end - p >= 2 && p[1] >= 2 && p[1] <= end - p; p += p[1])
        madt_read_entry((const struct madt_entry *)p);
}

/* ---- FADT and DSDT: turning the machine off ---- */

/* Reads a small integer in AML: a byte behind a prefix, or 0 or 1 as an opcode (ACPI 20.2.3).
   Returns the address behind it. */
static const uint8_t *aml_read_integer(const uint8_t *p, uint16_t *value)
{
    if (*p == 0x0a)
        p++;
    *value = *p;
    return p + 1;
}

/* Reads Name(_S5_, Package(n) { PM1a, PM1b, ... }), which is encoded as 08 "_S5_" 12 length n
   values (ACPI 7.4.2, 20.2.5). */
static void dsdt_read_s5(const struct table *dsdt)
{
    const uint8_t *end = (const uint8_t *)dsdt + dsdt->length;
    for (const uint8_t *p = (const uint8_t *)(dsdt + 1); p + 16 < end; p++) {
        if (memcmp(p, "_S5_\x12", 5) != 0)
            continue;
        p += 5;
        p += (*p >> 6) + 2; /* skips the bytes of the length, and n */
        p = aml_read_integer(p, &acpi.sleep_types[0]);
        aml_read_integer(p, &acpi.sleep_types[1]);
        return;
    }
}

static void fadt_read(const struct table *table)
{
    const struct fadt *fadt = (const struct fadt *)table;

    acpi.pm1a_control = fadt->pm1a_control;
    acpi.pm1b_control = fadt->pm1b_control;
    acpi.smi_command = fadt->smi_command;
    acpi.acpi_enable = fadt->acpi_enable;
    acpi.pm_timer = fadt->pm_timer;
    const struct table *dsdt =
        table_map(fadt->dsdt, header_map(fadt->dsdt), "DSDT", sizeof(struct table));
    if (dsdt)
        dsdt_read_s5(dsdt);
}

static void hpet_read(const struct table *table)
{
    const struct hpet *hpet = (const struct hpet *)table;

    if (hpet->space == 0)
        acpi.hpet = hpet->addr;
}

static const struct {
    const char *signature;
    size_t min_length; /* the fields that every version of the table has, and that are read here */
    void (*read)(const struct table *table);
} kinds[] = {
    {"APIC", sizeof(struct madt), madt_read},
    {"FACP", sizeof(struct fadt), fadt_read},
    {"HPET", sizeof(struct hpet), hpet_read},
};

static void table_read(paddr_t addr)
{
    const struct table *header = header_map(addr);

    for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
        const struct table *table =
            table_map(addr, header, kinds[n].signature, kinds[n].min_length);
        if (table)
            kinds[n].read(table);
    }
}

/* Reads the tables that the root table lists, with addresses of 4 bytes (RSDT) or 8 (XSDT). */
static void root_read(const struct table *root, size_t entry_size)
{
    size_t end = min(root->length, sizeof *root + TABLES_MAX * entry_size);

    for (size_t at = sizeof *root; at + entry_size <= end; at += entry_size) {
        paddr_t addr = 0;
        memcpy(&addr, (const uint8_t *)root + at, entry_size);
        table_read(addr);
    }
}

static void rsdp_read(const struct rsdp *rsdp)
{
    bool has_xsdt = rsdp->revision >= 2 && rsdp->length >= sizeof *rsdp && rsdp->xsdt;
    paddr_t addr = has_xsdt ? rsdp->xsdt : rsdp->rsdt;
    const struct table *root =
        table_map(addr, header_map(addr), has_xsdt ? "XSDT" : "RSDT", sizeof *root);
    if (root)
        root_read(root, has_xsdt ? 8 : 4);
}

void acpi_init(void)
{
    for (unsigned line = 0; line < ISA_LINES; line++)
        acpi.isa[line].gsi = line;
    if (boot_info.rsdp)
        rsdp_read(device_map(boot_info.rsdp, sizeof(struct rsdp)));
    else
        printk("acpi: no tables found, assuming a legacy PC\n");
}
