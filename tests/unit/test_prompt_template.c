// Prompt templates: the format, its mistakes, and the ones that doppel brings.
#include "app/prompt_template.h"
#include "tests/test.h"

#include <stdlib.h>
#include <string.h>

static void good(void) {
    prompt_template t;
    error err;
    int code = prompt_template_parse(&t,
                                     "# comment\n\nabout: a test\nmode: chat\r\nsystem:  Be brief: now.\n"
                                     "temperature: 0.25\nstop: \\n\nstop: END\n---\nA {{input}} B {{input}}\n\n",
                                     "t", &err);
    OK(code == 0 && t.mode == PROMPT_CHAT && !strcmp(t.about, "a test") && !strcmp(t.system, "Be brief: now."),
       "settings above the line");
    OK(t.wants_input && !strcmp(t.text, "A {{input}} B {{input}}\n"), "the text below it, less one newline");
    gen_settings s = gen_settings_raw();
    prompt_template_settings(&t, &s);
    OK(s.temperature == 0.25 && s.n_stops == 2 && !strcmp(s.stops[0], "\n") && s.top_k == 40, "knobs over settings");
    buf out = {0};
    prompt_template_fill(&t, "{{input}}\0x", 11, &out);
    OK(out.len == 6 + 2 * 11 && !memcmp(out.data, "A {{input}}\0x B ", 16), "the input is put in as it is: %zu",
       out.len);
    buf_free(&out);
    prompt_template_free(&t);

    code = prompt_template_parse(&t, "---\n", "t", &err);
    OK(code == 0 && !*t.text && !t.wants_input && t.mode == PROMPT_AS_MODEL, "the shortest template");
    prompt_template_free(&t);
}

static void bad(void) {
    static const char *const cases[][2] = {
        {"", "---"},
        {"just text\n---\n", "t:1"},
        {"about: x\n", "---"},
        {"# x\nmode: loud\n---\n", "t:2"},
        {"tempurature: 1\n---\n", "t:1"},
        {"temperature: hot\n---\n", "t:1"},
        {"---\nHello {{name}}\n", "{{name}}"},
        {": x\n---\n", "t:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prompt_template t;
        error err = {{0}};
        int code = prompt_template_parse(&t, cases[i][0], "t", &err);
        OK(code == -1 && strstr(err.text, cases[i][1]), "case %zu: %d %s", i, code, err.text);
        prompt_template_free(&t);
    }
    prompt_template t;
    error err = {{0}};
    OK(prompt_template_load(&t, "no-such-template", &err) == -1 && strstr(err.text, "no-such-template"), "%s",
       err.text);
    prompt_template_free(&t);
    OK(prompt_template_load(&t, "./no-such-file.prompt", &err) == -1, "%s", err.text);
    prompt_template_free(&t);
    OK(prompt_template_load(&t, "/", &err) == -1, "a folder: %s", err.text);
    prompt_template_free(&t);
}

// Those in prompts/ must be readable.
static void ours(void) {
    const char *tests = getenv("TESTS");
    static const char *const names[] = {"answer", "plain", "summary", "verse"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buf path = {0};
        buf_printf(&path, "%s/../prompts/%s.prompt", tests ? tests : "tests", names[i]);
        prompt_template t;
        error err = {{0}};
        OK(prompt_template_load(&t, buf_str(&path), &err) == 0 && t.wants_input && t.about, "%s: %s", names[i],
           err.text);
        prompt_template_free(&t);
        buf_free(&path);
    }
}

int main(void) {
    good();
    bad();
    ours();
    return test_end();
}
