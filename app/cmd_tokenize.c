// doppel tokenize: text to ids, ids to text, conversations to prompts. Only the tokenizer is opened, not the weights.
#include "app/clean.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/paths.h"
#include "app/read_all.h"
#include "app/report.h"
#include "model/text/chat_format.h"
#include "model/text/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const option_help help = {
    .usage = "tokenize [options] [FILE]",
    .about =
        "The token ids of a text, from FILE or standard input (-, or no FILE), every byte of it as it is. What the\n"
        "model puts around a text (a BOS, [CLS] and [SEP]) is included, but not with --chat, whose template has it.",
    .more =
        "Without --json a line for every token, or with -q the ids alone; --decode and --chat print the text. With\n"
        "--json a line {\"ids\":[...],\"text\":\"...\",\"tokens\":[...]} for every text.",
    .takes = OPTIONS_MODEL | OPTIONS_JSON,
    .max_args = 1,
};

typedef struct job {
    options common;
    bool decode, no_special, lines, chat;
    const char *name; // of the input, for messages
    tokenizer *tokenizer;
    chat_format format;
    id_list ids;
    buf text, line;
} job;

// ---- opening

// A directory may hold tokenizer files only, which paths_model would not take for a model.
static int find_model(const job *j, buf *path, error *err) {
    struct stat st;
    if (!j->common.model || stat(j->common.model, &st) != 0 || !S_ISDIR(st.st_mode))
        return paths_chosen_model(j->common.model, path, err);
    buf_puts(path, j->common.model);
    return 0;
}

static int open_tokenizer(job *j, const char *path, error *err) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        j->tokenizer = tokenizer_open_dir(path, err);
        if (j->tokenizer) j->format = chat_format_of_dir(path, j->tokenizer);
    } else {
        gguf *g = gguf_open(path, err);
        if (!g) return -1;
        j->tokenizer = tokenizer_open_gguf(g, err);
        if (j->tokenizer) j->format = chat_format_of_gguf(g, j->tokenizer);
        gguf_close(g);
    }
    return j->tokenizer ? 0 : -1;
}

// ---- printing

static void put_piece(job *j, int32_t id) {
    size_t len;
    const char *piece = tokenizer_piece(j->tokenizer, id, true, &len);
    buf_json_string(&j->line, piece, len);
}

static void put_json(job *j) {
    buf_puts(&j->line, "{\"ids\":[");
    for (size_t i = 0; i < j->ids.len; i++) buf_printf(&j->line, i ? ",%d" : "%d", (int)j->ids.data[i]);
    buf_puts(&j->line, "],\"text\":");
    buf_json_string(&j->line, buf_str(&j->text), j->text.len);
    buf_puts(&j->line, ",\"tokens\":[");
    for (size_t i = 0; i < j->ids.len; i++) {
        if (i) buf_putc(&j->line, ',');
        put_piece(j, j->ids.data[i]);
    }
    buf_puts(&j->line, "]}\n");
}

// Text on its way to a terminal is filtered; into a file or pipe it goes as it is.
static void put_text(job *j) {
    if (isatty(STDOUT_FILENO))
        clean_text(buf_str(&j->text), j->text.len, &j->line);
    else
        buf_append(&j->line, buf_str(&j->text), j->text.len);
    if (j->lines || isatty(STDOUT_FILENO)) buf_putc(&j->line, '\n');
}

static void put_table(job *j) {
    for (size_t i = 0; i < j->ids.len; i++) {
        buf_printf(&j->line, j->common.quiet ? i ? " %d" : "%d" : "%8d  ", (int)j->ids.data[i]);
        if (j->common.quiet) continue;
        put_piece(j, j->ids.data[i]);
        buf_putc(&j->line, '\n');
    }
    if (j->common.quiet || j->lines) buf_putc(&j->line, '\n');
}

