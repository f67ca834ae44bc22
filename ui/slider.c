#include "ui/slider.h"

#include <math.h>

static double clamp(double value, double low, double high) {
    return value < low ? low : value > high ? high : value;
}

// Steps are counted from the range's start, so that both ends can be reached exactly.
static double on_step(const gen_knob *k, double value) {
    double steps = round((value - k->slider_min) / k->slider_step);
    return clamp(k->slider_min + steps * k->slider_step, k->slider_min, k->slider_max);
}

int slider_position(const gen_knob *k, double value, int cells) {
    double range = k->slider_max - k->slider_min;
    if (cells < 2 || !(range > 0) || isnan(value)) return 0;
    return (int)lround((clamp(value, k->slider_min, k->slider_max) - k->slider_min) / range * (cells - 1));
}

double slider_value(const gen_knob *k, int position, int cells) {
    if (cells < 2 || position <= 0) return k->slider_min;
    if (position >= cells - 1) return k->slider_max;
    return on_step(k, k->slider_min + (k->slider_max - k->slider_min) * position / (cells - 1));
}

// From between two steps the first move goes to the next one.
double slider_moved(const gen_knob *k, double value, int steps) {
    double here = (clamp(value, k->slider_min, k->slider_max) - k->slider_min) / k->slider_step;
    double from = fabs(here - round(here)) < 1e-6 ? round(here) : steps > 0 ? floor(here) : ceil(here);
    return clamp(k->slider_min + (from + steps) * k->slider_step, k->slider_min, k->slider_max);
}

void slider_draw(canvas *c, int row, int col, int cells, int position) {
    for (int i = 0; i < cells; i++) {
        theme_style style = i < position ? STYLE_FILL : i == position ? STYLE_KNOB : STYLE_TRACK;
        canvas_fill(c, (rect){row, col + i, 1, 1}, i < position ? 0x2501 : i == position ? 0x25cf : 0x2500, style);
    }
}
