// Linux: a folder per supply, whose files type, scope, status and online hold a word each. Batteries of keyboards and
// mice have the scope Device.
#include "app/battery.h"
#include "model/base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct word {
    char text[32];
} word;

// The first word of DIR/supply/name; "" when there is none.
static word read_word(int dir, const char *supply, const char *name) {
    word w = {""};
    buf path = {0};
    buf_printf(&path, "%s/%s", supply, name);
    int fd = openat(dir, buf_str(&path), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, w.text, sizeof w.text - 1);
    if (fd >= 0) close(fd);
    buf_free(&path);
    w.text[n > 0 ? n : 0] = '\0';
    w.text[strcspn(w.text, " \n")] = '\0';
    return w;
}

static bool is(word w, const char *text) {
    return strcmp(w.text, text) == 0;
}

bool battery_is_draining(const char *root) {
    DIR *d = opendir(root ? root : "/sys/class/power_supply");
    if (!d) return false;
    int fd = dirfd(d);
    bool drains = false, mains = false;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        word type = read_word(fd, e->d_name, "type");
        if (is(type, "Battery"))
            drains |= is(read_word(fd, e->d_name, "status"), "Discharging") &&
                      !is(read_word(fd, e->d_name, "scope"), "Device");
        else if (type.text[0])
            mains |= is(read_word(fd, e->d_name, "online"), "1");
    }
    closedir(d);
    return drains && !mains;
}
