// doppel export: an adapter in another format, or a model with adapters merged into it. What was written is opened
// again and held against what it was made from.
#include "app/adapters.h"
#include "app/commands.h"
#include "app/options.h"
#include "app/read_all.h"
#include "app/report.h"
#include "app/stop.h"
#include "app/tree.h"
#include "model/learn/export.h"
#include "model/learn/parity.h"
#include "model/learn/peft_write.h"
#include "model/math/quantize.h"
#include "model/model.h"
#include "model/net/adapter.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const option_help help = {
    .usage = "export [options] --format FORMAT -o OUT",
    .about = "Writes an adapter, or a model with adapters merged into it, for other programs:\n"
             "  peft       the adapter as a PEFT directory\n"
             "  gguf-lora  the adapter as a GGUF LoRA file (f32 or f16)\n"
             "  hf         the merged model as a Hugging Face directory (f32, f16 or bf16)\n"
             "  gguf       the merged model as a GGUF file, with tokenizer and chat template\n"
             "             (f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or q4_K)",
    .more = "The types of weights that formats of fewer than 8 bits cannot hold (norms, the\n"
            "embedding, rows that the blocks do not divide) are chosen to lose less.\n\n"
            "What was written is opened again, and its log-probabilities on a text are\n"
            "compared with those of the model and adapters it was made from. When they differ\n"
            "by more than the rounding of a float type explains, the exit code is 1.",
    .takes = OPTIONS_MODEL | OPTIONS_ADAPTER | OPTIONS_JSON,
};

typedef enum export_format { FORMAT_PEFT, FORMAT_GGUF_LORA, FORMAT_HF, FORMAT_GGUF } export_format;
static const char *const format_names[] = {"peft", "gguf-lora", "hf", "gguf", NULL};

enum { TEXT_IDS = 256 };

// Prose, numbers, names, code and other alphabets: enough to move every part of a model.
static const char sample[] =
    "The ferry left at ten past six, and for once it left without us. Marta counted the coins twice, put them back\n"
    "into the tin and said that forty-three was not a number anybody should have to explain. \"We could walk,\" I\n"
    "offered. It was 12.5 kilometres to the bridge; the map said 11, but the map had been printed in 1987.\n\n"
    "Things we had: two apples, a torch (no batteries), the letter from Gda\xc5\x84sk, and Opa's pocket knife.\n"
    "for (int i = 0; i < n; i++) total += price[i] * count[i];\n"
    "\xd0\x94\xd0\xbe \xd1\x81\xd0\xb2\xd0\xb8\xd0\xb4\xd0\xb0\xd0\xbd\xd0\xb8\xd1\x8f, she wrote under it, and then, "
    "smaller: na\xc3\xafve, but at least honest. When the lamps along the quay went out one\n"
    "after the other, nobody on the bench moved. Why would they? The next boat was tomorrow, and tomorrow was free.\n";

typedef struct export_job {
    options common;
    const char *format_name, *type_name, *out, *text_file;
    bool force;

    export_format format;
    tensor_type type;
    model model;
    adapters adapters; // as the engine adds them
    lora *loras;       // (adapters.n) the same as numbers
    export_merge *merges;
    id_list ids; // what is compared
    bool made;   // OUT is our doing
} export_job;

static bool is_merged(const export_job *job) {
    return job->format == FORMAT_HF || job->format == FORMAT_GGUF;
}

// ---- what is wanted

static bool may_have_type(export_format format, tensor_type type) {
    if (format == FORMAT_PEFT) return type == TENSOR_F32;
    if (format == FORMAT_GGUF_LORA) return type == TENSOR_F32 || type == TENSOR_F16;
    return format == FORMAT_GGUF || tensor_block_elements(type) == 1;
}

