/* The screen's hardware (display.h): a framebuffer, as UEFI gives it through GRUB, or the VGA's text
   memory.

   Both are only written, never read: reading them back is slow beyond patience. A pixel is 32 bits;
   a cell is 8 pixels wide and 16 high, drawn from the glyphs in font.S.
   Sources: Multiboot2 specification 3.6.12; IBM VGA technical reference (text memory, palette, CRT
   controller register 0x0a). */
#include <arch/boot.h>
#include <arch/init.h>
#include <arch/port.h>
#include "display.h"
#include "vt.h"

#define GLYPH_WIDTH  8u
#define GLYPH_HEIGHT 16u

#define CRTC_INDEX        0x3d4
#define CRTC_DATA         0x3d5
#define CRTC_CURSOR_START 0x0a
#define CURSOR_OFF        (1u << 5)

#define NCOLOURS 16u

extern const uint8_t font_glyphs[][GLYPH_HEIGHT]; /* from ' ' on; the leftmost pixel in bit 7 */

static volatile uint8_t *memory;
static uint32_t pitch; /* bytes from one row of pixels, or of text, to the next */
static uint32_t colours[NCOLOURS];
static void (*draw)(unsigned row, unsigned column, uint16_t cell);

/* The VGA's 16 colours: 0xaa of red, green and blue in bits 2, 1 and 0, and 0x55 more of each if
   bright. Its dark yellow is brown. */
static uint32_t colour_pixel(unsigned colour, const struct boot_screen *screen)
{
    unsigned more = colour & 8 ? 0x55 : 0;
    unsigned red = (colour & 4 ? 0xaa : 0) + more;
    unsigned green = (colour & 2 ? 0xaa : 0) + more;
    unsigned blue = (colour & 1 ? 0xaa : 0) + more;

    if (colour == 6)
        green /= 2;
    return red << screen->red_shift | green << screen->green_shift | blue << screen->blue_shift;
}

static void draw_pixels(unsigned row, unsigned column, uint16_t cell)
{
    const uint8_t *glyph = font_glyphs[(cell & 0x7f) - ' '];
    uint32_t front = colours[cell >> 8 & 0xf], back = colours[cell >> 12];
    volatile uint8_t *line = memory + row * GLYPH_HEIGHT * pitch;

    for (unsigned y = 0; y < GLYPH_HEIGHT; y++, line += pitch) {
        volatile uint32_t *pixels = (volatile uint32_t *)line + column * GLYPH_WIDTH;
        for (unsigned x = 0; x < GLYPH_WIDTH; x++)
            pixels[x] = glyph[y] & (0x80 >> x) ? front : back;
    }
}

static void draw_text(unsigned row, unsigned column, uint16_t cell)
{
    ((volatile uint16_t *)(memory + row * pitch))[column] = cell;
}

static void pixels_init(const struct boot_screen *screen)
{
    for (unsigned i = 0; i < NCOLOURS; i++)
        colours[i] = colour_pixel(i, screen);
    draw = draw_pixels;
}

/* The VGA's own cursor does not know where ours is. */
static void text_init(void)
{
    port_write8(CRTC_INDEX, CRTC_CURSOR_START);
    port_write8(CRTC_DATA, CURSOR_OFF);
    draw = draw_text;
}

bool display_init(unsigned *rows, unsigned *columns)
{
    const struct boot_screen *screen = &boot_info.screen;
    bool has_pixels = screen->kind == SCREEN_PIXELS;
    unsigned width = has_pixels ? GLYPH_WIDTH : 1, height = has_pixels ? GLYPH_HEIGHT : 1;

    *rows = min(screen->height / height, VT_MAX_ROWS);
    *columns = min(screen->width / width, VT_MAX_COLUMNS);
    if (screen->kind == SCREEN_NONE || *rows == 0 || *columns == 0)
        return false;
    pitch = screen->pitch;
    memory = framebuffer_map(screen->addr, (size_t)*rows * height * pitch);
    if (has_pixels)
        pixels_init(screen);
    else
        text_init();
    return true;
}

void display_draw(unsigned row, unsigned column, uint16_t cell)
{
    draw(row, column, cell);
}
