// libFuzzer target: config.json beside weights of the right names. Whatever the text, reading the settings either fails
// with a message or gives numbers that fit together.
#include "model/net/config.h"
#include "tests/models.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *folder, *config;

static void clean_up(void) {
    remove(config);
    remove_file(folder, "model.safetensors");
    rmdir(folder);
}

// An embedding of 4 tokens under every family's name, and a layer's fused rows.
static void set_up(void) {
    static const char *const names[] = {"embed_tokens.weight",    "wte.weight",     "embed_in.weight",
                                        "word_embeddings.weight", "lm_head.weight", "embed_out.weight"};
    buf header = {0}, file = {0};
    buf_putc(&header, '{');
    for (int i = 0; i < 6; i++)
        buf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[%d,%d]}", i ? "," : "",
                   names[i], i * 16, i * 16 + 16);
    buf_putc(&header, '}');
    static const char zeros[96];
    put_safetensors(&file, header.data, zeros, sizeof zeros);
    folder = make_folder();
    config = path_of(folder, "config.json");
    write_file(folder, "model.safetensors", file.data, file.len);
    buf_free(&header);
    buf_free(&file);
    atexit(clean_up);
}

static void check(const net_config *c) {
    bool fits = c->n_layers > 0 && c->n_layers <= NET_MAX_LAYERS && c->n_heads > 0 && c->n_kv_heads > 0 &&
                c->n_heads % c->n_kv_heads == 0 && c->head_dim > 0 && c->n_ff > 0 && c->n_vocab == 4 && c->n_ctx > 0;
    if (!fits || !(c->norm_eps > 0) || !(c->attn_scale > 0)) abort();
    if (c->position == POSITION_ROPE && (c->rope_dim < 2 || c->rope_dim > c->head_dim || !(c->rope_theta > 1))) abort();
    for (int i = 0; i < c->n_layers; i++)
        if (c->window[i] < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!folder) set_up();
    int fd = open(config, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd) != 0) abort();
    error err = {{0}};
    model_file *f = model_file_open(folder, &err);
    net_config c;
    if (f && net_config_read(&c, f, &err) == 0)
        check(&c);
    else if (!*err.text)
        abort();
    model_file_close(f);
    return 0;
}
