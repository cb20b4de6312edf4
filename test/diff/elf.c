/* Odd ELF files, and what a program sees that was loaded from one.

   A case begins with a sound image of three segments. Each step changes it: headers, addresses,
   sizes, alignment, order, length of the file. The last step runs it in a child, and says either
   the error of execve or how the program ended, and what the program has seen: the bytes of its
   segments, the rights of its pages, and the auxiliary vector.

   The image's code is the payload below. It writes what it sees to descriptors 1 to 4, and exits
   with 42. An address is said from the bias on, which the kernel chooses for ET_DYN. */
#include "generator.h"

#include <elf.h>
#include <stdlib.h>

enum {
    STEPS = 5,
    FILE_MAX = 1 << 17,
    SEGMENTS = 3, /* of the sound image */
    HEADERS_MAX = 1300,
    RANGES_MAX = 16, /* that the payload shows */
    DUMPED_MAX = 64 * 4096,
    PAYLOAD_AT = 0x400,
    EXIT_STATUS = 42,
};

#define BASE 0x400000ul

/* The payload. `self` is the address at which it should be without a bias. The ranges end with one
   of length 0. */
extern uint8_t payload[], payload_end[];
__asm__(".data\n"
        "payload:\n"
        "mov %rsp, %r15\n"
        "lea payload(%rip), %r13\n"
        "sub payload_self(%rip), %r13\n"
        "push %r13\n"
        "mov $2, %edi; mov %rsp, %rsi; mov $8, %edx; mov $1, %eax; syscall\n"
        "mov $64, %ebx; mov %r15, %rsi\n" /* 64 words of the stack, one by one: it may end before */
        "0: mov $4, %edi; mov $8, %edx; mov $1, %eax; syscall\n"
        "add $8, %rsi; dec %ebx; jnz 0b\n"
        "lea payload_ranges(%rip), %r12\n"
        "1: mov (%r12), %rsi; mov 8(%r12), %rdx; test %rdx, %rdx; jz 2f\n"
        "add %r13, %rsi\n"
        "mov $1, %edi; mov $1, %eax; syscall\n"
        "push %rax\n"
        "mov $2, %edi; mov %rsp, %rsi; mov $8, %edx; mov $1, %eax; syscall\n"
        "add $16, %r12; jmp 1b\n"
        "2: lea payload_path(%rip), %rdi; xor %esi, %esi; mov $2, %eax; syscall\n"
        "mov %eax, %ebx\n"
        "sub $4096, %rsp\n"
        "3: mov %ebx, %edi; mov %rsp, %rsi; mov $4096, %edx; xor %eax, %eax; syscall\n"
        "test %rax, %rax; jle 4f\n"
        "mov $3, %edi; mov %rsp, %rsi; mov %rax, %rdx; mov $1, %eax; syscall\n"
        "jmp 3b\n"
        "4: mov $42, %edi; mov $231, %eax; syscall\n"
        "payload_path: .asciz \"/proc/self/maps\"\n"
        ".balign 8\n"
        "payload_self: .quad 0\n"
        "payload_ranges: .fill 2 * 17, 8, 0\n"
        "payload_end:\n"
        ".text\n");
extern uint64_t payload_self, payload_ranges[2 * (RANGES_MAX + 1)];

static struct {
    uint8_t bytes[FILE_MAX];
    size_t len;
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS_MAX];
    unsigned count; /* of segments that are written */
    const char *interpreter;
} image;

static void make_sound(void)
{
    static const Elf64_Phdr segments[SEGMENTS] = {
        {PT_LOAD, PF_R | PF_X, 0, BASE, BASE, 0x1234, 0x1234, PAGE},
        {PT_LOAD, PF_R, 0x2000, BASE + 0x2000, BASE + 0x2000, 0x800, 0x800, PAGE},
        {PT_LOAD, PF_R | PF_W, 0x3100, BASE + 0x4100, BASE + 0x4100, 0x1200, 0x3400, PAGE},
    };

    for (size_t i = 0; i < FILE_MAX; i++)
        image.bytes[i] = i * 13 + i / PAGE * 7 + 1;
    image.len = 0x5000;
    image.count = SEGMENTS;
    image.interpreter = NULL;
    memcpy(image.segments, segments, sizeof(segments));
    image.header = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = BASE + PAYLOAD_AT,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = SEGMENTS,
    };
}

