// Colours are chosen to be readable on dark and on light backgrounds; the background stays the terminal's own. Without
// colour the same differences are made by bold, dim, reverse and underline.
#include "ui/theme.h"

#include <stdlib.h>

static const struct {
    short c256, c16, c8;
    unsigned with_colour, without;
} LOOKS[STYLE_COUNT] = {
    [STYLE_TEXT] = {-1, -1, -1, 0, 0},
    [STYLE_DIM] = {244, 8, -1, 0, THEME_DIM},
    [STYLE_BORDER] = {240, 8, -1, 0, THEME_DIM},
    [STYLE_TITLE] = {-1, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_BRAND] = {170, 5, 5, THEME_BOLD, THEME_BOLD},
    [STYLE_USER] = {33, 12, 6, THEME_BOLD, THEME_BOLD},
    [STYLE_MODEL] = {35, 2, 2, THEME_BOLD, THEME_BOLD},
    [STYLE_NOTE] = {244, 8, -1, 0, THEME_DIM},
    [STYLE_ERROR] = {160, 1, 1, THEME_BOLD, THEME_BOLD},
    [STYLE_WARNING] = {172, 3, 3, THEME_BOLD, THEME_BOLD},
    [STYLE_KEY] = {-1, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_VALUE] = {-1, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_TRACK] = {240, 8, -1, 0, THEME_DIM},
    [STYLE_FILL] = {33, 12, 6, 0, 0},
    [STYLE_KNOB] = {33, 12, 6, THEME_BOLD, THEME_BOLD},
    [STYLE_FOCUS] = {-1, -1, -1, THEME_REVERSE, THEME_REVERSE},
    [STYLE_BAR] = {33, 12, 6, 0, 0},
    [STYLE_CUT] = {244, 8, -1, 0, THEME_DIM},
    [STYLE_CHOSEN] = {35, 2, 2, THEME_BOLD, THEME_BOLD},
};

theme_look theme_of(theme_style style, int colours) {
    if (colours >= 256) return (theme_look){LOOKS[style].c256, LOOKS[style].with_colour};
    if (colours >= 16) return (theme_look){LOOKS[style].c16, LOOKS[style].with_colour};
    if (colours < 8) return (theme_look){-1, LOOKS[style].without};
    unsigned attributes = LOOKS[style].with_colour;
    if (LOOKS[style].c8 < 0) attributes |= LOOKS[style].without; // no grey among eight: dim stands in
    return (theme_look){LOOKS[style].c8, attributes};
}

bool theme_no_colour(void) {
    const char *value = getenv("NO_COLOR");
    return value && *value;
}
