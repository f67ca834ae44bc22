// The table of sampling knobs: reading, writing, borders, and which knob puts which out of action.
#include "model/gen/settings.h"
#include "tests/test.h"

#include <math.h>
#include <string.h>

static const gen_knob *knob(const char *name) {
    const gen_knob *k = gen_knob_find(name);
    OK(k, "there is a knob %s", name);
    return k;
}

static void table(void) {
    OK(gen_n_knobs() == 18 && !gen_knob_at(18), "%zu knobs", gen_n_knobs());
    for (size_t i = 0; i < gen_n_knobs(); i++) {
        const gen_knob *k = gen_knob_at(i);
        OK(gen_knob_find(k->name) == k && k->help && *k->help, "%s is found by its name and explained", k->name);
        OK(k->slider_step >= 0 && (k->slider_step == 0 || k->slider_min < k->slider_max), "%s: its slider", k->name);
        OK(k->slider_step == 0 || (k->slider_min >= k->min && k->slider_max <= k->max), "%s: slider inside", k->name);
    }
    OK(gen_knob_find("top_k") == gen_knob_find("top-k") && !gen_knob_find("top") && !gen_knob_find(""), "names");
}

static void defaults(void) {
    gen_settings raw = gen_settings_raw(), chat = gen_settings_chat();
    OK(raw.temperature == 0.7 && raw.top_k == 40 && raw.top_p == 0.9 && raw.min_p == 0 && raw.typical_p == 1, "raw");
    OK(raw.repetition_penalty == 1 && raw.no_repeat_ngram == 0 && raw.max_tokens == 128 && raw.beams == 1, "raw");
    OK(chat.temperature == 0.7 && chat.top_k == 40 && chat.top_p == 0.9 && chat.min_p == 0.05, "chat");
    OK(chat.repetition_penalty == 1.1 && chat.max_tokens == 512 && !chat.seed_given, "chat");
}

#define SIXTEEN "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"