/* Changes. */

static Elf64_Phdr *any_segment(void)
{
    unsigned n = random_to(image.count < 6 ? image.count : 6);

    say("%u ", n);
    return &image.segments[n];
}

static void change_offset(void)
{
    static const uint64_t odd[] = {1, 8, 0x123, 0x800, 0xfff, PAGE, 2 * PAGE, -PAGE, -1ul};
    Elf64_Phdr *segment = any_segment();
    uint64_t by = ANY_OF(odd);

    say("moved by %#lx", by);
    segment->p_offset += by;
    if (one_in(4))
        say(" in the file");
    else
        segment->p_vaddr += by;
}

static void change_address(void)
{
    static const uint64_t odd[] = {0,
                                   PAGE,
                                   0x10000,
                                   0x7f0000,
                                   1ul << 32,
                                   1ul << 44,
                                   1ul << 47,
                                   (1ul << 47) - PAGE,
                                   -PAGE,
                                   1ul << 63,
                                   BASE,
                                   BASE + PAGE,
                                   BASE + 0x2000,
                                   BASE + 0x4100,
                                   BASE - PAGE,
                                   BASE + 0x200000};
    Elf64_Phdr *segment = any_segment();

    segment->p_vaddr = ANY_OF(odd) + (one_in(2) ? segment->p_offset % PAGE : random_to(PAGE));
    /* Linux may refuse what lies below vm.mmap_min_addr, and Pagoda the first 64 KiB. */
    if (segment->p_vaddr < 0x10000)
        segment->p_vaddr += 0x20000;
    say("is at %#lx", segment->p_vaddr);
}

static void change_size(void)
{
    static const uint64_t odd[] = {0,      1,      0x10,   0xfff,   PAGE,      0x1001, 2 * PAGE,
                                   0x4fff, 0x5000, 0x8000, 0x20000, 1ul << 47, -1ul,   1ul << 63};
    Elf64_Phdr *segment = any_segment();
    unsigned which = random_to(4);

    if (which != 1)
        segment->p_filesz = ANY_OF(odd);
    if (which != 0)
        segment->p_memsz = which == 2 ? segment->p_filesz + random_to(3 * PAGE) : ANY_OF(odd);
    say("has size %#lx, %#lx", segment->p_filesz, segment->p_memsz);
}

static void change_flags(void)
{
    Elf64_Phdr *segment = any_segment();

    segment->p_flags = random_to(8) | (one_in(8) ? 0xff0 : 0);
    say("has flags %#x", segment->p_flags);
}

static void change_type(void)
{
    static const uint32_t types[] = {PT_NULL,      PT_LOAD,         PT_DYNAMIC, PT_NOTE,
                                     PT_SHLIB,     PT_PHDR,         PT_TLS,     PT_GNU_STACK,
                                     PT_GNU_RELRO, PT_GNU_PROPERTY, 0x12345678};
    Elf64_Phdr *segment = any_segment();

    segment->p_type = ANY_OF(types);
    say("has type %#x", segment->p_type);
}

static void change_alignment(void)
{
    static const uint64_t odd[] = {0, 1, 3, 16, 0x1234, 0x2000, 0x10000, 0x200000, 1ul << 30, -1ul};
    Elf64_Phdr *segment = any_segment();

    segment->p_align = ANY_OF(odd);
    say("has alignment %#lx", segment->p_align);
}

static void change_order(void)
{
    Elf64_Phdr *one = any_segment(), *two = any_segment(), kept = *one;

    say("are exchanged");
    *one = *two;
    *two = kept;
}

