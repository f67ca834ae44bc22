// Sliders: values and positions, and what keys and the mouse do to the pane of them.
#include "tests/test.h"
#include "ui/sampling.h"

#include <math.h>
#include <string.h>

static void test_positions(void) {
    const gen_knob *k = gen_knob_find("temperature");
    OK(slider_position(k, k->slider_min, 11) == 0, "the least value stands left");
    OK(slider_position(k, k->slider_max, 11) == 10, "the greatest right");
    OK(slider_position(k, 1e9, 11) == 10 && slider_position(k, -1, 11) == 0,
       "values beyond the range stand at its ends");
    OK(slider_position(k, NAN, 11) == 0, "what is no number stands left");
    OK(slider_value(k, 0, 11) == k->slider_min && slider_value(k, 10, 11) == k->slider_max, "the ends can be reached");
    OK(slider_value(k, -5, 11) == k->slider_min && slider_value(k, 99, 11) == k->slider_max,
       "also from beyond the track");
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *knob = gen_knob_at(i);
        if (knob->slider_step <= 0) continue;
        for (int cells = 2; cells < 40; cells += 7)
            for (int p = 0; p < cells; p++) {
                double value = slider_value(knob, p, cells);
                double steps = (value - knob->slider_min) / knob->slider_step;
                bool at_end = value == knob->slider_max;
                if (!at_end && fabs(steps - round(steps)) > 1e-6) OK(0, "%s: %g is on no step", knob->name, value);
            }
    }
    OK(1, "values of a track are on steps");
}

static void test_moves(void) {
    const gen_knob *k = gen_knob_find("temperature");
    double step = k->slider_step;
    OK(fabs(slider_moved(k, 0.7, 1) - 0.75) < 1e-9, "one step up");
    OK(fabs(slider_moved(k, 0.7, -10) - 0.2) < 1e-9, "ten steps down");
    OK(slider_moved(k, k->slider_max, 1) == k->slider_max, "not beyond the end");
    OK(fabs(slider_moved(k, 0.71, 1) - 0.75) < 1e-9 && fabs(slider_moved(k, 0.71, -1) - 0.7) < 1e-9,
       "from between two steps to the next");
    double value = 0;
    for (int i = 0; i < 7; i++) value = slider_moved(k, value, 1);
    OK(fabs(value - 7 * step) < 1e-9, "steps do not drift: %g", value);
}

static key press(key_code code, unsigned modifiers) {
    return (key){.code = code, .modifiers = modifiers};
}

static sampling_result type(sampling *p, gen_settings *s, const char *text) {
    sampling_result r = SAMPLING_IGNORED;
    for (; *text; text++) {
        key k = {.code = KEYS_CHAR, .ch = (unsigned char)*text};
        r = sampling_key(p, &k, s);
    }
    return r;
}

static void test_keys(void) {
    sampling p;
    gen_settings s = gen_settings_chat();
    sampling_init(&p);
    OK(p.n_knobs >= 7 && strcmp(p.knobs[1]->name, "top-k") == 0, "at least seven knobs, in the order of the pane");
    p.focused = true;
    OK(sampling_key(&p, &(key){.code = KEYS_RIGHT}, &s) == SAMPLING_CHANGED && fabs(s.temperature - 0.75) < 1e-9,
       "Right moves the first one");
    key down = press(KEYS_DOWN, 0), up = press(KEYS_UP, 0), big = press(KEYS_LEFT, KEYS_SHIFT);
    sampling_key(&p, &down, &s);
    OK(sampling_key(&p, &big, &s) == SAMPLING_CHANGED && s.top_k == 30, "Shift-Left moves further: %d", s.top_k);
    OK(type(&p, &s, "12") == SAMPLING_TAKEN && s.top_k == 30, "a number being typed acts not yet");
    OK(type(&p, &s, "3\x7f\r") == SAMPLING_CHANGED && s.top_k == 12, "Enter takes it: %d", s.top_k);
    OK(type(&p, &s, "9.9.9\r") == SAMPLING_TAKEN && s.top_k == 12 && p.err.text[0],
       "no number is refused with a reason");
    OK(type(&p, &s, "5\x1b") == SAMPLING_TAKEN && p.typed[0] == 0 && p.focused, "Escape forgets what was typed");
    OK(type(&p, &s, "q") == SAMPLING_TAKEN && s.top_k == 12, "letters mean nothing here");
    sampling_key(&p, &up, &s);
    sampling_key(&p, &up, &s);
    OK(p.selected == p.n_knobs - 1, "above the first is the last");
    OK(type(&p, &s, "\x1b") == SAMPLING_LEFT && !p.focused, "Escape leaves");
    p.focused = true;
    OK(sampling_key(&p, &(key){.code = KEYS_F2}, &s) == SAMPLING_LEFT, "so does F2");
    p.focused = true;
    OK(type(&p, &s, "\r") == SAMPLING_LEFT, "and Enter");
    type(&p, &s, "11111111111111111111111111");
    OK(strlen(p.typed) < sizeof p.typed, "a long number is cut");
}

