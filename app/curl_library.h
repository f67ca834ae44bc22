// libcurl, opened when something is to be fetched. It brings some thirty other libraries with it, which take 6 MB and
// several milliseconds in every program that is linked with it; a chat never needs them.
#ifndef DOPPEL_CURL_LIBRARY_H
#define DOPPEL_CURL_LIBRARY_H

#include "model/base/base.h"

#include <curl/curl.h>

// libcurl's functions of the same names, without "curl_".
typedef struct curl_library {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
    CURLcode (*easy_perform)(CURL *curl);
    void (*easy_cleanup)(CURL *curl);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
    void (*slist_free_all)(struct curl_slist *list);
    CURLU *(*url)(void);
    CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
    CURLUcode (*url_get)(const CURLU *url, CURLUPart part, char **text, unsigned flags);
    void (*url_cleanup)(CURLU *url);
    void (*free)(void *text);
} curl_library;

// Opened and initialised at the first call, for good. NULL with a message when the machine has none. Any thread.
const curl_library *curl_library_get(error *err);

#endif