static int print_result(job *j, error *err) {
    buf_clear(&j->line);
    if (j->common.json)
        put_json(j);
    else if (j->decode || j->chat)
        put_text(j);
    else
        put_table(j);
    if (fwrite(buf_str(&j->line), 1, j->line.len, stdout) == j->line.len) return 0;
    return error_set(err, "standard output: %s", strerror(errno));
}

// ---- the three ways

static int encode(job *j, unsigned more, error *err) {
    unsigned flags = more | (j->no_special ? 0 : TOKENIZER_SPECIAL);
    return tokenizer_encode(j->tokenizer, buf_str(&j->text), j->text.len, flags, &j->ids, err);
}

static int take_id(job *j, int64_t id, error *err) {
    int n = tokenizer_n_vocab(j->tokenizer);
    if (id < 0 || id >= n)
        return error_set(err, "%s: id %lld is outside the vocabulary of %d tokens", j->name, (long long)id, n);
    id_list_push(&j->ids, (int32_t)id);
    return 0;
}

static int take_id_array(job *j, json list, error *err) {
    json value;
    int64_t id;
    if (json_type(list) != JSON_ARRAY) return error_set(err, "%s: an array of ids is wanted, as [1, 2, 3]", j->name);
    for (json_iter it = json_begin(list); json_next(&it, NULL, &value);) {
        if (!json_int(value, &id)) return error_set(err, "%s: something in the array is no id", j->name);
        if (take_id(j, id, err) != 0) return -1;
    }
    return 0;
}

// Ids as people write them: 1 2 3, or 1,2,3.
static int take_id_words(job *j, const char *text, size_t len, error *err) {
    const char *end = text + len;
    for (const char *p = text; p < end;) {
        char *stop;
        if (strchr(" ,\t\r\n", *p) && *p) {
            p++;
            continue;
        }
        errno = 0;
        long long id = strtoll(p, &stop, 10);
        size_t word = strcspn(p, " ,\t\r\n");
        if (stop == p || errno || *p < '0' || *p > '9')
            return error_set(err, "%s: \"%.*s\" is no id; ids are numbers with spaces or commas between them", j->name,
                             (int)(word < 20 ? word : 20), p);
        if (take_id(j, id, err) != 0) return -1;
        p = stop;
    }
    return 0;
}

static int take_messages(job *j, json conversation, error *err) {
    json list = json_get(conversation, "messages"), m;
    json_iter it = json_begin(list);
    chat_message *messages = NULL;
    size_t *lengths = NULL, n = 0, cap_messages = 0, cap_lengths = 0;
    int rc = json_type(list) == JSON_ARRAY
                 ? 0
                 : error_set(err, "%s: {\"messages\":[{\"role\":\"user\",\"content\":\"...\"}]} is wanted", j->name);
    while (rc == 0 && json_next(&it, NULL, &m)) {
        buf role = {0}, content = {0};
        if (!json_string(json_get(m, "role"), &role) || !json_string(json_get(m, "content"), &content))
            rc = error_set(err, "%s: message %zu has no role or no content that is a string", j->name, n + 1);
        messages = mem_reserve(messages, &cap_messages, n + 1, sizeof *messages);
        lengths = mem_reserve(lengths, &cap_lengths, n + 1, sizeof *lengths);
        lengths[n] = content.len;
        messages[n].role = buf_take(&role);
        messages[n++].content = buf_take(&content);
    }
    bool ask = json_bool(json_get(conversation, "add_generation_prompt"), false);
    if (rc == 0) rc = chat_render_bytes(&j->format, messages, lengths, n, ask, &j->text, err);
    for (size_t i = 0; i < n; i++) {
        free((char *)messages[i].role);
        free((char *)messages[i].content);
    }
    free(messages);
    free(lengths);
    return rc;
}