static void test_dials(void) {
    sampling p;
    gen_settings s = gen_settings_chat();
    const sampling_dial dials[] = {{"clone", 1}, {"other", 0.5}};
    canvas c = {0};
    buf row = {0};
    sampling_init(&p);
    p.focused = true;
    sampling_set_dials(&p, dials, 2, false);
    OK(p.selected == 2 && sampling_rows(&p) == p.n_knobs + 2, "the knob that had the focus keeps it");
    key up = press(KEYS_UP, 0), right = press(KEYS_RIGHT, 0), end = press(KEYS_END, 0);
    sampling_key(&p, &up, &s);
    OK(sampling_key(&p, &right, &s) == SAMPLING_DIALLED && fabs(p.dials[1].value - 0.55) < 1e-9 && s.temperature == 0.7,
       "a dial is moved, and nothing else");
    OK(sampling_key(&p, &end, &s) == SAMPLING_DIALLED && p.dials[1].value == 2, "up to 2");
    OK(type(&p, &s, "1.25\r") == SAMPLING_DIALLED && p.dials[1].value == 1.25, "typed");
    OK(type(&p, &s, "2.5\r") == SAMPLING_TAKEN && p.dials[1].value == 1.25 && p.err.text[0], "refused: %s", p.err.text);
    canvas_resize(&c, 4, 50);
    sampling_draw(&p, &c, (rect){0, 0, 4, 50}, &s);
    canvas_text(&c, 1, &row);
    OK(strstr(row.data, "other") && strstr(row.data, "1.25"), "drawn: %s", row.data);
    sampling_set_dials(&p, dials, 2, true);
    sampling_draw(&p, &c, (rect){0, 0, 4, 50}, &s);
    buf_clear(&row);
    canvas_text(&c, 0, &row);
    OK(strstr(row.data, "clone") && strstr(row.data, "off"), "off: %s", row.data);
    sampling_set_dials(&p, dials, 0, false);
    OK(p.selected == 0 && sampling_rows(&p) == p.n_knobs, "they are gone");
    buf_free(&row);
    canvas_free(&c);
}

static void test_unit(void) {
    sampling p;
    gen_settings s = gen_settings_chat();
    sampling_init(&p);
    p.focused = true;
    OK(type(&p, &s, "u") == SAMPLING_TAKEN && !sampling_has_unit(&p), "most knobs have one unit");
    while (strcmp(p.knobs[p.selected]->name, "max-tokens") != 0) type(&p, &s, "\t");
    OK(sampling_has_unit(&p), "the length has two");
    s.max_tokens = 64;
    OK(type(&p, &s, "u") == SAMPLING_CHANGED && s.max_chars == 260 && s.max_tokens >= s.max_chars, "%d characters",
       s.max_chars);
    OK(strcmp(p.knobs[p.selected]->name, "max-chars") == 0, "the row shows it");
    OK(type(&p, &s, "80\r") == SAMPLING_CHANGED && s.max_chars == 80, "typed");
    key left = press(KEYS_HOME, 0);
    sampling_key(&p, &left, &s);
    OK(s.max_chars == 20, "its slider never says \"no limit\"");
    s.max_chars = 400;
    OK(type(&p, &s, "u") == SAMPLING_CHANGED && s.max_chars == 0 && s.max_tokens == 112, "%d tokens", s.max_tokens);
    OK(strcmp(p.knobs[p.selected]->name, "max-tokens") == 0, "and back");
}

static void test_mouse(void) {
    sampling p;
    gen_settings s = gen_settings_chat();
    canvas c = {0};
    sampling_init(&p);
    canvas_resize(&c, 10, 60);
    sampling_draw(&p, &c, (rect){1, 10, 7, 40}, &s);
    buf row = {0};
    canvas_text(&c, 1, &row);
    OK(strstr(row.data, "temperature") && strstr(row.data, "●") && strstr(row.data, "0.7"), "drawn: %s", row.data);
    key k = {.code = KEYS_MOUSE, .action = MOUSE_PRESS, .row = 2, .col = p.track_col + p.track_cols - 1};
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_CHANGED && s.top_k == (int)p.knobs[1]->slider_max,
       "a press sets the value");
    k.action = MOUSE_DRAG, k.row = 9, k.col = 0;
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_CHANGED && s.top_k == (int)p.knobs[1]->slider_min,
       "a drag follows anywhere");
    k.action = MOUSE_RELEASE;
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_TAKEN && !p.dragging, "until the button is released");
    k.action = MOUSE_DRAG;
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_IGNORED, "then it is nobody's");
    k.action = MOUSE_PRESS, k.row = 1, k.col = 11;
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_TAKEN && p.selected == 0 && !p.dragging, "a name is chosen, not moved");
    k.row = 0;
    OK(sampling_mouse(&p, &k, &s) == SAMPLING_IGNORED, "outside nothing happens");
    p.selected = 6;
    sampling_draw(&p, &c, (rect){1, 10, 4, 40}, &s);
    OK(p.top == 3, "in a low pane the chosen one is in view");
    buf_free(&row);
    canvas_free(&c);
}

int main(void) {
    test_positions();
    test_moves();
    test_keys();
    test_dials();
    test_unit();
    test_mouse();
    return test_end();
}