static void change_header(void)
{
    Elf64_Ehdr *header = &image.header;
    static const uint16_t types[] = {ET_NONE, ET_REL, ET_CORE, 0xffff, ET_DYN, ET_DYN};
    static const uint16_t machines[] = {EM_386, EM_NONE, EM_AARCH64, 0xffff};
    static const uint16_t sizes[] = {0, 1, 32, 55, 57, 64, 112, 0xffff};
    static const uint16_t counts[] = {0, 1, 2, 4, 63, 64, 65, 100, 1170, 1171, 0xffff};
    static const uint64_t offsets[] = {0,      1,      63,        65,        0x1000,
                                       0x4fff, 0x5000, 1ul << 40, 1ul << 63, -1ul};
    unsigned n;

    switch (random_to(7)) {
    case 0:
        header->e_type = ANY_OF(types);
        say("type %u", header->e_type);
        break;
    case 1:
        header->e_machine = ANY_OF(machines);
        say("machine %u", header->e_machine);
        break;
    case 2:
        header->e_phentsize = ANY_OF(sizes);
        say("size of headers %u", header->e_phentsize);
        break;
    case 3:
        header->e_phnum = ANY_OF(counts);
        say("number of headers %u", header->e_phnum);
        break;
    case 4:
        header->e_phoff = ANY_OF(offsets);
        say("offset of headers %#lx", header->e_phoff);
        break;
    case 5:
        n = random_to(EI_NIDENT);
        header->e_ident[n] = random_to(4) * random_to(100);
        say("byte %u is %u", n, header->e_ident[n]);
        break;
    default:
        header->e_version = random_to(3);
        header->e_flags = random_word();
        header->e_shnum = header->e_shentsize = header->e_ehsize = 0xffff;
        say("version %u, flags %#x", header->e_version, header->e_flags);
    }
}

static void change_entry(void)
{
    static const uint64_t odd[] = {
        0, 1, BASE, BASE + PAYLOAD_AT + 0x100000, BASE + 0x4100, 1ul << 47, -1ul, BASE + 0x10000};

    image.header.e_entry = ANY_OF(odd);
    say("entry %#lx", image.header.e_entry);
}

static void change_length(void)
{
    static const size_t odd[] = {0, 1, 4, 63, 64, 120, 232, 0x3ff, 0x1000, 0x2000, 0x3100, 0x4000};

    image.len = one_in(2) ? ANY_OF(odd) : random_to(0x6000);
    say("length %#zx", image.len);
}

/* Makes it position independent, at addresses from 0 or another on. */
static void change_to_dyn(void)
{
    static const uint64_t bases[] = {0, 0, PAGE, 0x3000, 0x200000, BASE, 1ul << 30, 0x10000000000};
    uint64_t base = ANY_OF(bases);

    image.header.e_type = ET_DYN;
    for (unsigned i = 0; i < image.count; i++)
        image.segments[i].p_vaddr += base - BASE;
    image.header.e_entry += base - BASE;
    say("position independent from %#lx on", base);
}

/* Adds segments, and moves the headers to the end of the file. */
static void change_count(void)
{
    static const unsigned counts[] = {1, 2, 5, 60, 61, 62, 200, 1000, 1167, 1168};
    unsigned more = ANY_OF(counts);
    static const uint32_t types[] = {PT_NULL, PT_NOTE, PT_LOAD, PT_GNU_STACK};
    uint32_t type = ANY_OF(types);

    for (unsigned i = 0; i < more && image.count < HEADERS_MAX; i++) {
        uint64_t at = 0x1000000 + i * 2 * PAGE;
        image.segments[image.count++] =
            (Elf64_Phdr){type, PF_R, 0x1000, at, at, 0x100, 0x100, PAGE};
    }
    image.header.e_phnum = image.count;
    image.header.e_phoff = image.len = 0x6000;
    image.len += image.count * sizeof(Elf64_Phdr);
    say("%u more of type %#x", more, type);
}

/* An interpreter that is not there, is a directory, has no end, or is this image. */
static void change_interpreter(void)
{
    static const char *const names[] = {"nowhere", ".", "", "image", "/dev/null"};
    Elf64_Phdr *segment = any_segment();

    segment->p_type = PT_INTERP;
    image.interpreter = ANY_OF(names);
    segment->p_offset = 0x4800;
    segment->p_filesz = segment->p_memsz = strlen(image.interpreter) + !one_in(4);
    say("names the interpreter \"%s\" in %lu bytes", image.interpreter, segment->p_filesz);
}

