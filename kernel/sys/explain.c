/* The reason for an exception, in words, for the report of a program that it kills.

   The CPU says little: a general protection fault has a hundred causes. The instruction at rip says
   more. It is read from user memory, where another thread may have changed it meanwhile, so the
   words are a help for a person and no more. */

#include <lib/printf.h>
#include <vm/usercopy.h>
#include "explain.h"

#define CODE_SIZE 4 /* bytes of an instruction that are shown, without prefixes */

/* The beginning of an instruction. */
struct code {
    uint8_t bytes[CODE_SIZE]; /* the opcode comes first */
    size_t len;               /* how many of them could be read; 0 to CODE_SIZE */
};

static bool is_prefix(uint8_t byte)
{
    switch (byte) {
    case 0x26: /* segments */
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:          /* operand size */
    case 0xf2:          /* repeat */
    case 0xf3:          /* repeat */
    case 0x40 ... 0x4f: /* REX */
        return true;
    default:
        return false;
    }
}

static bool code_byte(uint64_t rip, uint8_t *byte)
{
    return get_user(byte, (const uint8_t __user *)rip) == 0;
}

/* Reads the instruction at `rip` behind its prefixes, which are at most 14 bytes. */
static struct code code_read(uint64_t rip)
{
    struct code code = {.len = 0};
    uint8_t byte;

    for (unsigned n = 0; n < 14 && code_byte(rip, &byte) && is_prefix(byte); n++)
        rip++;
    while (code.len < CODE_SIZE && code_byte(rip + code.len, &code.bytes[code.len]))
        code.len++;
    return code;
}

/* Returns the privileged instruction that begins with 0x0f and `second`, or NULL. Intel SDM volume
   2, appendix A. */
static const char *privileged_long_name(uint8_t second)
{
    switch (second) {
    case 0x00:
    case 0x01:
        return "of the descriptor tables";
    case 0x06:
        return "clts";
    case 0x08:
        return "invd";
    case 0x09:
        return "wbinvd";
    case 0x20:
    case 0x22:
        return "mov of a control register";
    case 0x21:
    case 0x23:
        return "mov of a debug register";
    case 0x30:
        return "wrmsr";
    case 0x32:
        return "rdmsr";
    default:
        return NULL;
    }
}

/* Returns the name of an instruction that only the kernel may use, or NULL. */
static const char *privileged_name(const struct code *code)
{
    if (code->len == 0)
        return NULL;
    switch (code->bytes[0]) {
    case 0x0f:
        return code->len > 1 ? privileged_long_name(code->bytes[1]) : NULL;
    case 0x6c ... 0x6f:
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        return "in or out";
    case 0xf4:
        return "hlt";
    case 0xfa:
        return "cli";
    case 0xfb:
        return "sti";
    default:
        return NULL;
    }
}

/* Explains a general protection fault. Bit 1 of the error code is set for a gate of the interrupt
   table (Intel SDM volume 3, section 6.13). The number of the interrupt is taken from the
   instruction, because QEMU's emulation puts another one into the error code. */
static void explain_protection(const struct trapframe *tf, char *buf, size_t size)
{
    struct code code = code_read(tf->rip);
    const char *name = privileged_name(&code);

    if (tf->error & 2 && code.len > 1 && code.bytes[0] == 0xcd)
        snprintf(buf, size, "interrupt %#x is not for programs", code.bytes[1]);
    else if (tf->error)
        snprintf(buf, size, "descriptor %#lx is not for programs", tf->error);
    else if (name)
        snprintf(buf, size, "a privileged instruction (%s)", name);
    else
        snprintf(buf, size, "an address that is not canonical, or not aligned as it must be");
}

static void explain_opcode(const struct trapframe *tf, char *buf, size_t size)
{
    uint8_t bytes[2];

    if (copy_from_user(bytes, (const void __user *)tf->rip, sizeof(bytes)))
        snprintf(buf, size, "no instruction of this CPU");
    else
        snprintf(buf, size, "the bytes %02x %02x are no instruction of this CPU", bytes[0],
                 bytes[1]);
}

void exception_explain(const struct trapframe *tf, char *buf, size_t size)
{
    switch (tf->vector) {
    case VECTOR_DIVIDE:
        snprintf(buf, size, "a division by 0, or its result does not fit");
        break;
    case VECTOR_DEBUG:
        snprintf(buf, size, "a single step that nobody traces");
        break;
    case VECTOR_BREAKPOINT:
        snprintf(buf, size, "a breakpoint (int3) that nobody traces");
        break;
    case VECTOR_INVALID_OPCODE:
        explain_opcode(tf, buf, size);
        break;
    case VECTOR_PROTECTION:
        explain_protection(tf, buf, size);
        break;
    case VECTOR_STACK:
        snprintf(buf, size, "an address on the stack that is not canonical");
        break;
    case VECTOR_FPU:
    case VECTOR_SIMD:
        snprintf(buf, size, "the program has unmasked this floating-point exception");
        break;
    case VECTOR_ALIGNMENT:
        snprintf(buf, size, "an address that is not aligned, while the program asks for a check");
        break;
    default:
        snprintf(buf, size, "error %#lx", tf->error);
    }
}
