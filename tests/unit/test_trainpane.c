// The pane of a running training: every phase, at every size, with figures that are none.
#include "tests/drawn.h"
#include "ui/trainpane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static canvas c;

static void draw(const background_state *s, int rows, int cols, bool with_sample) {
    canvas_resize(&c, rows, cols);
    trainpane_draw(&c, (rect){0, 0, rows, cols}, s, with_sample);
}

static background_point losses[] = {{1, 4}, {40, 3}, {84, 2.4}}, evals[] = {{0, 4.2}, {50, 2.5}};

static background_state running(void) {
    return (background_state){.phase = BACKGROUND_RUNNING,
                              .step = 84,
                              .steps = 200,
                              .loss = 2.4,
                              .held_out = 2.5,
                              .copy_rate = 0.031,
                              .tok_s = 1234,
                              .eta_s = 240,
                              .losses = losses,
                              .n_losses = 3,
                              .evals = evals,
                              .n_evals = 2};
}

static void test_sizes(void) {
    background_state s = running();
    draw(&s, 1, 36, false);
    OK(shows(&c, "loss ") && shows(&c, "held-out 2.50  4 min left"), "one line");
    draw(&s, 2, 36, false);
    expect_row(&c, 0, "━━━━━━━━───────────  42%  4 min left", "progress");
    expect_row(&c, 1, "held-out 2.50  loss 2.40  copied 3%", "figures");
    draw(&s, 8, 36, false);
    expect_row(&c, 7, "step 84/200  1,234 tok/s", "more figures");
    OK(shows(&c, " 4.20 ") && shows(&c, " 2.40 "), "a plot with labels");
    s.n_waiting = 2;
    draw(&s, 8, 36, false);
    expect_row(&c, 7, "step 84/200  1,234 tok/s  waiting 2", "trainings in line");
    draw(&s, 2, 9, false);
    expect_row(&c, 0, " 42% 4 mi", "narrow");
    for (int rows = 0; rows < 20; rows++)
        for (int cols = 1; cols < 90; cols += 3) {
            canvas_resize(&c, 20, 90);
            trainpane_draw(&c, (rect){0, 0, rows, cols}, &s, rows % 2);
            for (int y = 0; y < 20; y++)
                for (int x = 0; x < 90; x++)
                    if ((y >= rows || x >= cols) && canvas_at(&c, y, x)->ch[0] != ' ')
                        OK(0, "outside of %dx%d at %d,%d", cols, rows, x, y), y = 20, x = 90;
        }
}

static void test_phases(void) {
    background_state s = running();
    s.phase = BACKGROUND_PAUSED;
    draw(&s, 2, 40, false);
    OK(shows(&c, "paused"), "paused");
    s.pause_reason = "on battery";
    draw(&s, 2, 40, false);
    OK(shows(&c, "paused: on battery"), "paused by itself");
    s.phase = BACKGROUND_DONE, s.reason = "early-stop";
    draw(&s, 2, 40, false);
    OK(shows(&c, "100%") && shows(&c, "done"), "done");
    s.reason = "discarded";
    OK(!trainpane_is_shown(&s), "discarded");
    s.phase = BACKGROUND_FAILED;
    strcpy(s.err.text, "adapters/ana: no room on the disk; make some and resume");
    draw(&s, 6, 30, false);
    OK(shows(&c, "failed") && shows(&c, "adapters/ana: no room on the") && shows(&c, "disk"), "failed, and why");
    background_state fresh = {
        .phase = BACKGROUND_STARTING, .loss = NAN, .held_out = NAN, .copy_rate = NAN, .eta_s = NAN};
    draw(&fresh, 8, 40, true);
    OK(shows(&c, "starting") && shows(&c, "  0%") && shows(&c, "loss –"), "before the first step");
}

static void test_sample(void) {
    background_state s = running();
    draw(&s, 12, 40, true);
    OK(shows(&c, "no sample yet"), "none yet");
    buf_puts(&s.sample, "Ana: see you\033[2J at the harbour, then\nBen: ok");
    s.sample_step = 80;
    draw(&s, 12, 40, true);
    OK(shows(&c, "sample of step 80") && shows(&c, "Ana: see you at the harbour, then") && shows(&c, "Ben: ok"),
       "the newest");
    draw(&s, 12, 40, false);
    OK(!shows(&c, "Ana"), "not asked for");
    buf_free(&s.sample);
}

static void test_status(void) {
    char text[TRAINPANE_STATUS];
    background_state s = running();
    trainpane_status(&s, false, text);
    OK(strcmp(text, "training 42% ▇▇▁▁") == 0, "%s", text);
    trainpane_status(&s, true, text);
    OK(strcmp(text, "42% ▇▇▁▁") == 0, "%s", text);
    s.step = 200;
    trainpane_status(&s, false, text);
    OK(strcmp(text, "training 100% ▇▇▇▇") == 0, "%s", text);
    s.steps = 0;
    trainpane_status(&s, false, text);
    OK(strcmp(text, "training 0% ▁▁▁▁") == 0, "%s", text);
    s.phase = BACKGROUND_DONE;
    trainpane_status(&s, false, text);
    OK(!*text && trainpane_is_shown(&s), "nothing runs any more");
    trainpane_status(NULL, false, text);
    OK(!*text && !trainpane_is_shown(NULL), "no training at all");
}

int main(void) {
    test_sizes();
    test_phases();
    test_sample();
    test_status();
    canvas_free(&c);
    return test_end();
}
