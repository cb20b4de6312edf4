/* kernel/arch/boot.c with damaged information of a boot loader. It is refused in a sentence, or read
   as far as it is whole, and nothing beyond it is touched.

   The information lies at the end of the memory, so that the sanitizer sees each byte too far. The
   last test changes random bytes, with a seed: loader [SEED]. */
#include <arch/atomic.h>
#include "../../kernel/arch/boot.c"

#include <setjmp.h>
#include <stdarg.h>

int printf(const char *format, ...);
int snprintf(char *to, size_t size, const char *format, ...);
int vsnprintf(char *to, size_t size, const char *format, va_list args);
void abort(void);
unsigned alarm(unsigned seconds);
unsigned long strtoul(const char *text, char **end, int base);

char memory[MEMORY_SIZE] __aligned(4096);
char image_start[1], image_end[1];

static char said[256]; /* by the kernel */
static jmp_buf failed;

void printk(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
}

void boot_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
    longjmp(failed, 1);
}

void panic(const char *format, ...)
{
    printf("not ok - loader: panic: %s\n", format);
    abort();
}

size_t strlcpy(char *to, const char *from, size_t room)
{
    return snprintf(to, room, "%s", from);
}

void memory_missed(paddr_t addr)
{
    printf("not ok - loader: read at %#lx\n", addr);
    abort();
}

void kernel_main(void)
{
}

/* ---- The information ---- */

static char info[1 << 14];
static uint32_t size; /* of the information */

static void put(const void *bytes, uint32_t len)
{
    memcpy(info + size, bytes, len);
    size += len;
}

static void put_tag(uint32_t type, const void *bytes, uint32_t len)
{
    const struct multiboot2_tag tag = {type, sizeof(tag) + len};
    char zeros[8] = {0};

    put(&tag, sizeof(tag));
    put(bytes, len);
    put(zeros, round_up(size, 8) - size);
}

static void put_memmap(unsigned count, uint64_t start, uint64_t distance, uint64_t bytes)
{
    struct {
        uint32_t entry_size, version;
        struct multiboot2_memory entries[200];
    } map = {.entry_size = sizeof(struct multiboot2_memory)};

    for (unsigned i = 0; i < count; i++)
        map.entries[i] = (struct multiboot2_memory){start + i * distance, bytes, MEMORY_USABLE, 0};
    put_tag(MULTIBOOT2_TAG_MEMMAP, &map, 8 + count * sizeof(struct multiboot2_memory));
}

static void begin(void)
{
    size = 8;
}

static void end(void)
{
    put_tag(MULTIBOOT2_TAG_END, NULL, 0);
    memcpy(info, &size, sizeof(size));
}

static void make_good(void)
{
    const uint32_t module[2] = {0x200000, 0x300000};
    struct multiboot2_screen screen = {.width = 80, .height = 25, .type = MULTIBOOT2_SCREEN_TEXT};

    begin();
    put_tag(MULTIBOOT2_TAG_CMDLINE, "quiet", 6);
    put_tag(MULTIBOOT2_TAG_MODULE, module, sizeof(module));
    put_memmap(2, 0, 1 << 20, 1 << 20);
    put_tag(MULTIBOOT2_TAG_SCREEN, &screen.addr, MULTIBOOT2_SCREEN_MIN - 8);
    put_tag(MULTIBOOT2_TAG_RSDP, "RSD PTR 0123456789ab", 20);
    end();
}

/* Boots with the information. Returns true if boot_check accepts it. */
static bool boots_from(uint32_t magic, paddr_t addr)
{
    boot_info = (struct boot_info){0};
    ntaken = 0;
    problem = NULL;
    lost_bytes = 0;
    said[0] = '\0';
    boot_main(magic, addr);
    if (setjmp(failed))
        return false;
    boot_check();
    return true;
}

static bool boots(void)
{
    paddr_t addr = MEMORY_SIZE - round_up(size, 8);

    memcpy(memory + addr, info, size);
    return boots_from(MULTIBOOT2_MAGIC, addr);
}

