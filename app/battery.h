// Whether this machine runs on its battery, where the system tells.
#ifndef DOPPEL_BATTERY_H
#define DOPPEL_BATTERY_H

#include <stdbool.h>

// root: the folder of power supplies; NULL: /sys/class/power_supply. True when a battery that powers the machine is being
// discharged and no mains supply is online. A desktop, an unknown system, an unreadable folder: false.
bool battery_is_draining(const char *root);

#endif