// One text, id array or conversation. json: it is written in JSON (always so for a conversation).
static int take_input(job *j, const char *input, size_t len, bool is_json, error *err) {
    json root;
    j->ids.len = 0;
    buf_clear(&j->text);
    if (is_json && json_check(input, len, &root, err) != 0) return error_prefix(err, "%s", j->name);
    if (j->chat) {
        if (take_messages(j, root, err) != 0) return -1;
        // A template writes the beginning-of-text token itself where it wants one.
        return encode(j, j->format.has_template ? 0 : TOKENIZER_BOS, err);
    }
    if (j->decode) {
        int rc = is_json ? take_id_array(j, root, err) : take_id_words(j, input, len, err);
        if (rc == 0) tokenizer_decode(j->tokenizer, j->ids.data, j->ids.len, !j->no_special, &j->text);
        return rc;
    }
    if (!is_json)
        buf_append(&j->text, input, len);
    else if (!json_string(root, &j->text))
        return error_set(err, "%s: a JSON string is wanted, as \"text\"", j->name);
    return encode(j, TOKENIZER_BOS, err);
}

static bool is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", s[i]) || !s[i]) return false;
    return true;
}

static int take_lines(job *j, const buf *input, error *err) {
    char place[1200];
    const char *at = buf_str(input), *end = at + input->len, *name = j->name;
    int rc = 0;
    for (size_t line = 1; rc == 0 && at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        snprintf(place, sizeof place, "%s: line %zu", name, line);
        j->name = place;
        if (!is_blank(at, (size_t)(stop - at))) {
            rc = take_input(j, at, (size_t)(stop - at), true, err);
            if (rc == 0) rc = print_result(j, err);
        }
        at = stop < end ? stop + 1 : end;
    }
    j->name = name;
    return rc;
}

static int take_all(job *j, const buf *input, error *err) {
    if (j->lines) return take_lines(j, input, err);
    size_t spaces = strspn(buf_str(input), " \t\r\n");
    bool is_json = j->chat || (j->decode && buf_str(input)[spaces] == '[');
    if (take_input(j, buf_str(input), input->len, is_json, err) != 0) return -1;
    return print_result(j, err);
}

static int tokenize(job *j, error *err) {
    buf path = {0}, input = {0};
    const char *file = j->common.n_args ? j->common.args[0] : "-";
    j->name = strcmp(file, "-") == 0 ? "standard input" : file;
    int rc = find_model(j, &path, err);
    if (rc == 0) rc = open_tokenizer(j, buf_str(&path), err);
    if (rc == 0 && tokenizer_warning(j->tokenizer) && !j->common.quiet)
        report_note("%s: %s", buf_str(&path), tokenizer_warning(j->tokenizer));
    if (rc == 0) rc = read_all(file, &input, err);
    if (rc == 0) rc = take_all(j, &input, err);
    if (rc == 0 && fflush(stdout) != 0) rc = error_set(err, "standard output: %s", strerror(errno));
    buf_free(&path);
    buf_free(&input);
    return rc;
}

int cmd_tokenize(int argc, char **argv) {
    job j = {.name = ""};
    const option own[] = {
        {"decode", 0, OPTION_FLAG, &j.decode, NULL, "ids to text: numbers, or a JSON array", 0, 0},
        {"no-special", 0, OPTION_FLAG, &j.no_special, NULL,
         "special tokens written in a text are plain text; --decode leaves them out", 0, 0},
        {"jsonl", 0, OPTION_FLAG, &j.lines, NULL, "a JSON string (or array of ids, or conversation) on every line", 0,
         0},
        {"chat", 0, OPTION_FLAG, &j.chat, NULL,
         "FILE is a conversation, {\"messages\":[...],\"add_generation_prompt\":true}, and is rendered as the model wants it",
         0, 0},
        {0},
    };
    error err = {{0}};
    if (!options_read(&j.common, &help, own, argc, argv)) return j.common.exit_code;
    int code = EXIT_DONE;
    if (j.chat && j.decode)
        code = report_usage("tokenize: --chat writes a prompt and --decode reads ids; give one of them");
    else if (tokenize(&j, &err) != 0)
        code = report_error(&err);
    tokenizer_free(j.tokenizer);
    chat_format_free(&j.format);
    id_list_free(&j.ids);
    buf_free(&j.text);
    buf_free(&j.line);
    options_free(&j.common);
    return code;
}
