// config.json: what a chat starts with. Read at the start; written only when the person asks for it (/set save).
//
//   {"model": "smollm2", "system": "Be brief.", "user": "Ada", "theme": "dark", "temperature": 0.5, "stop": ["END"]}
//
// Sampling settings stand under their knobs' names (model/gen/settings.h).
#ifndef DOPPEL_CONFIG_H
#define DOPPEL_CONFIG_H

#include "model/gen/settings.h"

typedef struct config {
    char *model, *system, *user, *theme; // NULL: not set
    char *kv_store;                      // bytes for states of conversations: "1G", "0" for none
    char *hub;                           // where `models pull` looks names up; kept by config_save when NULL
} config;

// Fills c and lays the settings over s. A missing file sets nothing. -1 with a message for a file that cannot be read
// or has a mistake in it (no JSON, an unknown name, a value of the wrong kind or out of range): c is empty then, and
// s as it was. Free c with config_free either way.
int config_load(const char *path, config *c, gen_settings *s, error *err);
void config_free(config *c);

// Writes c and those settings that differ from a chat's defaults, in one step and with missing folders. NULL and ""
// leave a name out. -1 with a message when it cannot, or when the file there has a mistake in it: what a person wrote
// is never thrown away.
int config_save(const char *path, const config *c, const gen_settings *s, error *err);

#endif
