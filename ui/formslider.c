// Each slider walks over a list of values, so that doubling and halving are steps of the same length. A value between
// two of the list (the tuning's own choice) stands at the nearer one.
#include "ui/formslider.h"

#include "ui/slider.h"

#include <math.h>

static const double RANKS[] = {2, 4, 8, 16, 32, 64, 128};
static const double RATES[] = {2e-5, 5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3, 1.5e-3, 2e-3, 3e-3};

typedef struct scale {
    const double *values; // NULL: 0, 1, 2 ...
    int n;
} scale;

static scale scale_of(form_item item) {
    switch (item) {
    case FORM_EFFORT: return (scale){NULL, TUNING_EFFORTS};
    case FORM_RANK: return (scale){RANKS, sizeof RANKS / sizeof *RANKS};
    case FORM_RATE: return (scale){RATES, sizeof RATES / sizeof *RATES};
    default: return (scale){NULL, 0};
    }
}

bool formslider_is(form_item item) {
    return scale_of(item).n > 0;
}

static double value_of(const tuning *t, form_item item) {
    return item == FORM_EFFORT ? (double)t->effort : item == FORM_RANK ? (double)t->rank : t->rate;
}

// slider.c works on knobs: one whose values are the places in the list.
static gen_knob knob_of(form_item item) {
    return (gen_knob){.slider_min = 0, .slider_max = scale_of(item).n - 1, .slider_step = 1};
}

static int place_of(const tuning *t, form_item item) {
    scale s = scale_of(item);
    double value = value_of(t, item);
    if (!s.values) return (int)value;
    int best = 0;
    for (int i = 1; i < s.n; i++)
        if (fabs(log(s.values[i] / value)) < fabs(log(s.values[best] / value))) best = i;
    return best;
}

static void set_place(tuning *t, form_item item, int place) {
    if (place == place_of(t, item)) return;
    if (item == FORM_EFFORT)
        tuning_set_effort(t, (tuning_effort)place);
    else if (item == FORM_RANK)
        tuning_set_rank(t, (int)RANKS[place]);
    else
        tuning_set_rate(t, RATES[place]);
}

void formslider_move(tuning *t, form_item item, int steps) {
    gen_knob k = knob_of(item);
    if (formslider_is(item)) set_place(t, item, (int)slider_moved(&k, place_of(t, item), steps));
}

void formslider_put(tuning *t, form_item item, int cell, int cells) {
    gen_knob k = knob_of(item);
    if (formslider_is(item)) set_place(t, item, (int)slider_value(&k, cell, cells));
}

int formslider_cell(const tuning *t, form_item item, int cells) {
    gen_knob k = knob_of(item);
    return slider_position(&k, place_of(t, item), cells);
}

void formslider_print(const tuning *t, form_item item, buf *out) {
    if (item == FORM_EFFORT)
        buf_puts(out, tuning_effort_name(t->effort));
    else
        buf_printf(out, "%g", value_of(t, item));
}
