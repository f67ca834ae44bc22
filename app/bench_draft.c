#include "app/bench_draft.h"

#include <stdio.h>

enum { TOKENS = 128, ROUNDS = 4 };

static const char passage[] =
    "The ferry to the island leaves at seven in the morning and at four in the afternoon. In winter it does not leave "
    "on Mondays, and when the wind comes from the north it waits until the harbour master hangs out the green lamp. "
    "Bicycles travel free of charge; dogs need a ticket of their own, which the boatman sells on board.\n\n";

typedef struct drafted {
    double plain, with; // tokens per second, the best of the rounds
    int n_drafted, n_accepted;
} drafted;

// Goes on with the prompt; returns tokens per second, -1 with a message.
static double decode(const model *m, net_state *s, const id_list *prompt, double temperature, drafter *d,
                     gen_result *result, error *err) {
    gen_settings settings = gen_settings_raw();
    settings.temperature = temperature;
    settings.max_tokens = TOKENS;
    settings.ignore_eos = true;
    chain *c = chain_open(net_get_config(m->net)->n_vocab, 1);
    gen_request r = {.prompt = prompt->data, .n_prompt = prompt->len, .settings = &settings, .drafter = d};
    int failed = generate(s, NULL, c, &r, result, err);
    chain_close(c);
    return failed ? -1 : result->n_decoded / result->decode_seconds;
}

static int measure(const model *m, net_state *s, const id_list *prompt, double temperature, drafted *out, error *err) {
    drafter *d = drafter_open(DRAFT_MOST, false);
    *out = (drafted){0};
    int failed = 0;
    for (int i = 0; !failed && i < 2 * ROUNDS; i++) {
        gen_result result;
        double rate = decode(m, s, prompt, temperature, i % 2 ? d : NULL, &result, err);
        double *best = i % 2 ? &out->with : &out->plain;
        if (rate > *best) *best = rate;
        out->n_drafted += result.n_drafted;
        out->n_accepted += result.n_accepted;
        gen_result_free(&result);
        failed = rate < 0;
    }
    drafter_close(d);
    return failed ? -1 : 0;
}

static void print(const char *text, const drafted *d, bool json) {
    if (json)
        printf("{\"type\":\"draft\",\"text\":\"%s\",\"tok_s\":%.1f,\"plain_tok_s\":%.1f,\"ratio\":%.3f,\"drafted\":%d,"
               "\"accepted\":%d}\n",
               text, d->with, d->plain, d->with / d->plain, d->n_drafted, d->n_accepted);
    else
        printf("draft    %8.1f tok/s   %.2fx without   %d of %d guesses right   %s text\n", d->with, d->with / d->plain,
               d->n_accepted, d->n_drafted, text);
}

int bench_draft(const model *m, net_state *s, bool json, error *err) {
    static const struct {
        const char *name;
        int times;
        double temperature;
    } texts[] = {{"repeated", 3, 0}, {"free", 1, 1}};
    for (size_t i = 0; m->tokenizer && i < sizeof texts / sizeof *texts; i++) {
        buf text = {0};
        id_list prompt = {0};
        for (int k = 0; k < texts[i].times; k++) buf_puts(&text, passage);
        drafted d;
        int failed = tokenizer_encode(m->tokenizer, text.data, text.len, TOKENIZER_BOS, &prompt, err);
        if (!failed) failed = measure(m, s, &prompt, texts[i].temperature, &d, err);
        if (!failed) print(texts[i].name, &d, json);
        buf_free(&text);
        id_list_free(&prompt);
        if (failed) return -1;
    }
    return 0;
}