// 0, or the exit code of a usage error.
static int check_usage(export_job *job) {
    int format = 0;
    if (!job->format_name) return report_usage("--format is missing: peft, gguf-lora, hf or gguf");
    while (format_names[format] && strcmp(format_names[format], job->format_name) != 0) format++;
    if (!format_names[format])
        return report_usage("--format is \"%.40s\"; peft, gguf-lora, hf and gguf are known", job->format_name);
    job->format = (export_format)format;
    if (!job->out || !*job->out) return report_usage("-o OUT is missing: where to write");
    if (job->type_name && !quantize_type(job->type_name, &job->type))
        return report_usage("--type is \"%.40s\"; f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 and q4_K are known",
                            job->type_name);
    if (job->type_name && !may_have_type(job->format, job->type))
        return report_usage("--format %s cannot hold %s", job->format_name, tensor_type_name(job->type));
    if (!is_merged(job) && job->common.adapters.n != 1)
        return report_usage("--format %s takes one adapter: -a NAME", job->format_name);
    return 0;
}

// Nothing that is there is written over unasked, and the base never.
static int check_out(const export_job *job, error *err) {
    struct stat out, base;
    if (stat(job->out, &out) != 0) return 0;
    if (stat(model_file_path(job->model.file), &base) == 0 && base.st_dev == out.st_dev && base.st_ino == out.st_ino)
        return error_set(err, "%s: is the model itself; give another -o", job->out);
    bool folder = job->format == FORMAT_PEFT || job->format == FORMAT_HF;
    if (folder != S_ISDIR(out.st_mode))
        return error_set(err, "%s: is there and is %s directory; give another -o", job->out, folder ? "no" : "a");
    if (!job->force)
        return error_set(err, "%s: is there already; give another -o, or --force to write over it", job->out);
    return 0;
}

// The base's own type where that is a float one.
static void choose_type(export_job *job) {
    if (job->type_name) return;
    tensor_type own = model_file_tensor(job->model.file, "blk.0.ffn_down.weight")->type;
    job->type = !is_merged(job) ? TENSOR_F32 : tensor_block_elements(own) == 1 ? own : TENSOR_F16;
}

static int open_adapters(export_job *job, error *err) {
    const option_list *words = &job->common.adapters;
    if (adapters_open(&job->adapters, words, job->model.net, err) != 0) return -1;
    job->loras = mem_calloc(words->n, sizeof *job->loras);
    job->merges = mem_calloc(words->n, sizeof *job->merges);
    for (size_t i = 0; i < words->n; i++) {
        buf path = {0};
        float strength;
        int rc = adapters_find(words->items[i], &path, &strength, err);
        if (rc == 0) rc = lora_open(&job->loras[i], buf_str(&path), job->model.net, err);
        buf_free(&path);
        if (rc != 0) return -1;
        job->merges[i] = (export_merge){&job->loras[i], strength};
    }
    return 0;
}

static int open_all(export_job *job, error *err) {
    buf path = {0};
    int rc = adapters_chosen_model(&job->common, &path, err);
    if (rc == 0) rc = model_open(&job->model, buf_str(&path), job->common.threads, 0, err);
    buf_free(&path);
    if (rc == 0) rc = open_adapters(job, err);
    if (rc == 0) rc = check_out(job, err);
    if (rc == 0) choose_type(job);
    return rc;
}

// ---- writing

static bool shows_progress(const export_job *job) {
    return is_merged(job) && !job->common.quiet && !job->common.json && isatty(STDERR_FILENO);
}

static bool on_progress(void *arg, size_t done, size_t total) {
    if (shows_progress(arg)) fprintf(stderr, "\r\033[Kwriting %zu of %zu tensors", done + 1, total);
    return !stop_asked();
}

static int write_peft(const export_job *job, error *err) {
    lora scaled = job->loras[0];
    scaled.parts = mem_calloc(scaled.n, sizeof *scaled.parts);
    memcpy(scaled.parts, job->loras[0].parts, scaled.n * sizeof *scaled.parts);
    for (size_t i = 0; i < scaled.n; i++) scaled.parts[i].alpha *= (double)job->merges[0].strength;
    int rc = peft_write(job->out, &scaled, job->model.net, model_file_path(job->model.file), err);
    free(scaled.parts);
    return rc;
}