static void (*const changes[])(void) = {
    change_offset, change_address, change_size,   change_size,      change_flags,
    change_type,   change_order,   change_header, change_entry,     change_length,
    change_to_dyn, change_to_dyn,  change_count,  change_alignment, change_interpreter,
};

/* Running it. */

static uint64_t lowest, highest; /* addresses of the segments, without the bias */

/* Asks the payload for the pages of every segment that is not too long. */
static void set_ranges(void)
{
    unsigned n = 0;

    lowest = -1ul;
    highest = 0;
    memset(payload_ranges, 0, sizeof(payload_ranges));
    for (unsigned i = 0; i < image.count; i++) {
        const Elf64_Phdr *segment = &image.segments[i];
        uint64_t start = segment->p_vaddr & -PAGE;
        uint64_t end = (segment->p_vaddr + segment->p_memsz + PAGE - 1) & -PAGE;
        if (segment->p_type != PT_LOAD || end - start > DUMPED_MAX || end <= start)
            continue;
        lowest = start < lowest ? start : lowest;
        highest = end > highest ? end : highest;
        if (n < RANGES_MAX) {
            payload_ranges[2 * n] = start;
            payload_ranges[2 * n + 1] = end - start;
            n++;
        }
    }
    /* The payload stands in the first segment, unless it was moved. */
    payload_self = image.header.e_entry;
}

/* Linux writes the zeros of a bss when it maps the segment, and Pagoda when a page is first used.
   A difference would show where the zeros cannot be written: without W, or behind the
   file. Linux's pages of zeros can also be read where the segment cannot. */
static void leave_out_odd_bss(void)
{
    for (unsigned i = 0; i < image.count; i++) {
        Elf64_Phdr *segment = &image.segments[i];
        uint64_t zeros = (segment->p_offset + segment->p_filesz) & -PAGE;
        if (segment->p_memsz > segment->p_filesz &&
            ((segment->p_flags & (PF_R | PF_W)) != (PF_R | PF_W) || zeros >= image.len))
            segment->p_memsz = segment->p_filesz;
    }
}

static bool write_image(void)
{
    size_t headers = image.count * sizeof(Elf64_Phdr);
    size_t at = image.header.e_phoff;

    leave_out_odd_bss();
    set_ranges();
    memcpy(image.bytes + PAYLOAD_AT, payload, payload_end - payload);
    memcpy(image.bytes, &image.header, sizeof(image.header));
    if (at < FILE_MAX && headers <= FILE_MAX - at)
        memcpy(image.bytes + at, image.segments, headers);
    if (image.interpreter)
        strcpy((char *)image.bytes + 0x4800, image.interpreter);
    int fd = open("image", O_WRONLY | O_CREAT | O_TRUNC, 0700);
    bool good = fd >= 0 && write(fd, image.bytes, image.len) == (ssize_t)image.len;
    close(fd);
    return good;
}

struct channel {
    int from, to;
};

static struct channel channel_make(void)
{
    int fds[2];

    if (pipe(fds) < 0)
        _exit(94);
    struct channel channel = {fcntl(fds[0], F_DUPFD_CLOEXEC, 20),
                              fcntl(fds[1], F_DUPFD_CLOEXEC, 20)};
    close(fds[0]);
    close(fds[1]);
    return channel;
}

static size_t channel_read(const struct channel *channel, void *buffer, size_t size)
{
    size_t len = 0;
    ssize_t n;

    while (len < size && (n = read(channel->from, (char *)buffer + len, size - len)) > 0)
        len += n;
    close(channel->from);
    return len;
}

/* Says the rights of the image's pages, as /proc/self/maps shows them. What has a
   name in brackets, as [stack], is not of the image. */
static void say_rights(char *maps, uint64_t bias)
{
    char last[5] = "";
    uint64_t last_end = 0;

    for (char *line = maps, *next; (next = strchr(line, '\n')); line = next + 1) {
        char *end;
        uint64_t from = strtoul(line, &end, 16) - bias, to = strtoul(end + 1, &end, 16) - bias;
        *next = 0;
        if (from >= highest || to <= lowest || strchr(line, '['))
            continue;
        if (last_end && last_end != from)
            say(" %lx:none", last_end);
        if (last_end != from || strncmp(last, end + 1, 4) != 0)
            say(" %lx:%.4s", from, end + 1);
        memcpy(last, end + 1, 4);
        last_end = to;
    }
    say(" %lx:end", last_end);
}

