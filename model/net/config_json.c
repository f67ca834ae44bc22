// Settings from a Hugging Face directory's config.json.
#include "model/net/config_impl.h"

int config_read_json(net_config *c, const model_file *f, error *err) {
    (void)c;
    return error_set(err, "%s: a Hugging Face directory; give a GGUF file", model_file_path(f));
}
