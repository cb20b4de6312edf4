/* Checks a recording:  replay [--ring] [--copy FILE] [--memory FILE] RECORDING
   Reads a recording:   replay RECORDING COMMAND [WORD...]

   Rebuilds the memory of the machine from the records, each of which must fit what those before it
   have made. With --memory, the rebuilt memory must be that of the machine, which is in the file.
   With --ring, RECORDING is the ring of a machine that runs, and the end of standard input tells
   that it has ended; --copy keeps the records.

   The last line says what there was. The status is 0 if nothing is wrong, 1 if something is, and 2
   if there is no such recording. The commands are those of commands.h. docs/recording.md */

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "commands.h"
#include "machine.h"
#include "source.h"

#define DIFFERENCES_MAX 20

struct options {
    bool is_ring;
    const char *copy, *memory, *recording;
    char **command; /* its words; NULL: the recording is checked */
};

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: replay [--ring] [--copy FILE] [--memory FILE] RECORDING\n"
                    "       replay RECORDING COMMAND [WORD...]\n"
                    "`replay RECORDING help` lists the commands; - reads them from the "
                    "terminal.\n");
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    static const struct option known[] = {{"ring", no_argument, NULL, 'r'},
                                          {"copy", required_argument, NULL, 'c'},
                                          {"memory", required_argument, NULL, 'm'},
                                          {0}};
    struct options options = {0};
    int option;

    while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        switch (option) {
        case 'r':
            options.is_ring = true;
            break;
        case 'c':
            options.copy = optarg;
            break;
        case 'm':
            options.memory = optarg;
            break;
        default:
            usage();
        }
    }
    if (optind >= argc || (optind > 1 && optind != argc - 1))
        usage();
    options.recording = argv[optind];
    options.command = optind < argc - 1 ? argv + optind + 1 : NULL;
    return options;
}

/* Returns the memory of the machine. */
static const char *open_memory(const char *path, uint64_t *size)
{
    struct stat stat;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &stat)) {
        fprintf(stderr, "replay: %s: it cannot be read\n", path);
        exit(2);
    }
    *size = stat.st_size;
    const char *memory = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "replay: %s: it cannot be mapped\n", path);
        exit(2);
    }
    return memory;
}

/* Applies all records. Returns false if one does not fit; the rest is read, so that the machine can
   go on. */
static bool apply_all(struct machine *machine, struct source *source)
{
    struct event event;
    bool is_ok = true;
    char text[256];

    while (source_next(source, &event)) {
        if (!is_ok || machine_apply(machine, &event))
            continue;
        is_ok = false;
        event_text(machine->events, &event, text, sizeof(text));
        printf("the event does not fit: %s\n", text);
        printf("because %s\n", machine->problem);
        fflush(stdout);
    }
    return is_ok;
}

static void print_sum(struct machine *machine)
{
    unsigned frames = 0, tables = 0, vspaces = 0, regions = 0;

    for (uint32_t n = 0; n < machine->nframes; n++) {
        frames += machine->frames[n].state == STATE_USED;
        tables += machine->frames[n].entries != NULL;
    }
    for (uint64_t n = 0; n < machine->nvspaces; n++) {
        if (!machine->vspaces[n])
            continue;
        vspaces++;
        for (struct region *region = region_first(machine->vspaces[n]); region;
             region = region_next(region))
            regions++;
    }
    printf("%lu events; at the end %u frames and runs in use, %u tables, %u address spaces with %u "
           "regions\n",
           machine->events, frames, tables, vspaces, regions);
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct machine *machine = calloc(1, sizeof(*machine));
    struct source source;
    unsigned differences = 0;
    uint64_t size;

    if (options.command)
        return commands_run(options.recording, options.command) ? 0 : 1;
    if (!machine)
        abort();
    if (options.is_ring)
        source_open_ring(&source, options.recording);
    else
        source_open_file(&source, options.recording);
    if (options.copy)
        source_copy_to(&source, options.copy);
    machine_init(machine, &source.header.layout);
    bool is_ok = apply_all(machine, &source);
    source_close(&source);
    machine->layout = source.header.layout; /* the machine may have written it since */
    if (source.header.lost) {
        printf("the reader was too slow, so events are missing\n");
        is_ok = false;
    }
    if (is_ok && options.memory) {
        const char *memory = open_memory(options.memory, &size);

        if (!machine->has_ended) {
            printf("the recording has no end\n");
            is_ok = false;
        } else {
            differences = machine_compare(machine, memory, size, DIFFERENCES_MAX);
            printf("%u differences from the memory of the machine\n", differences);
        }
    }
    print_sum(machine);
    return is_ok && !differences ? 0 : 1;
}