static int write_out(export_job *job, error *err) {
    export_source s = {.net = job->model.net,
                       .tokenizer = job->model.tokenizer,
                       .merges = job->merges,
                       .n_merges = job->adapters.n,
                       .progress = on_progress,
                       .arg = job};
    struct stat st;
    job->made = stat(job->out, &st) != 0;
    int rc;
    switch (job->format) {
    case FORMAT_PEFT: rc = write_peft(job, err); break;
    case FORMAT_GGUF_LORA:
        rc = export_gguf_lora(job->model.net, job->loras, job->merges[0].strength, job->type, job->out, err);
        break;
    case FORMAT_HF: rc = export_hf(&s, job->type, job->out, err); break;
    default: rc = export_gguf(&s, job->type, job->out, err); break;
    }
    if (shows_progress(job)) fprintf(stderr, "\r\033[K");
    // A directory that was left half written is of no use.
    if (rc != 0 && job->made) tree_remove(job->out, NULL);
    return rc;
}

// ---- comparing

// How far float formats may be off on the sample: what rounding of weights explains with room to spare. Activations of
// quantised bases are rounded to 8 bits, which a float copy does not do.
typedef struct bound {
    double mean, max;
} bound;

static bound bound_of(const export_job *job) {
    tensor_type base = model_file_tensor(job->model.file, "blk.0.ffn_down.weight")->type;
    bound b = {1e-4, 2e-3};
    if (job->type == TENSOR_F16 || base == TENSOR_F16) b = (bound){0.02, 0.2};
    if (job->type == TENSOR_BF16) b = (bound){0.1, 1};
    if (tensor_block_elements(base) > 1 && is_merged(job)) b = (bound){0.3, 4};
    if (tensor_block_elements(job->type) > 1) b = (bound){INFINITY, INFINITY};
    return b;
}

static int choose_ids(export_job *job, error *err) {
    int n_ctx = net_get_config(job->model.net)->n_ctx, n_vocab = net_get_config(job->model.net)->n_vocab;
    size_t most = n_ctx < TEXT_IDS ? (size_t)n_ctx : TEXT_IDS;
    buf text = {0};
    int rc = 0;
    if (job->text_file)
        rc = read_all(job->text_file, &text, err);
    else
        buf_puts(&text, sample);
    if (rc == 0 && job->model.tokenizer)
        rc = tokenizer_encode(job->model.tokenizer, buf_str(&text), text.len, TOKENIZER_BOS, &job->ids, err);
    if (rc == 0 && !job->model.tokenizer) // a model of ids: some of all over its vocabulary
        for (uint32_t i = 0; i < most; i++) id_list_push(&job->ids, (int32_t)(i * 2654435761u % (uint32_t)n_vocab));
    if (rc == 0 && job->ids.len < 2) rc = error_set(err, "%s: too short to compare on", job->text_file);
    if (job->ids.len > most) job->ids.len = most;
    buf_free(&text);
    return rc;
}

// Whether the written tokenizer cuts the sample as the base's does.
static int check_tokenizer(const export_job *job, const model *back, error *err) {
    id_list ids = {0};
    if (!job->model.tokenizer) return 0;
    if (!back->tokenizer) return error_set(err, "%s: has no tokenizer: %s", job->out, back->tokenizer_error.text);
    int rc = tokenizer_encode(back->tokenizer, sample, sizeof sample - 1, TOKENIZER_BOS, &ids, err);
    id_list own = {0};
    if (rc == 0) rc = tokenizer_encode(job->model.tokenizer, sample, sizeof sample - 1, TOKENIZER_BOS, &own, err);
    if (rc == 0 && (ids.len != own.len || memcmp(ids.data, own.data, ids.len * sizeof *ids.data) != 0))
        rc = error_set(err, "%s: its tokenizer cuts texts in another way than the base's; do not use it", job->out);
    id_list_free(&ids);
    id_list_free(&own);
    return rc;
}

static int compare_merged(export_job *job, parity_side sides[2], parity *p, error *err) {
    model back;
    if (model_open(&back, job->out, job->common.threads, 0, err) != 0) return -1;
    sides[1].net = back.net;
    int rc = check_tokenizer(job, &back, err);
    if (rc == 0) rc = parity_compare(sides, job->ids.data, (int)job->ids.len, job->common.threads, p, err);
    model_close(&back);
    return rc;
}

