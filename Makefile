# Pagoda. `make help` lists the targets and variables.
#
# All results stand in build/:
#     build/kernel/          the kernel's objects
#     build/include-links/   links to the few system headers that the kernel uses
#     build/user/            the programs' objects, and the programs with symbols, for gdb
#     build/root/            the files of the root file system
#     build/pagoda.elf       the kernel
#     build/initrd.cpio      the root file system
#     build/test.cpio        /test, for make run and make test
#     build/glibc.cpio       the tests in /test that are built with glibc
#     build/pagoda.iso       the kernel and the root file system, for GRUB

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

#: Variables, written after the target, as in `make qemu MEM=256M`:
MEM ?= 128M#            memory of the machine
CPUS ?= 2#              number of its CPUs (1: qemu-gdb, bench, and much of test)
CPU ?= max#             model of its CPUs (qemu-system-x86_64 -cpu help)
KVM ?=#                 1: run on this host's CPU, and show it as the CPU's model
DISK ?= disk.img#       image of its disk, /dev/vda; run, test: none; DISK= for none
EXTRA_DISK ?=#          a directory that a new disk.img has; run: a disk is made with it
DISK_SIZE ?= 64M#       size of a disk that is made
QEMUFLAGS ?=#           more arguments for QEMU
APPEND ?=#              the kernel's command line
EXTRA ?=#               a directory whose files join the root file system
CMD ?=#                 run: the command, in the syntax of Pagoda's shell
B ?=#                   profile: the benchmark of vmbench, as in B='fork 1'
T ?=#                   test, test-linux, test-diff, crash, lint: the tests or checks to run
MINUTES ?= 60#          session: its length
SECONDS ?= 60#          fuzz, fuzz-ext2, stress, test-diff: its length
SEED ?=#                stress, crash, test-diff: a number that its run repeats
CASE ?=#                test-diff: the only case, of which each step is shown
OUT ?=#                 record: the file that keeps the recording; page: the HTML file
REC ?=#                 page: a recording; replay: one of one CPU, in which gdb goes back and forth
TIMEOUT ?=#             run, test: seconds after which the machine counts as hung (600)
DEBUG ?=#               1: for whoever changes the kernel: checks more, and gdb sees variables
WERROR ?=#              1: warnings are errors
#:

# gdb sees the variables of each function in a kernel that DEBUG=1 builds.
ifneq ($(filter debug,$(MAKECMDGOALS)),)
DEBUG := 1
endif

ifeq ($(KVM) $(origin CPU),1 file)
CPU := host
endif

# gdb follows one CPU, instructions are counted on one, and make test chooses for each of its parts.
ifeq ($(origin CPUS),file)
qemu-gdb debug bench bench-linux profile test test-diff test-failures: CPUS := 1
session record-session: CPUS := 1
endif

# Commands and tests do not touch the disk of the person who runs them, unless it is asked for.
ifeq ($(origin DISK),file)
run record test test-record test-failures test-diff stress crash bench bench-linux: DISK :=
session record-session: DISK :=
profile: DISK :=
endif

ifneq ($(EXTRA_DISK),)
ifeq ($(origin DISK),file)
run: DISK := build/extra-disk.img
run: build/extra-disk.img
ifneq ($(filter qemu qemu-uefi qemu-screen debug qemu-gdb,$(MAKECMDGOALS)),)
ifneq ($(wildcard disk.img),)
$(info disk.img is there already: EXTRA_DISK is left out. Remove the image to make it again)
endif
endif
endif
endif

