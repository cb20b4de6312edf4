/* The display (display.h): a framebuffer, which GRUB gets from UEFI, or the VGA's text memory.

   Both are only written, because reads from a display are very slow. A pixel is 32 bits; a cell is
   8 pixels wide and 16 high, drawn from the glyphs in font.S. Sources: Multiboot2 specification
   3.6.12; IBM VGA technical reference (text memory, palette, CRT controller register 0x0a). */
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

/* The glyphs of ' ' to '~'. The leftmost pixel of a row is bit 7. */
extern const uint8_t font_glyphs[][GLYPH_HEIGHT];

/* The properties of the display; constant after display_init. */
static volatile uint8_t *display_memory;
static uint32_t pitch;             /* bytes from one row of pixels, or of text, to the next */
static uint32_t colours[NCOLOURS]; /* as pixels */
static void (*draw_cell)(unsigned row, unsigned column, uint16_t cell);

/* Returns the pixel of one of the VGA's 16 colours. Bits 2, 1 and 0 give 0xaa of red, green and
   blue; bit 3, bright, adds 0x55 to each. Dark yellow is brown. */
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
    volatile uint8_t *line = display_memory + row * GLYPH_HEIGHT * pitch;

    for (unsigned y = 0; y < GLYPH_HEIGHT; y++, line += pitch) {
        volatile uint32_t *pixels = (volatile uint32_t *)line + column * GLYPH_WIDTH;
        for (unsigned x = 0; x < GLYPH_WIDTH; x++)
            pixels[x] = glyph[y] & (0x80 >> x) ? front : back;
    }
}

static void draw_text(unsigned row, unsigned column, uint16_t cell)
{
    ((volatile uint16_t *)(display_memory + row * pitch))[column] = cell;
}

static void pixels_init(const struct boot_screen *screen)
{
    for (unsigned i = 0; i < NCOLOURS; i++)
        colours[i] = colour_pixel(i, screen);
    draw_cell = draw_pixels;
}

/* Switches the VGA's own cursor off: it would not follow ours. */
static void text_init(void)
{
    port_write8(CRTC_INDEX, CRTC_CURSOR_START);
    port_write8(CRTC_DATA, CURSOR_OFF);
    draw_cell = draw_text;
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
    display_memory = framebuffer_map(screen->addr, (size_t)*rows * height * pitch);
    if (has_pixels)
        pixels_init(screen);
    else
        text_init();
    return true;
}

void display_draw(unsigned row, unsigned column, uint16_t cell)
{
    draw_cell(row, column, cell);
}
