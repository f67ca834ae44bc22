// Where doppel keeps its files: $DOPPEL_HOME, else $XDG_DATA_HOME/doppel, else ~/.local/share/doppel holds models/,
// adapters/, datasets/ and the prompt's history; $XDG_CONFIG_HOME/doppel, else ~/.config/doppel holds config.json
// and prompts/. Directories are made 0700: these are people's conversations.
#ifndef DOPPEL_PATHS_H
#define DOPPEL_PATHS_H

#include "model/base/base.h"

// Append DIR or DIR/name to out (name NULL: the folder itself). Nothing is made. -1 with a message when there is no
// home to be found.
int paths_data(const char *name, buf *out, error *err);
int paths_config(const char *name, buf *out, error *err);

// Makes a directory and its missing parents, 0700. 0, or -1 with a message.
int paths_make_dir(const char *path, error *err);

// Appends the path of a model. name: a .gguf file or a Hugging Face directory; or a model under models/, with or
// without .gguf, letter case ignored, or the beginning of one name only; or a name that `models pull` knows. NULL: the
// default model, else the only one there. -1 with a message that says what to do.
int paths_model(const char *name, buf *out, error *err);

// The same for a command's -m: without one (NULL) it is the model that config.json names, if it does.
int paths_chosen_model(const char *name, buf *out, error *err);

// Calls fn for every model under models/ (name and full path), sorted by name. A missing folder has none.
typedef void (*paths_model_fn)(void *arg, const char *name, const char *path);
void paths_models(paths_model_fn fn, void *arg);

#endif
