// The background stays the terminal's own; what it is cannot be known, so the default colours can be read on dark and on
// light ones. Without colour the same differences are made by bold, dim, reverse and underline.
#include "ui/theme.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    short c256[3]; // THEME_DEFAULT, THEME_DARK, THEME_LIGHT
    short c16, c8;
    unsigned with_colour, without;
} LOOKS[STYLE_COUNT] = {
    [STYLE_TEXT] = {{-1, -1, -1}, -1, -1, 0, 0},
    [STYLE_DIM] = {{244, 247, 242}, 8, -1, 0, THEME_DIM},
    [STYLE_BORDER] = {{240, 240, 247}, 8, -1, 0, THEME_DIM},
    [STYLE_TITLE] = {{-1, -1, -1}, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_BRAND] = {{170, 177, 90}, 5, 5, THEME_BOLD, THEME_BOLD},
    [STYLE_USER] = {{33, 75, 25}, 12, 6, THEME_BOLD, THEME_BOLD},
    [STYLE_MODEL] = {{35, 114, 28}, 2, 2, THEME_BOLD, THEME_BOLD},
    [STYLE_NOTE] = {{244, 247, 242}, 8, -1, 0, THEME_DIM},
    [STYLE_ERROR] = {{160, 203, 124}, 1, 1, THEME_BOLD, THEME_BOLD},
    [STYLE_WARNING] = {{172, 215, 130}, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_KEY] = {{-1, -1, -1}, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_VALUE] = {{-1, -1, -1}, -1, -1, THEME_BOLD, THEME_BOLD},
    [STYLE_TRACK] = {{240, 240, 247}, 8, -1, 0, THEME_DIM},
    [STYLE_FILL] = {{33, 75, 25}, 12, 6, 0, 0},
    [STYLE_KNOB] = {{33, 75, 25}, 12, 6, THEME_BOLD, THEME_BOLD},
    [STYLE_FOCUS] = {{-1, -1, -1}, -1, -1, THEME_REVERSE, THEME_REVERSE},
    [STYLE_BAR] = {{33, 75, 25}, 12, 6, 0, 0},
    [STYLE_CUT] = {{244, 245, 244}, 8, -1, 0, THEME_DIM},
    [STYLE_CHOSEN] = {{35, 114, 28}, 2, 2, THEME_BOLD, THEME_BOLD},
    [STYLE_COPIED] = {{-1, -1, -1}, -1, -1, THEME_UNDERLINE, THEME_UNDERLINE},
};

bool theme_find(const char *name, theme *out) {
    static const char *const NAMES[] = {"default", "dark", "light", "mono"};
    *out = THEME_DEFAULT;
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *out = (theme)i;
        return true;
    }
    return !*name;
}

theme_look theme_of(theme t, theme_style style, int colours) {
    if (t == THEME_MONO || colours < 8) return (theme_look){-1, LOOKS[style].without};
    if (colours >= 256) return (theme_look){LOOKS[style].c256[t], LOOKS[style].with_colour};
    if (colours >= 16) return (theme_look){LOOKS[style].c16, LOOKS[style].with_colour};
    unsigned attributes = LOOKS[style].with_colour;
    if (LOOKS[style].c8 < 0) attributes |= LOOKS[style].without; // no grey among eight: dim stands in
    return (theme_look){LOOKS[style].c8, attributes};
}

bool theme_no_colour(void) {
    const char *value = getenv("NO_COLOR");
    return value && *value;
}