QEMU ?= qemu-system-x86_64
PYTHON ?= python3
HOSTCC ?= clang
FONT ?= /usr/share/consolefonts/Lat15-VGA16.psf.gz
OVMF ?= /usr/share/ovmf/OVMF.fd
BOCHS_TERM := $(firstword $(wildcard /usr/lib/*/bochs/plugins/libbx_term_gui.so) \
	/usr/lib/bochs/plugins/libbx_term_gui.so)

# The tools read their settings from the environment. CMD is passed unexpanded, so that a $ in it
# reaches the shell in Pagoda.
export MEM CPUS CPU KVM DISK QEMU QEMUFLAGS APPEND EXTRA TIMEOUT DEBUG OVMF ADDR2LINE NM
export PYTHONDONTWRITEBYTECODE := 1
export PAGODA_CMD := $(value CMD)

# The kernel is built by x86_64-elf-gcc if that is on PATH, else by x86_64-linux-gnu-gcc, which
# Debian has for every kind of machine. With CC=clang, clang and its linker build it.

CROSS ?= $(if $(shell command -v x86_64-elf-gcc),x86_64-elf-,x86_64-linux-gnu-)
ifeq ($(origin CC),default)
CC := $(CROSS)gcc
endif
CLANG := $(findstring clang,$(CC))
TARGET_FLAGS := $(if $(CLANG),--target=x86_64-unknown-none-elf)
LD := $(if $(CLANG),ld.lld,$(CROSS)ld)
NM := $(if $(CLANG),llvm-nm,$(CROSS)nm)
OBJCOPY := $(if $(CLANG),llvm-objcopy,$(CROSS)objcopy)
ADDR2LINE := $(if $(CLANG),llvm-addr2line,$(CROSS)addr2line)

# A debug build checks the lists of sys/queue.h.
KCPPFLAGS := -Iinclude -Ibuild/include-links -MMD -MP \
	$(if $(filter 1,$(DEBUG)),-DDEBUG -D_KERNEL -DINVARIANTS)
# This is = and not :=, because need-build may install the compiler that prints its own directory.
KCFLAGS = $(TARGET_FLAGS) -std=gnu11 $(if $(filter 1,$(DEBUG)),-Og,-O2) -g \
	-ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include 2>/dev/null) \
	-mno-red-zone -mcmodel=kernel -mgeneral-regs-only -fno-pie -fcf-protection=none \
	-fno-stack-protector -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing -fno-common -Wall -Wextra -Wstrict-prototypes -Wshadow -Wvla -Wundef \
	$(if $(filter 1,$(WERROR)),-Werror)
KLDFLAGS := -nostdlib -T linker.ld -z max-page-size=4096 -z noexecstack --build-id=none

KERNEL_SOURCES := $(wildcard kernel/main.c kernel/*/*.c kernel/*/*.S)
KERNEL_OBJECTS := $(KERNEL_SOURCES:%=build/%.o)

# User programs are built with musl, by the wrapper in Debian's musl-dev for x86-64. The kernel's
# headers come last, because include/sys must not hide the C library's.

UCC := x86_64-linux-musl-gcc
USTRIP := x86_64-linux-gnu-strip
UAR := x86_64-linux-gnu-ar

UCFLAGS := -std=gnu11 -static -Os -g -ffunction-sections -fdata-sections -Wl,--gc-sections \
	-Wall -Wextra -idirafter include -Iuser/lib -Itest/user -MMD -MP \
	$(if $(filter 1,$(WERROR)),-Werror)

# Tests of foreign libraries are built with glibc, by the compilers of Debian for x86-64.
GCC := x86_64-linux-gnu-gcc
GXX := x86_64-linux-gnu-g++
GCXXFLAGS := $(patsubst -std=%,-std=gnu++17,$(UCFLAGS))

LIB_OBJECTS := $(patsubst %,build/%.o,$(wildcard user/lib/*.c))
# A large program is a directory, a small one is a file.
LARGE_PROGRAMS := sh strace
SMALL_PROGRAMS := $(patsubst user/%.c,%,$(wildcard user/*.c))
PROGRAMS := $(SMALL_PROGRAMS) $(LARGE_PROGRAMS)
LARGE_OBJECTS := $(patsubst %,build/%.o,$(wildcard $(LARGE_PROGRAMS:%=user/%/*.c)))
# A file in a folder of test/user is a program of its name. Those in test/user are linked to each.
TEST_SOURCES := $(wildcard test/user/*/*.c)
TESTS := $(basename $(notdir $(TEST_SOURCES)))
TEST_OBJECTS := $(patsubst %,build/%.o,$(wildcard test/user/*.c))
# Tests that are built with glibc: some of these sources, as NAME_glibc, and those in C++.
GLIBC_SOURCES := test/user/thread/library_threads.c test/user/thread/library_processes.c
CXX_SOURCES := $(wildcard test/user/*/*.cc)
GLIBC_TESTS := $(patsubst %,%_glibc,$(basename $(notdir $(GLIBC_SOURCES))))
CXX_TESTS := $(basename $(notdir $(CXX_SOURCES)))
GLIBC_PARTS := $(patsubst %,build/glibc/%.o,$(wildcard test/user/*.c user/lib/*.c))
GLIBC_OBJECTS := $(GLIBC_PARTS) $(patsubst %,build/glibc/%.o,$(GLIBC_SOURCES) $(CXX_SOURCES))
# A file in test/diff is a program of its name, which is linked to the frame of all.
DIFFS := $(patsubst test/diff/%.c,%,$(filter-out %/generator.c,$(wildcard test/diff/*.c)))
DIFF_OBJECTS := $(patsubst %,build/test/diff/%.c.o,$(DIFFS) generator)

ROOT_DIRS := bin etc tmp dev proc
ROOT_FILES := $(PROGRAMS:%=bin/%) $(if $(wildcard user/README),README) \
	$(patsubst user/%,%,$(wildcard user/etc/*))
TEST_FILES := $(TESTS:%=test/%)
LIBRARY_FILES := $(GLIBC_TESTS:%=test/%) $(CXX_TESTS:%=test/%)
DIFF_FILES := $(DIFFS:%=diff/%)

.PHONY: all iso qemu qemu-uefi qemu-screen bochs run test test-linux test-diff test-failures stress
.PHONY: session test-host fuzz mutants bench bench-linux profile debug qemu-gdb gdb compdb
.PHONY: FORCE mistakes need-build need-glibc need-qemu need-disk need-iso need-uefi need-bochs
.PHONY: need-gdb need-host need-test need-lint
.PHONY: record test-record record-session replay fuzz-ext2 crash bench-disk compiler lint clean help
.PHONY: need-profile
FORCE:

all: build/pagoda.elf build/initrd.cpio ## the kernel and the root file system

# tools/setup.sh installs a missing tool when a target needs it. The need-* targets depend on each
# other, because apt has a lock. A package has the suffix :amd64 if its x86-64 files are needed on
# any machine.

KERNEL_TOOLS := $(if $(CLANG),$(CC) clang $(LD) lld $(NM) llvm, \
	$(CC) gcc-x86-64-linux-gnu $(LD) binutils-x86-64-linux-gnu)

need-build:
	@sh tools/setup.sh $(KERNEL_TOOLS) $(UCC) musl-dev:amd64 $(UAR) binutils-x86-64-linux-gnu \
	    x86_64-linux-gnu-gcc gcc-x86-64-linux-gnu \
	    /usr/include/linux/errno.h linux-libc-dev:amd64 \
	    /usr/include/elf.h libc6-dev:amd64 /usr/include/bsd/sys/queue.h libbsd-dev:amd64 \
	    cpio cpio awk mawk $(FONT) console-setup-linux
need-qemu: need-build
	@sh tools/setup.sh $(QEMU) qemu-system-x86 $(PYTHON) python3
need-disk: need-iso
	@sh tools/setup.sh /sbin/mke2fs e2fsprogs
need-iso: need-qemu
	@sh tools/setup.sh grub-mkrescue grub-common xorriso xorriso mformat mtools \
	    /usr/lib/grub/i386-pc/multiboot2.mod grub-pc-bin:amd64 \
	    /usr/lib/grub/x86_64-efi/multiboot2.mod grub-efi-amd64-bin:amd64
need-uefi: need-iso
	@sh tools/setup.sh $(OVMF) ovmf
need-bochs: need-iso
	@sh tools/setup.sh bochs bochs /usr/share/bochs/BIOS-bochs-latest bochsbios \
	    /usr/share/bochs/VGABIOS-lgpl-latest vgabios $(BOCHS_TERM) bochs-term
need-profile: need-qemu
	@sh tools/setup.sh $(HOSTCC) clang
need-node: need-build
	@sh tools/setup.sh node nodejs npm npm
need-chromium: need-node
	@sh tools/setup.sh chromium chromium
need-gdb: need-iso
	@sh tools/setup.sh gdb gdb tmux tmux
need-glibc: need-build
	@sh tools/setup.sh $(GCC) gcc-x86-64-linux-gnu $(GXX) g++-x86-64-linux-gnu \
	    /usr/include/sqlite3.h libsqlite3-dev:amd64
need-host: need-glibc
	@sh tools/setup.sh clang clang llvm-symbolizer llvm \
	    '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.asan-*.a' libclang-rt-dev \
	    /sbin/mke2fs e2fsprogs
need-test: need-host need-profile need-gdb need-uefi need-bochs
need-lint: need-build
	@sh tools/setup.sh $(PYTHON) python3 git git clang-format clang-format \
	    clang-tidy clang-tidy cppcheck cppcheck sparse sparse shellcheck shellcheck

# The kernel's rules. Every compiled file depends on build/flags, which depends on the tools. It is
# rewritten only if the flags have changed.

build/flags: FORCE | need-build
	@mkdir -p build
	@echo '$(CC) $(KCPPFLAGS) $(KCFLAGS) $(UCC) $(UCFLAGS)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

build/include-links/.done: tools/include_links.sh build/flags
	@sh tools/include_links.sh build/include-links

build/kernel/%.c.o: kernel/%.c build/flags build/include-links/.done
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(KCPPFLAGS) $(KCFLAGS) -c -o $@ $<

build/font.psf: tools/font.sh build/flags
	@sh tools/font.sh $(FONT) $@

build/kernel/dev/font.S.o: build/font.psf

build/kernel/%.S.o: kernel/%.S build/flags build/include-links/.done
	@mkdir -p $(@D)
	@echo "  AS    $<"
	@$(CC) $(KCPPFLAGS) $(TARGET_FLAGS) -g -Wa,--noexecstack -c -o $@ $<

# The compiler must not make a call of strlen from the loop in strlen.
build/kernel/lib/string.c.o: KCFLAGS += -fno-builtin \
	$(if $(CLANG),,-fno-tree-loop-distribute-patterns)

# The kernel holds a table of its own function names, for backtraces. It is linked with an empty
# table, nm reads the names, and it is linked again with the full table. The table stands behind the
# text, so the second link moves no function; the comparison checks that.

build/ksyms-none.S: tools/ksyms.sh
	@mkdir -p build
	@sh tools/ksyms.sh </dev/null >$@

build/ksyms.S: build/pagoda-nosyms.elf tools/ksyms.sh
	@$(NM) -n $< | sh tools/ksyms.sh >$@

build/ksyms%.o: build/ksyms%.S build/flags
	@$(CC) $(TARGET_FLAGS) -c -o $@ $<

build/pagoda-nosyms.elf: $(KERNEL_OBJECTS) build/ksyms-none.o linker.ld
	@$(LD) $(KLDFLAGS) -o $@ $(KERNEL_OBJECTS) build/ksyms-none.o

build/pagoda.elf: $(KERNEL_OBJECTS) build/ksyms.o linker.ld
	@echo "  LD    $@"
	@$(LD) $(KLDFLAGS) -o $@ $(KERNEL_OBJECTS) build/ksyms.o
	@$(NM) -n $@ | sh tools/ksyms.sh | cmp -s - build/ksyms.S || \
	    { echo "$@: the symbol table is not that of this kernel" >&2; exit 1; }

build/ksyms.o: build/ksyms.S build/flags
	@$(CC) $(TARGET_FLAGS) -c -o $@ $<

# The programs' rules: each is linked with symbols in build/user, for gdb, and stripped into
# build/root.

build/user/%.c.o: user/%.c build/flags
	@mkdir -p $(@D)
	@$(UCC) $(UCFLAGS) -c -o $@ $<

build/test/%.c.o: test/%.c build/flags
	@mkdir -p $(@D)
	@$(UCC) $(UCFLAGS) -c -o $@ $<

build/user/lib.a: $(LIB_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	@$(UAR) rcsD $@ $(LIB_OBJECTS)

$(foreach p,$(LARGE_PROGRAMS),$(eval build/user/bin/$p: $(filter build/user/$p/%,$(LARGE_OBJECTS))))
$(SMALL_PROGRAMS:%=build/user/bin/%): build/user/bin/%: build/user/%.c.o
$(foreach s,$(TEST_SOURCES),$(eval build/user/test/$(basename $(notdir $s)): build/$s.o))
$(TESTS:%=build/user/test/%): $(TEST_OBJECTS)
$(DIFFS:%=build/user/diff/%): build/user/diff/%: build/test/diff/%.c.o build/test/diff/generator.c.o

USER_FILES := $(PROGRAMS:%=bin/%) $(TEST_FILES) $(DIFF_FILES)

$(USER_FILES:%=build/user/%): build/user/lib.a
	@mkdir -p $(@D)
	@echo "  USER  $(@:build/user/%=/%)"
	@$(UCC) $(UCFLAGS) -o $@ $(filter %.o,$^) build/user/lib.a

$(USER_FILES:%=build/root/%): build/root/%: build/user/%
	@mkdir -p $(@D)
	@$(USTRIP) -s -o $@ $<

# The tests with glibc. They stand in /test too, but in an archive of their own, because they are
# large and few runs need them.

build/glibc/%.c.o: %.c build/flags | need-glibc
	@mkdir -p $(@D)
	@$(GCC) $(UCFLAGS) -c -o $@ $<

build/glibc/%.cc.o: %.cc build/flags | need-glibc
	@mkdir -p $(@D)
	@$(GXX) $(GCXXFLAGS) -c -o $@ $<

$(foreach s,$(GLIBC_SOURCES),\
    $(eval build/user/test/$(basename $(notdir $s))_glibc: build/glibc/$s.o))
$(foreach s,$(CXX_SOURCES),$(eval build/user/test/$(basename $(notdir $s)): build/glibc/$s.o))

# The linker warns of dlopen, which sqlite does not call here.
build/user/test/sqlite build/user/test/recorded_sqlite: LIBS := -lsqlite3 -lm -Wl,--no-warnings
$(LIBRARY_FILES:%=build/user/%): $(GLIBC_PARTS)
	@mkdir -p $(@D)
	@echo "  USER  $(@:build/user/%=/%)"
	@$(if $(filter %.cc.o,$^),$(GXX),$(GCC)) -static -Wl,--gc-sections -o $@ \
	    $(filter %.o,$^) $(LIBS)

$(LIBRARY_FILES:%=build/root/%): build/root/%: build/user/%
	@mkdir -p $(@D)
	@$(USTRIP) -s -o $@ $<

build/root/README: user/README
	@mkdir -p $(@D) && cp $< $@
build/root/etc/%: user/etc/%
	@mkdir -p $(@D) && cp $< $@

# The archives depend on the list of their files too.

build/root.list: FORCE
	@mkdir -p build
	@echo '$(ROOT_DIRS) $(ROOT_FILES) $(TEST_FILES) $(DIFF_FILES) $(LIBRARY_FILES)' | \
	    cmp -s - $@ || \
	    echo '$(ROOT_DIRS) $(ROOT_FILES) $(TEST_FILES) $(DIFF_FILES) $(LIBRARY_FILES)' >$@

CPIO := cpio -o -H newc -R 0:0 --reproducible --quiet

build/initrd.cpio: $(ROOT_FILES:%=build/root/%) build/root.list
	@echo "  CPIO  $@"
	@mkdir -p $(ROOT_DIRS:%=build/root/%)
	@cd build/root && printf '%s\n' $(ROOT_DIRS) $(ROOT_FILES) | $(CPIO) >../initrd.cpio

build/test.cpio: $(TEST_FILES:%=build/root/%) build/root.list
	@mkdir -p build/root/test
	@cd build/root && printf '%s\n' test $(TEST_FILES) | $(CPIO) >../test.cpio

build/glibc.cpio: $(LIBRARY_FILES:%=build/root/%) build/root.list
	@mkdir -p build/root/test
	@cd build/root && printf '%s\n' test $(LIBRARY_FILES) | $(CPIO) >../glibc.cpio

build/diff.cpio: $(DIFF_FILES:%=build/root/%) build/root.list
	@mkdir -p build/root/diff
	@cd build/root && printf '%s\n' diff $(DIFF_FILES) | $(CPIO) >../diff.cpio

build/extra.cpio: FORCE | need-build
	@mkdir -p build
	@{ $(if $(EXTRA),cd '$(EXTRA)' && find . -mindepth 1 | sort | $(CPIO),:); } >build/extra.tmp
	@cmp -s build/extra.tmp $@ && rm build/extra.tmp || mv build/extra.tmp $@

build/append: FORCE
	@mkdir -p build
	@printf '%s\n' "$$APPEND" | cmp -s - $@ || printf '%s\n' "$$APPEND" >$@

ISO_PARTS := build/pagoda.elf build/initrd.cpio build/extra.cpio build/append grub.cfg

build/pagoda.iso: $(ISO_PARTS) | need-iso
	@echo "  ISO   $@"
	@rm -rf build/iso && mkdir -p build/iso/boot/grub
	@$(OBJCOPY) --strip-debug build/pagoda.elf build/iso/boot/pagoda.elf
	@cat build/initrd.cpio build/extra.cpio >build/iso/boot/initrd.cpio
	@awk 'BEGIN { getline append <"build/append" } \
	    /^#/ { next } { gsub(/@APPEND@/, append); print }' \
	    grub.cfg >build/iso/boot/grub/grub.cfg
	@grub-mkrescue -o $@ build/iso --locales= --fonts= --themes= >build/iso.log 2>&1 || \
	    { cat build/iso.log >&2; exit 1; }

iso: build/pagoda.iso ## the bootable CD image build/pagoda.iso

# The disk stands beside build/, so that it outlives `make clean`. It is made once, and takes only
# the room of what is on it.

MAKE_DISK = : >$@ && /sbin/mke2fs -q -t ext2 -O ^dir_index,^resize_inode,^ext_attr -b 4096 \
	-E root_owner=0:0 $(if $(EXTRA_DISK),-d '$(EXTRA_DISK)') $@ $(DISK_SIZE)

disk.img: | need-disk
	@echo "  DISK  $@"
	@$(MAKE_DISK)

build/extra-disk.img: FORCE | need-disk
	@echo "  DISK  $@"
	@$(MAKE_DISK)

qemu qemu-uefi qemu-screen debug qemu-gdb: $(filter disk.img,$(DISK))

# Running.

QEMU_WINDOW = $(PYTHON) tools/qemu.py $(QEMU) $(if $(filter 1,$(KVM)),-accel kvm) \
	-m $(MEM) -smp $(CPUS) -cpu $(CPU) \
	-nic none -serial mon:stdio -cdrom build/pagoda.iso -boot d
QEMU_ISO = $(QEMU_WINDOW) -display none
RUNNABLE := build/pagoda.elf build/initrd.cpio build/test.cpio build/extra.cpio
COMPARABLE := build/pagoda.elf build/initrd.cpio build/diff.cpio

qemu: build/pagoda.iso ## Pagoda here (halt ends it; Ctrl-A X kills it, W asks where it is)
	@$(QEMU_ISO) $(QEMUFLAGS)

qemu-uefi: build/pagoda.iso | need-uefi ## the same, booted by UEFI
	@$(QEMU_ISO) -bios $(OVMF) $(QEMUFLAGS)

qemu-screen: build/pagoda.iso ## the same with a screen, in a window or on VNC
	@$(QEMU_WINDOW) $(QEMUFLAGS)

bochs: build/pagoda.iso | need-bochs ## Pagoda in this terminal, on Bochs (Ctrl-] kills it)
	@$(PYTHON) tools/bochs.py

run: $(RUNNABLE) | need-qemu ## one command in Pagoda: make run CMD='ls | wc'
	@$(PYTHON) tools/run.py

record: $(RUNNABLE) build/replay | need-qemu ## run, with all events of memory checked; OUT
	@$(PYTHON) tools/record.py $(if $(OUT),-o '$(OUT)' && \
	    build/replay '$(OUT)' places >'$(OUT).places')

test-record: $(RUNNABLE) build/replay | need-qemu ## record all programs of /test, and compare
	@$(PYTHON) tools/record_test.py --all

record-session: $(RUNNABLE) build/replay | need-qemu ## session, with all events checked
	@$(PYTHON) tools/record.py $(if $(OUT),-o '$(OUT)') --session $$(( $(MINUTES) * 60 ))

replay: build/replay $(if $(REC),$(RUNNABLE)) | $(if $(REC),need-gdb) ## gdb in a recorded run, REC
	@$(if $(REC),$(PYTHON) tools/travel.py '$(REC)',:)

# It runs on this machine.
build/replay: $(wildcard tools/replay/*.[ch]) include/pagoda/event.h | need-profile
	@mkdir -p build
	@echo "  HOST  $@"
	@$(HOSTCC) -std=gnu11 -O2 -g -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) \
	    -idirafter include -o $@ $(filter %.c,$^)

# The page that shows a recording (tools/page). Its packages of npm are under build/.

.PHONY: page tours test-page need-node need-chromium

PAGE_PACKAGES := build/page/package.json build/page/package-lock.json

build/page/%.json: tools/page/%.json
	@mkdir -p $(@D) && cp $< $@

build/page/.installed: $(PAGE_PACKAGES) | need-node
	@echo "  NPM   build/page"
	@cd build/page && npm ci --no-audit --no-fund >npm.log 2>&1 || { tail -5 npm.log >&2; \
	    echo 'The packages of tools/page/package.json cannot be installed: npm has to reach' \
	        'its registry once (npm config set registry URL)' >&2; exit 1; }
	@touch $@

build/page.rec: $(RUNNABLE) build/replay | need-qemu
	@CPUS=1 DISK= QEMUFLAGS='-icount shift=3,sleep=off' $(PYTHON) tools/record.py -o $@ \
	    'sh -c "echo hi | wc; ls"' >build/page-rec.log || { cat build/page-rec.log; exit 1; }

tours: build/page/.installed build/page.rec ## a page with guided tours, of a run made for it
	@node tools/page/build.mjs build/page.rec '$(or $(OUT),build/tours.html)'

# A recording that exists already may be of another kernel, whose places KERNEL names.
page: build/page/.installed build/replay $(if $(REC),,build/page.rec) ## REC as one HTML file, OUT
	@node tools/page/build.mjs '$(or $(REC),build/page.rec)' '$(or $(OUT),build/page.html)'

test-page: build/page/.installed build/page.rec | need-chromium ## the page: its states and views
	@build/page/node_modules/.bin/tsc -p tools/page
	@node tools/page/test.mjs build/page.rec $(REC)

# What the parts need that are not programs in /test.
SAMPLES := build/pagoda.iso build/diff.cpio build/glibc.cpio build/profile.so build/replay

TEST_NEEDS := $(if $(T),need-qemu,need-test)
NAMED_SAMPLES := $(if $(filter $(GLIBC_TESTS) $(CXX_TESTS),$(T)),build/glibc.cpio)
TEST_FROM := $(RUNNABLE) $(if $(T),$(NAMED_SAMPLES),$(SAMPLES))

test: $(TEST_FROM) | $(TEST_NEEDS) ## all tests; T=NAME: only /test/NAME
	@$(PYTHON) tools/test.py '$(T)'

LINUX_FILES := $(patsubst %,build/root/%,$(TEST_FILES) $(LIBRARY_FILES))

test-linux: $(LINUX_FILES) ## the test programs on this Linux
	@cd build/root/test && ./runtests $(T)

test-diff: $(COMPARABLE) | need-qemu ## random programs on Pagoda and on this Linux, for SECONDS
	@$(PYTHON) tools/diff.py $(if $(CASE),-c $(CASE),-t $(SECONDS)) \
	    -s $(or $(SEED),$$(date +%s)) $(T)

test-failures: $(RUNNABLE) | need-qemu ## each allocation of the test programs fails once (long)
	@$(PYTHON) tools/test.py --failures

stress: $(RUNNABLE) | need-qemu ## many threads and processes at once, for SECONDS, on CPUS
	@$(PYTHON) tools/stress.py -t $(SECONDS) $(if $(SEED),-s $(SEED))

crash: $(RUNNABLE) build/glibc.cpio | need-disk ## the power goes at each moment of writes to a disk
	@$(PYTHON) tools/crash.py $(if $(SEED),-s $(SEED)) $(T)

session: $(RUNNABLE) | need-qemu ## a person at the terminal, typing at odd moments, for MINUTES
	@$(PYTHON) tools/session.py -t $$(( $(MINUTES) * 60 ))

# kernel/mm and kernel/vm, compiled for this machine (test/host/README.md).

HOST_TESTS := $(MAKE) --no-print-directory -s -C test/host

test-host: | need-host ## the memory core against a simulated MMU and a model; part of test
	+@$(HOST_TESTS) test

fuzz: | need-host ## random operations on the memory core, and a fuzzer, for SECONDS
	+@$(HOST_TESTS) fuzz SECONDS=$(SECONDS)

fuzz-ext2: | need-host ## damaged images of ext2, for SECONDS
	+@$(HOST_TESTS) fuzz-ext2 SECONDS=$(SECONDS)

mistakes: $(RUNNABLE) | need-qemu ## makes classic mistakes in copies of the kernel: what it says
	@$(PYTHON) tools/mistakes_test.py $(T)

mutants: | need-host ## breaks the memory core on purpose, to see whether the host tests notice
	+@$(HOST_TESTS) mutants

bench: $(RUNNABLE) | need-qemu ## the cost of virtual memory, in instructions (user/vmbench.c)
	@$(PYTHON) tools/bench.py

bench-linux: $(RUNNABLE) build/vmlinuz | need-qemu ## the same, beside the same program on Linux
	@$(PYTHON) tools/bench.py build/vmlinuz

profile: $(RUNNABLE) build/profile.so | need-qemu ## where a benchmark's instructions go; B=NAME
	@$(PYTHON) tools/profile.py $(B)

# QEMU's plugin, which this machine runs.
build/profile.so: tools/profile.c | need-profile
	@mkdir -p build
	@$(HOSTCC) -shared -fPIC -O2 -Wall -Wextra $(if $(filter 1,$(WERROR)),-Werror) -o $@ $<

bench-disk: $(RUNNABLE) build/vmlinuz | need-disk ## reads and writes of a disk, beside Linux
	@$(PYTHON) tools/disk_bench.py build/vmlinuz build/linux-modules

compiler: $(RUNNABLE) build/compiler/.done | need-disk ## tcc on a disk compiles lua there
	@$(PYTHON) tools/compiler_test.py build/compiler

build/compiler/.done: tools/compiler_disk.sh
	@mkdir -p build
	@sh tools/compiler_disk.sh build/compiler >build/compiler.log 2>&1 || \
	    { cat build/compiler.log >&2; exit 1; }
	@touch $@

build/vmlinuz: tools/linux_kernel.sh
	@mkdir -p build
	@sh tools/linux_kernel.sh $@ build/linux-modules

debug: build/pagoda.iso | need-gdb ## qemu and gdb side by side, in tmux, with DEBUG=1
	@$(PYTHON) tools/debug.py $(QEMU_ISO) $(QEMUFLAGS)

qemu-gdb: build/pagoda.iso ## qemu, but it waits for make gdb in another terminal
	@$(QEMU_ISO) -s -S $(QEMUFLAGS)

gdb: build/pagoda.elf | need-gdb ## gdb on qemu-gdb's machine; stops at the next page fault
	@gdb -q build/pagoda.elf -x tools/gdb/pagoda.py -ex 'target remote :1234' \
	    -ex 'thbreak fault_dispatch' -ex 'thbreak panic' -ex 'continue' -ex 'fault'

# compile_commands.json says how each C file is compiled, for editors and for lint. No flag has a
# character that JSON would need to have quoted.

USER_SOURCES := $(wildcard user/*.c user/*/*.c test/user/*.c test/user/*/*.c test/diff/*.c)
json_string = "$(1)": "$(2)"
compdb_entry = {$(call json_string,directory,$(CURDIR))$(comma) \
	$(call json_string,file,$(1))$(comma) $(call json_string,command,$(2) -c $(1))}
comma := ,
KERNEL_CC = $(CC) $(KCPPFLAGS) $(KCFLAGS)

# An entry is a line of the file, because a shell takes no command as long as all entries.
compdb_add = $(file >>compile_commands.json,$(call compdb_entry,$(1),$(2)))

compdb: build/include-links/.done ## writes compile_commands.json
	$(file >compile_commands.json)
	$(foreach f,$(filter %.c,$(KERNEL_SOURCES)),$(call compdb_add,$f,$(KERNEL_CC)))
	$(foreach f,$(USER_SOURCES),$(call compdb_add,$f,$(UCC) $(UCFLAGS)))
	@sed -i '1s/^/[/; $$!s/$$/,/; $$s/$$/]/' compile_commands.json

lint: compdb $(KERNEL_OBJECTS) | need-lint ## the rules that a program can check; T=CHECK: only one
	@$(PYTHON) tools/lint.py $(T)

clean: ## removes build/
	@rm -rf build

help: ## this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1@\2/p' Makefile | \
	    awk -F@ '{ printf "    %-13s %s\n", $$1, $$2 }'
	@echo
	@sed -n '/^#: Variables/,/^#:$$/{ s/^#: //p; s/^\([A-Z_]*\) ?= *\(.*\)# */\1@\2@/p }' \
	    Makefile | awk -F@ 'NF != 3 { print; next } \
	        { printf "    %-13s %s%s\n", $$1, $$3, $$2 == "" ? "" : " [" $$2 "]" }'

-include $(KERNEL_OBJECTS:.o=.d) $(LIB_OBJECTS:.o=.d) $(LARGE_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d)
-include $(DIFF_OBJECTS:.o=.d) $(GLIBC_OBJECTS:.o=.d)
-include $(SMALL_PROGRAMS:%=build/user/%.c.d) $(TEST_SOURCES:%=build/%.d)