/* ---- The tests ---- */

static int failures;

static void check(const char *what, bool is_true)
{
    printf("%s - loader: %s\n", is_true ? "ok" : "not ok", what);
    if (!is_true && said[0])
        printf("# %s\n", said);
    failures += !is_true;
}

static void test_good(void)
{
    make_good();
    check("good information is read",
          boots() && strcmp(boot_info.cmdline, "quiet") == 0 && boot_info.nram == 1 &&
              boot_info.max_addr == 2 << 20 && boot_info.initrd_end == 0x300000 &&
              boot_info.screen.kind == SCREEN_TEXT && boot_info.rsdp && said[0] == '\0');
}

/* Sets the size of the first tag. */
static bool boots_with_size(uint32_t tag_size)
{
    make_good();
    memcpy(info + 12, &tag_size, sizeof(tag_size));
    return boots();
}

static void test_sizes(void)
{
    bool accepts = false;

    for (uint32_t n = 0; n < 8; n++)
        accepts |= boots_with_size(n);
    check("a tag that is shorter than its head ends the boot", !accepts);
    check("a tag that is longer than the information ends the boot",
          !boots_with_size(UINT32_MAX) && !boots_with_size(size));
    begin();
    put_tag(MULTIBOOT2_TAG_MODULE, NULL, 0);
    end();
    check("a module without addresses ends the boot", !boots());
    begin();
    put_tag(MULTIBOOT2_TAG_MEMMAP, (uint32_t[4]){0}, 16);
    end();
    check("a memory map with entries of no size ends the boot", !boots());
    make_good();
    size -= 8;
    memcpy(info, &size, sizeof(size));
    check("information without an end ends the boot", !boots());
    begin();
    put_tag(MULTIBOOT2_TAG_CMDLINE, "no zero!", 8);
    end();
    check("a command line ends with its tag",
          boots() && strcmp(boot_info.cmdline, "no zero!") == 0);
}

static void test_ranges(void)
{
    begin();
    put_memmap(200, 1 << 20, 1 << 20, 1 << 20);
    end();
    check("two hundred ranges that touch are one",
          boots() && boot_info.nram == 1 && boot_info.ram[0].end == 201ul << 20 && !said[0]);
    begin();
    put_memmap(200, 1 << 20, 4 << 20, 1 << 20);
    end();
    check("memory that finds no place in the list is reported",
          boots() && boot_info.nram == MAX_BOOT_RANGES && strstr(said, "136 MiB"));
    begin();
    put_memmap(1, 1 << 20, 0, UINT64_MAX);
    end();
    check("a range without an end ends the boot", !boots());
}

static void test_pvh(void)
{
    const paddr_t at = 4096, map = 8192;
    struct pvh_info pvh = {.version = 1, .memmap = map, .nmemmap = UINT32_MAX};

    memcpy(memory + at, &pvh, sizeof(pvh));
    check("a memory map of 96 GiB ends the boot", !boots_from(PVH_MAGIC, at));
    pvh.nmemmap = 0;
    pvh.nmodules = 1;
    pvh.modules = map;
    memcpy(memory + at, &pvh, sizeof(pvh));
    memcpy(memory + map, &(struct pvh_module){.start = 8192, .size = -4096ul}, 32);
    check("a RAM disk that ends before it starts ends the boot", !boots_from(PVH_MAGIC, at));
}

/* Changes up to four bytes of good information. It is enough that the boot comes to an end. */
static void test_random(uint64_t seed)
{
    uint64_t state = seed;

    for (int run = 0; run < 20000; run++) {
        make_good();
        for (int n = 0; n < 4; n++) {
            state = state * 6364136223846793005ul + 1442695040888963407ul;
            info[4 + (state >> 40) % (size - 4)] = state >> 33;
        }
        (void)boots();
    }
    check("random changes do no harm", true);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;

    alarm(60); /* a loop without end is killed */
    test_good();
    test_sizes();
    test_ranges();
    test_pvh();
    test_random(seed);
    return failures != 0;
}
