/* Processes and events of the stand-in. */
#define _GNU_SOURCE
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "state.h"

/* ---- processes: `procs PID:MiB:TYPE:SM%[:GI[:CI]],...`, TYPE C compute, G graphics, M MPS client ---- */

#define MAX_PROCESSES 64
struct process {
    unsigned int pid, mib, sm, gpu_instance, compute_instance;
    char type;
};

/* A whole GPU lists all; a MIG device those of its GPU instance. `type` 0 is any. */
static unsigned int processes_of(nvmlDevice_t device, char type, struct process *out) {
    unsigned int own = NVML_NO_INSTANCE, count = 0;
    if (device->mig >= 0 && get_u32(device, "gi", &own)) return 0;
    const char *rest = device_value(device_at(device->gpu, -1), "procs");
    for (; rest && *rest && count < MAX_PROCESSES; rest = strchr(rest, ',') ? strchr(rest, ',') + 1 : NULL) {
        struct process p = {.gpu_instance = NVML_NO_INSTANCE, .compute_instance = NVML_NO_INSTANCE};
        int read = sscanf(rest, "%u:%u:%c:%u:%u:%u", &p.pid, &p.mib, &p.type, &p.sm, &p.gpu_instance,
                          &p.compute_instance);
        if (read < 3 || (type && p.type != type)) continue;
        if (device->mig >= 0 && p.gpu_instance != own) continue;
        out[count++] = p;
    }
    return count;
}

static nvmlReturn_t list_processes(nvmlDevice_t device, char type, unsigned int *count, nvmlProcessInfo_t *out) {
    struct process found[MAX_PROCESSES];
    unsigned int room = *count, number = processes_of(device, type, found);
    *count = number;
    if (!number) return NVML_SUCCESS;
    if (!out || room < number) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned int i = 0; i < number; i++)
        out[i] = (nvmlProcessInfo_t){found[i].pid, (unsigned long long)found[i].mib << 20, found[i].gpu_instance,
                                     found[i].compute_instance};
    return NVML_SUCCESS;
}

/* The first version of these calls has a smaller structure, and old programs (nvtop 3.0) still ask for it. */
static nvmlReturn_t list_processes_v1(nvmlDevice_t device, char type, unsigned int *count, nvmlProcessInfo_v1_t *out) {
    nvmlProcessInfo_t wide[MAX_PROCESSES];
    unsigned int room = *count, number = MAX_PROCESSES;
    list_processes(device, type, &number, wide);
    *count = number;
    if (number && (!out || room < number)) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned int i = 0; i < number; i++) out[i] = (nvmlProcessInfo_v1_t){wide[i].pid, wide[i].usedGpuMemory};
    return NVML_SUCCESS;
}

#define PROCESSES(name, type)                                                                                 \
    EXPORT nvmlReturn_t name##_v3(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *out) {         \
        ENTER(device);                                                                                        \
        return leave(list_processes(device, type, count, out));                                               \
    }                                                                                                         \
    EXPORT nvmlReturn_t name##_v2(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *out) {         \
        ENTER(device);                                                                                        \
        return leave(list_processes(device, type, count, out));                                               \
    }                                                                                                         \
    EXPORT nvmlReturn_t name(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_v1_t *out) {           \
        ENTER(device);                                                                                        \
        return leave(list_processes_v1(device, type, count, out));                                            \
    }
PROCESSES(nvmlDeviceGetComputeRunningProcesses, 'C')
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses, 'G')
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses, 'M')

/* Every process has one sample, always newer than `since`. */
EXPORT nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *out,
                                                    unsigned int *count, unsigned long long since) {
    (void)since;
    ENTER(device);
    struct process found[MAX_PROCESSES];
    unsigned int room = *count, number = processes_of(device, 0, found);
    *count = number;
    if (!number) return leave(NVML_ERROR_NOT_FOUND);
    if (!out || room < number) return leave(NVML_ERROR_INSUFFICIENT_SIZE);
    for (unsigned int i = 0; i < number; i++)
        out[i] = (nvmlProcessUtilizationSample_t){.pid = found[i].pid, .timeStamp = now_us(), .smUtil = found[i].sm,
                                                  .memUtil = found[i].sm / 2};
    return leave(NVML_SUCCESS);
}

/* ---- events: `event.N GPU:TYPE:DATA`, N counting up; a set gets each once, if younger than the set ---- */

struct fake_event_set {
    unsigned long long wanted[MAX_GPUS];
    long delivered;
};

EXPORT nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *out) {
    ENTER(NULL);
    *out = calloc(1, sizeof **out);
    if (!*out) return leave(NVML_ERROR_MEMORY);
    (*out)->delivered = newest_event();
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    free(set);
    return NVML_SUCCESS;
}
EXPORT nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *out) {
    ENTER(device);
    return leave(get_u64(device, "event_types", out));
}
EXPORT nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set) {
    ENTER(device);
    unsigned long long supported = 0;
    get_u64(device, "event_types", &supported);
    if (types & ~supported) return leave(NVML_ERROR_NOT_SUPPORTED);
    set->wanted[device->gpu] |= types;
    return leave(NVML_SUCCESS);
}

static int next_event(nvmlEventSet_t set, nvmlEventData_t *out) {
    while (set->delivered < newest_event()) {
        char key[48];
        snprintf(key, sizeof key, "event.%ld", ++set->delivered);
        const char *value = global_value(key);
        int gpu;
        unsigned long long type, data;
        if (!value || sscanf(value, "%d:%llu:%llu", &gpu, &type, &data) != 3) continue;
        if (gpu < 0 || gpu >= MAX_GPUS || !(set->wanted[gpu] & type)) continue;
        *out = (nvmlEventData_t){device_at(gpu, -1), type, data, NVML_NO_INSTANCE, NVML_NO_INSTANCE};
        return 1;
    }
    return 0;
}

/* Sleeps until a file is renamed into the state file's folder, as a real driver sleeps until the kernel wakes it: a
 * waiter that polled would show in measurements of the program that waits. */
static int watch_state(void) {
    char folder[4096];
    const char *path = getenv("FAKE_NVML_STATE");
    if (!path || strlen(path) >= sizeof folder) return -1;
    strcpy(folder, path);
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch >= 0) inotify_add_watch(watch, dirname(folder), IN_MOVED_TO);
    return watch;
}

static void await_change(int watch, unsigned long long end) {
    unsigned long long now = now_us();
    struct pollfd ready = {.fd = watch, .events = POLLIN};
    char ignored[4096];
    if (now >= end) return;
    if (poll(&ready, 1, (int)((end - now) / 1000 + 1)) > 0)
        while (read(watch, ignored, sizeof ignored) > 0) continue;
}

EXPORT nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *out, unsigned int timeout_ms) {
    unsigned long long end = now_us() + timeout_ms * 1000ull;
    int watch = watch_state();
    for (;;) {
        nvmlReturn_t result = enter(NULL, __func__);
        if (!result) {
            result = error_code(global_value("wait_error"));
            if (!result && !next_event(set, out)) result = NVML_ERROR_TIMEOUT;
            leave(result);
        }
        if (result != NVML_ERROR_TIMEOUT || now_us() >= end) {
            if (watch >= 0) close(watch);
            return result;
        }
        await_change(watch, end);
    }
}
EXPORT nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *out, unsigned int timeout_ms) {
    return nvmlEventSetWait_v2(set, out, timeout_ms);
}
