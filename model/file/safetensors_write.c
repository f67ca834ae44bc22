// The header is padded with spaces so that the data begin at a multiple of eight bytes, and carries the note by which
// transformers knows that the tensors are PyTorch's.
#include "model/file/safetensors_write.h"

enum { ALIGNMENT = 8 };

static const char *dtype_of(tensor_type type) {
    return type == TENSOR_F32 ? "F32" : type == TENSOR_F16 ? "F16" : "BF16";
}

size_t safetensors_entry_bytes(const safetensors_entry *e) {
    size_t n = tensor_block_bytes(e->type);
    for (int i = 0; i < e->n_dims; i++) n *= (size_t)e->shape[i];
    return n;
}

void safetensors_write_header(outfile *o, const safetensors_entry *entries, size_t n) {
    buf header = {0};
    uint64_t at = 0;
    buf_puts(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < n; i++) {
        const safetensors_entry *e = &entries[i];
        uint64_t end = at + safetensors_entry_bytes(e);
        buf_puts(&header, ",\"");
        buf_puts(&header, e->name); // names of modules: nothing in them needs quoting
        buf_printf(&header, "\":{\"dtype\":\"%s\",\"shape\":[", dtype_of(e->type));
        for (int k = 0; k < e->n_dims; k++) buf_printf(&header, "%s%lld", k ? "," : "", (long long)e->shape[k]);
        buf_printf(&header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at, (unsigned long long)end);
        at = end;
    }
    buf_putc(&header, '}');
    while (header.len % ALIGNMENT) buf_putc(&header, ' ');
    uint64_t length = header.len;
    outfile_write(o, &length, sizeof length);
    outfile_write(o, header.data, header.len);
    buf_free(&header);
}