// text: what is read; printed: what is written back, NULL when it must be refused.
static void reading(void) {
    static const struct {
        const char *name, *text, *printed;
    } cases[] = {
        {"temperature", "0.85", "0.85"},
        {"temperature", "0", "0"},
        {"temperature", "1e1", "10"},
        {"temperature", "-0.1", NULL},
        {"temperature", "nan", NULL},
        {"temperature", "inf", NULL},
        {"temperature", "", NULL},
        {"temperature", "0.5x", NULL},
        {"temperature", "0,5", NULL},
        {"top-k", "40", "40"},
        {"top-k", "0", "0"},
        {"top-k", "1.5", NULL},
        {"top-k", "-1", NULL},
        {"top-k", "99999999999", NULL},
        {"top-p", "1", "1"},
        {"top-p", "1.01", NULL},
        {"min-p", "0.05", "0.05"},
        {"typical-p", "0.2", "0.2"},
        {"repetition-penalty", "0", NULL},
        {"presence-penalty", "-1.5", "-1.5"},
        {"max-tokens", "0", NULL},
        {"max-tokens", "7", "7"},
        {"max-chars", "0", "0"},
        {"beams", "0", NULL},
        {"beams", "4", "4"},
        {"length-penalty", "-2", "-2"},
        {"early-stopping", "on", "on"},
        {"early-stopping", "no", "off"},
        {"early-stopping", "maybe", NULL},
        {"ignore-eos", "true", "on"},
        {"seed", "18446744073709551615", "18446744073709551615"},
        {"seed", "18446744073709551616", NULL},
        {"seed", "-1", NULL},
        {"seed", "0x1", NULL},
        {"seed", "random", "random"},
        {"eos", "2", "2"},
        {"eos", "2,50256", "2,50256"},
        {"eos", "2,", NULL},
        {"eos", "-2", NULL},
        {"eos", "4294967296", NULL},
        {"eos", "1,2,3,4,5,6,7,8,9", "1,2,3,4,5,6,7,8,9"},
        {"eos", SIXTEEN "," SIXTEEN "," SIXTEEN "," SIXTEEN, SIXTEEN "," SIXTEEN "," SIXTEEN "," SIXTEEN},
        {"eos", SIXTEEN "," SIXTEEN "," SIXTEEN "," SIXTEEN ",1", NULL},
        {"eos", "", "the model's"},
        {"stop", "END", "\"END\""},
        {"stop", "a\\nb\\t\\\\", "\"a\\nb\\t\\\\\""},
        {"stop", "\\q", "\"\\\\q\""},
        {"stop", "\xff", NULL},
        {"stop", "", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gen_settings s = gen_settings_raw(), before = s;
        error err = {{0}};
        buf out = {0};
        int code = gen_knob_parse(knob(cases[i].name), cases[i].text, &s, &err);
        gen_knob_print(knob(cases[i].name), &s, &out);
        if (cases[i].printed)
            OK(code == 0 && strcmp(buf_str(&out), cases[i].printed) == 0, "%s \"%s\": %s %s", cases[i].name,
               cases[i].text, buf_str(&out), err.text);
        else
            OK(code == -1 && strncmp(err.text, cases[i].name, strlen(cases[i].name)) == 0 &&
                   s.temperature == before.temperature && s.top_k == before.top_k && s.n_stops == 0,
               "%s \"%s\" is refused: %s", cases[i].name, cases[i].text, err.text);
        buf_free(&out);
    }
}

static void lists(void) {
    gen_settings s = gen_settings_raw();
    char name[8];
    for (int i = 0; i < GEN_MAX_STOPS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        OK(gen_knob_parse(knob("stop"), name, &s, NULL) == 0, "stop %d", i);
    }
    OK(gen_knob_parse(knob("stop"), "more", &s, NULL) == -1 && s.n_stops == GEN_MAX_STOPS, "no more stops than fit");
    OK(gen_knob_parse(knob("stop"), "", &s, NULL) == 0 && s.n_stops == 0, "the empty text removes them");
    char longest[GEN_MAX_STOP_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    longest[GEN_MAX_STOP_BYTES] = '\0';
    OK(gen_knob_parse(knob("stop"), longest, &s, NULL) == -1, "a stop too long");
    OK(gen_knob_parse(knob("stop"), longest + 1, &s, NULL) == 0, "a stop as long as fits");
}

static void sliders(void) {
    gen_settings s = gen_settings_raw();
    gen_knob_set(knob("temperature"), &s, -3);
    OK(s.temperature == 0, "clamped below");
    gen_knob_set(knob("top-p"), &s, 7);
    OK(s.top_p == 1, "clamped above");
    gen_knob_set(knob("top-k"), &s, 39.6);
    OK(s.top_k == 40 && gen_knob_get(knob("top-k"), &s) == 40, "whole numbers are rounded");
    gen_knob_set(knob("top-k"), &s, NAN);
    OK(s.top_k == 40, "NaN changes nothing");
    gen_knob_set(knob("early-stopping"), &s, 1);
    OK(s.early_stopping && gen_knob_get(knob("early-stopping"), &s) == 1, "a flag");
    gen_knob_set(knob("max-tokens"), &s, INFINITY);
    OK(s.max_tokens == 1000000, "infinity is the largest");
}

static void idle(void) {
    static const struct {
        const char *set[3][2];
        const char *asked;
        bool idle;
    } cases[] = {
        {{{"beams", "3"}}, "top-k", true},
        {{{"beams", "3"}}, "temperature", true},
        {{{"beams", "3"}, {"temperature", "0"}}, "temperature", false},
        {{{"beams", "3"}, {"stop", "x"}}, "stop", true},
        {{{"beams", "3"}, {"max-chars", "9"}}, "max-chars", true},
        {{{"beams", "3"}, {"early-stopping", "on"}}, "early-stopping", false},
        {{{"beams", "3"}, {"repetition-penalty", "1.2"}}, "repetition-penalty", false},
        {{{"early-stopping", "on"}}, "early-stopping", true},
        {{{"length-penalty", "2"}}, "length-penalty", true},
        {{{"temperature", "0"}}, "top-k", true},
        {{{"temperature", "0"}, {"top-k", "0"}}, "top-k", false},
        {{{"temperature", "0"}, {"seed", "4"}}, "seed", true},
        {{{"temperature", "0"}, {"min-p", "0.1"}}, "min-p", true},
        {{{"temperature", "0"}, {"top-p", "1"}}, "top-p", false},
        {{{"temperature", "0"}}, "temperature", false},
        {{{"ignore-eos", "on"}, {"eos", "3"}}, "eos", true},
        {{{"eos", "3"}}, "eos", false},
        {{{0}}, "top-k", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gen_settings s = gen_settings_raw();
        for (int k = 0; k < 3 && cases[i].set[k][0]; k++)
            gen_knob_parse(knob(cases[i].set[k][0]), cases[i].set[k][1], &s, NULL);
        OK((gen_knob_idle(knob(cases[i].asked), &s) != NULL) == cases[i].idle, "case %zu: %s is %sidle", i,
           cases[i].asked, cases[i].idle ? "" : "not ");
    }
}

int main(void) {
    table();
    defaults();
    reading();
    lists();
    sliders();
    idle();
    return test_end();
}
