#include "app/curl_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static curl_library library;
static bool complete;

static void open_library(void) {
    static const char *const names[] = {"libcurl.so.4", "libcurl.so", "libcurl.4.dylib", "libcurl.dylib"};
    static const struct {
        const char *name;
        size_t at;
    } functions[] = {
        {"curl_global_init", offsetof(curl_library, global_init)},
        {"curl_easy_init", offsetof(curl_library, easy_init)},
        {"curl_easy_setopt", offsetof(curl_library, easy_setopt)},
        {"curl_easy_getinfo", offsetof(curl_library, easy_getinfo)},
        {"curl_easy_perform", offsetof(curl_library, easy_perform)},
        {"curl_easy_cleanup", offsetof(curl_library, easy_cleanup)},
        {"curl_easy_strerror", offsetof(curl_library, easy_strerror)},
        {"curl_slist_append", offsetof(curl_library, slist_append)},
        {"curl_slist_free_all", offsetof(curl_library, slist_free_all)},
        {"curl_url", offsetof(curl_library, url)},
        {"curl_url_set", offsetof(curl_library, url_set)},
        {"curl_url_get", offsetof(curl_library, url_get)},
        {"curl_url_cleanup", offsetof(curl_library, url_cleanup)},
        {"curl_free", offsetof(curl_library, free)},
    };
    void *lib = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !lib; i++) lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; lib && i < sizeof functions / sizeof *functions; i++) {
        // dlsym gives object pointers; POSIX says that they convert to function pointers.
        void *function = dlsym(lib, functions[i].name);
        if (!function) return;
        *(void **)((char *)&library + functions[i].at) = function;
    }
    complete = lib && library.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

const curl_library *curl_library_get(error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    if (complete) return &library;
    error_set(err, "libcurl: there is none that works here; install it (libcurl4), or fetch the file by other means");
    return NULL;
}