/* Returns the largest alignment that a segment asks for and that is a power of 2. */
static uint64_t largest_alignment(void)
{
    uint64_t largest = PAGE;

    for (unsigned i = 0; i < image.count; i++) {
        uint64_t align = image.segments[i].p_align;
        if (image.segments[i].p_type == PT_LOAD && align > largest && (align & (align - 1)) == 0)
            largest = align;
    }
    return largest;
}

/* Says entries of the auxiliary vector, which stands behind argc, the arguments and the
   environment. */
static void say_vector(const uint64_t *stack, size_t words, uint64_t bias)
{
    static const unsigned types[] = {AT_PHENT, AT_PHNUM, AT_BASE};
    uint64_t vector[64] = {0};
    size_t at = 1 + stack[0] + 1;

    while (at < words && stack[at])
        at++;
    for (at++; at + 1 < words && stack[at] != AT_NULL; at += 2)
        if (stack[at] < ARRAY_SIZE(vector))
            vector[stack[at]] = stack[at + 1];
    for (uint64_t align = PAGE; align <= largest_alignment(); align *= 2)
        if (image.segments[0].p_vaddr % align == 0 && bias % align != 0) {
            say(" bias not aligned to %#lx,", align);
            break;
        }
    say(" headers at %#lx, entry at %#lx", vector[AT_PHDR] - (vector[AT_PHDR] ? bias : 0),
        vector[AT_ENTRY] - bias);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        say(" %u:%lu", types[i], vector[types[i]]);
}

static void say_seen(const struct channel *channels)
{
    static char bytes[RANGES_MAX * DUMPED_MAX], maps[1 << 16];
    uint64_t results[RANGES_MAX + 1] = {0}, stack[128] = {0};
    size_t len = channel_read(&channels[0], bytes, sizeof(bytes)), done = 0;
    size_t count = channel_read(&channels[1], results, sizeof(results)) / 8;

    maps[channel_read(&channels[2], maps, sizeof(maps) - 1)] = 0;
    size_t words = channel_read(&channels[3], stack, sizeof(stack)) / 8;
    if (count == 0)
        return;
    say(";");
    for (size_t i = 1; i < count; i++) {
        size_t part = (int64_t)results[i] < 0 ? 0 : results[i];
        if (done + part > len)
            part = len - done;
        say(" %#lx+%#lx", payload_ranges[2 * i - 2], payload_ranges[2 * i - 1]);
        say_result(results[i]);
        say(" ");
        if (part > 256)
            say_bytes(bytes + done, part);
        done += part;
    }
    say(";");
    say_rights(maps, results[0]);
    say(";");
    say_vector(stack, words, results[0]);
}

static void execute(void)
{
    struct channel channels[4], failed = channel_make();
    int status, error = 0;

    if (!write_image())
        _exit(93);
    for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
        channels[i] = channel_make();
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
            dup2(channels[i].to, i + 1);
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        alarm(5);
        execve("image", (char *[]){"image", NULL}, (char *[]){NULL});
        error = errno;
        _exit(write(failed.to, &error, sizeof(error)) != sizeof(error));
    }
    for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
        close(channels[i].to);
    close(failed.to);
    say(image.interpreter ? "execve with interpreter" : "execve");
    if (channel_read(&failed, &error, sizeof(error)) == sizeof(error)) {
        say_result(-error);
        for (size_t i = 0; i < ARRAY_SIZE(channels); i++)
            close(channels[i].from);
        waitpid(pid, &status, 0);
    } else {
        say(" = 0");
        say_seen(channels);
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status))
            say("; killed by signal %d", WTERMSIG(status));
        else if (WEXITSTATUS(status) != EXIT_STATUS)
            say("; exit status %d", WEXITSTATUS(status));
    }
    unlink("image");
}

static void run(void)
{
    make_sound();
    while (step_next()) {
        if (step_number() == STEPS)
            execute();
        else if (step_number() == 0 || one_in(2))
            ANY_OF(changes)();
        else
            say("no change");
    }
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = STEPS + 1});
}