static int compare_adapter(export_job *job, parity_side sides[2], parity *p, error *err) {
    adapter *back = adapter_open(job->out, job->model.net, err);
    if (!back) return -1;
    adapter_use use = {back, 1};
    sides[1] = (parity_side){job->model.net, &use, 1};
    int rc = parity_compare(sides, job->ids.data, (int)job->ids.len, job->common.threads, p, err);
    adapter_close(back);
    return rc;
}

static int compare(export_job *job, parity *p, error *err) {
    parity_side sides[2] = {{job->model.net, job->adapters.uses, job->adapters.n}, {0}};
    if (choose_ids(job, err) != 0) return -1;
    return is_merged(job) ? compare_merged(job, sides, p, err) : compare_adapter(job, sides, p, err);
}

// ----

static void print_report(const export_job *job, const parity *p, bool same) {
    int64_t bytes = tree_size(job->out, NULL);
    if (job->common.json) {
        buf line = {0};
        buf_printf(&line, "{\"type\":\"done\",\"format\":\"%s\",\"weights\":\"%s\",\"path\":", job->format_name,
                   tensor_type_name(job->type));
        buf_json_string(&line, job->out, strlen(job->out));
        buf_printf(&line, ",\"bytes\":%lld,\"tokens\":%d,\"mean_diff\":%.6g,\"max_diff\":%.6g,\"nll_base\":%.6g,",
                   (long long)bytes, p->n, p->mean, p->max, p->nll[0]);
        buf_printf(&line, "\"nll\":%.6g,\"same\":%s}", p->nll[1], same ? "true" : "false");
        puts(line.data);
        buf_free(&line);
    } else if (!job->common.quiet) {
        error shown;
        error_set(&shown, "%s", job->out);
        printf("%s: %.1f MB, %s\n", shown.text, (double)bytes * 1e-6, tensor_type_name(job->type));
        printf(
            "reloaded and compared on %d tokens: log-probabilities differ by %.2g on average, %.2g at most; loss %.4f, "
            "was %.4f\n",
            p->n, p->mean, p->max, p->nll[1], p->nll[0]);
    }
}

static int run(export_job *job) {
    error err = {{0}};
    parity p = {0};
    if (open_all(job, &err) != 0) return report_error(&err);
    signal(SIGXFSZ, SIG_IGN); // a file that may not grow is told by write
    stop_watch();
    if (write_out(job, &err) != 0) {
        int code = report_error(&err);
        return stop_asked() ? EXIT_INTERRUPTED : code;
    }
    stop_unwatch();
    if (compare(job, &p, &err) != 0) return report_error(&err);
    bound b = bound_of(job);
    bool same = p.mean <= b.mean && p.max <= b.max;
    print_report(job, &p, same);
    if (same) return EXIT_DONE;
    return report_failure(
        "%s: differs from what it was made from by more than rounding explains (%.3g on average, %.3g "
        "at most); do not use it",
        job->out, p.mean, p.max);
}

int cmd_export(int argc, char **argv) {
    export_job job = {0};
    const option own[] = {
        {"format", 0, OPTION_TEXT, &job.format_name, "FORMAT", "peft, gguf-lora, hf or gguf", 0, 0},
        {"type", 0, OPTION_TEXT, &job.type_name, "TYPE",
         "of the weights; the base's own where it is a float type, else f16, unless given", 0, 0},
        {"out", 'o', OPTION_TEXT, &job.out, "OUT", "the file or directory to write", 0, 0},
        {"force", 'f', OPTION_FLAG, &job.force, NULL, "write over what is there", 0, 0},
        {"text", 0, OPTION_TEXT, &job.text_file, "FILE", "compare on this text instead of one of doppel's own", 0, 0},
        {0},
    };
    if (!options_read(&job.common, &help, own, argc, argv)) return job.common.exit_code;
    int code = check_usage(&job);
    if (code == 0) code = run(&job);
    for (int i = 0; job.loras && i < (int)job.common.adapters.n; i++) lora_free(&job.loras[i]);
    free(job.loras);
    free(job.merges);
    adapters_close(&job.adapters);
    model_close(&job.model);
    id_list_free(&job.ids);
    options_free(&job.common);
    return code;
}
