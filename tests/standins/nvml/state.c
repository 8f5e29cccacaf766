#define _GNU_SOURCE
#include "state.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One line of the file. Later lines come first in their chain, so the last line for a key wins. */
struct entry {
    const char *key, *value;
    struct entry *next;
};

#define BUCKETS 4096
static struct entry *table[BUCKETS];
static struct entry *entries;
static char *text;
static long last_event;
static struct stat seen;
static char seen_path[4096];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int started;
static struct fake_device devices[MAX_GPUS][MAX_MIG + 1];

struct fake_device *device_at(int gpu, int mig) { return &devices[gpu][mig + 1]; }
long newest_event(void) { return last_event; }

static unsigned bucket(const char *key) {
    unsigned hash = 2166136261u;
    while (*key) hash = (hash ^ (unsigned char)*key++) * 16777619u;
    return hash % BUCKETS;
}

/* Same file as last time? Tests replace it by rename, so its inode, size or time differs. */
static int is_unchanged(const char *path, const struct stat *now) {
    return !strcmp(path, seen_path) && now->st_ino == seen.st_ino && now->st_size == seen.st_size &&
           now->st_mtim.tv_sec == seen.st_mtim.tv_sec && now->st_mtim.tv_nsec == seen.st_mtim.tv_nsec;
}

static char *read_file(const char *path, const struct stat *now) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return NULL;
    char *buffer = malloc((size_t)now->st_size + 1);
    ssize_t length = buffer ? read(file, buffer, (size_t)now->st_size) : -1;
    close(file);
    if (length < 0) {
        free(buffer);
        return NULL;
    }
    buffer[length] = 0;
    return buffer;
}

static void index_lines(void) {
    size_t lines = 1;
    for (char *c = text; *c; c++) lines += *c == '\n';
    entries = calloc(lines, sizeof *entries);
    struct entry *next = entries;
    last_event = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line && entries; line = strtok_r(NULL, "\n", &rest)) {
        char *space = *line == '#' ? NULL : strchr(line, ' ');
        if (!space) continue;
        *space = 0;
        *next = (struct entry){line, space + 1, table[bucket(line)]};
        table[bucket(line)] = next++;
        if (!strncmp(line, "event.", 6) && atol(line + 6) > last_event) last_event = atol(line + 6);
    }
}

static void reload(void) {
    const char *path = getenv("FAKE_NVML_STATE");
    struct stat now;
    if (!path || strlen(path) >= sizeof seen_path || stat(path, &now) || is_unchanged(path, &now)) return;
    char *fresh = read_file(path, &now);
    if (!fresh) return;
    memset(table, 0, sizeof table);
    free(text);
    free(entries);
    text = fresh;
    index_lines();
    seen = now;
    strcpy(seen_path, path);
}

const char *global_value(const char *key) {
    for (struct entry *e = table[bucket(key)]; e; e = e->next)
        if (!strcmp(e->key, key)) return e->value;
    return NULL;
}

/* gpu.3.KEY, else gpu.*.KEY; a MIG device has only keys of its own, as most calls on one are not supported. */
const char *device_value(nvmlDevice_t device, const char *key) {
    char full[160];
    if (device->mig >= 0) {
        snprintf(full, sizeof full, "gpu.%d.mig.%d.%s", device->gpu, device->mig, key);
        return global_value(full);
    }
    snprintf(full, sizeof full, "gpu.%d.%s", device->gpu, key);
    const char *value = global_value(full);
    if (value) return value;
    snprintf(full, sizeof full, "gpu.*.%s", key);
    return global_value(full);
}

nvmlReturn_t get_u64(nvmlDevice_t device, const char *key, unsigned long long *out) {
    const char *value = device_value(device, key);
    if (!value) return NVML_ERROR_NOT_SUPPORTED;
    *out = strtoull(value, NULL, 0);
    return NVML_SUCCESS;
}

nvmlReturn_t get_u32(nvmlDevice_t device, const char *key, unsigned int *out) {
    unsigned long long wide;
    nvmlReturn_t result = get_u64(device, key, &wide);
    if (!result) *out = (unsigned int)wide;
    return result;
}

nvmlReturn_t copy_text(const char *value, char *out, unsigned int room) {
    if (!value) return NVML_ERROR_NOT_SUPPORTED;
    if (strlen(value) + 1 > room) return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(out, value);
    return NVML_SUCCESS;
}

int gpu_count(void) {
    const char *value = global_value("count");
    int count = value ? atoi(value) : 0;
    return count > MAX_GPUS ? MAX_GPUS : count;
}

unsigned long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (unsigned long long)now.tv_sec * 1000000ull + (unsigned long long)now.tv_nsec / 1000;
}

void pause_ms(long ms) {
    struct timespec span = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&span, NULL);
}

/* FAKE_NVML_TRACE names a file that gets a line "function gpu" a call, for tests that count calls. */
static void trace(const char *function, nvmlDevice_t device) {
    const char *path = getenv("FAKE_NVML_TRACE");
    if (!path || !*path) return;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    dprintf(file, "%s %d\n", function, device ? device->gpu : -1);
    close(file);
}

static nvmlReturn_t injected(nvmlDevice_t whole, const char *function) {
    char key[160];
    const char *lost = device_value(whole, "lost");
    if (lost && *lost == '1') return NVML_ERROR_GPU_IS_LOST;
    snprintf(key, sizeof key, "err.%s", function);
    const char *error = device_value(whole, key);
    if (!error) error = device_value(whole, "err.*");
    return error_code(error);
}

static long injected_delay_ms(nvmlDevice_t whole, const char *function) {
    char key[160];
    snprintf(key, sizeof key, "delay.%s", function);
    const char *delay = device_value(whole, key);
    if (!delay) delay = device_value(whole, "delay.*");
    return delay ? atol(delay) : 0;
}

nvmlReturn_t enter(nvmlDevice_t device, const char *function) {
    trace(function, device);
    pthread_mutex_lock(&lock);
    reload();
    if (!started) return leave(NVML_ERROR_UNINITIALIZED);
    if (!device) return NVML_SUCCESS;
    if (device < &devices[0][0] || device > &devices[MAX_GPUS - 1][MAX_MIG]) return leave(NVML_ERROR_INVALID_ARGUMENT);
    nvmlDevice_t whole = device_at(device->gpu, -1);
    long delay = injected_delay_ms(whole, function);
    if (delay > 0) {
        pthread_mutex_unlock(&lock);
        pause_ms(delay);
        pthread_mutex_lock(&lock);
        reload();
        if (!started) return leave(NVML_ERROR_UNINITIALIZED);
    }
    nvmlReturn_t error = injected(whole, function);
    return error ? leave(error) : NVML_SUCCESS;
}

void enter_unstarted(const char *function) {
    trace(function, NULL);
    pthread_mutex_lock(&lock);
    reload();
}

nvmlReturn_t leave(nvmlReturn_t result) {
    pthread_mutex_unlock(&lock);
    return result;
}

void start_library(void) {
    for (int gpu = 0; gpu < MAX_GPUS; gpu++)
        for (int mig = -1; mig < MAX_MIG; mig++) *device_at(gpu, mig) = (struct fake_device){gpu, mig};
    started++;
}

int stop_library(void) {
    if (!started) return 0;
    started--;
    return 1;
}

static const struct {
    const char *name;
    nvmlReturn_t code;
    const char *text;
} ERRORS[] = {
    {"SUCCESS", 0, "Success"},
    {"UNINITIALIZED", 1, "Uninitialized"},
    {"INVALID_ARGUMENT", 2, "Invalid Argument"},
    {"NOT_SUPPORTED", 3, "Not Supported"},
    {"NO_PERMISSION", 4, "Insufficient Permissions"},
    {"NOT_FOUND", 6, "Not Found"},
    {"INSUFFICIENT_SIZE", 7, "Insufficient Size"},
    {"INSUFFICIENT_POWER", 8, "Insufficient External Power"},
    {"DRIVER_NOT_LOADED", 9, "Driver Not Loaded"},
    {"TIMEOUT", 10, "Timeout"},
    {"IRQ_ISSUE", 11, "Interrupt Request Issue"},
    {"LIBRARY_NOT_FOUND", 12, "NVML Shared Library Not Found"},
    {"FUNCTION_NOT_FOUND", 13, "Function Not Found"},
    {"CORRUPTED_INFOROM", 14, "Corrupted infoROM"},
    {"GPU_IS_LOST", 15, "GPU is lost"},
    {"RESET_REQUIRED", 16, "GPU requires reset"},
    {"OPERATING_SYSTEM", 17, "GPU access blocked by the operating system"},
    {"LIB_RM_VERSION_MISMATCH", 18, "Driver/library version mismatch"},
    {"IN_USE", 19, "In use by another client"},
    {"MEMORY", 20, "Insufficient Memory"},
    {"NO_DATA", 21, "No data"},
    {"ARGUMENT_VERSION_MISMATCH", 25, "Argument version mismatch"},
    {"UNKNOWN", 999, "Unknown Error"},
};

nvmlReturn_t error_code(const char *name) {
    if (!name) return NVML_SUCCESS;
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (!strcmp(name, ERRORS[i].name)) return ERRORS[i].code;
    return atoi(name);
}

const char *error_text(nvmlReturn_t code) {
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (ERRORS[i].code == code) return ERRORS[i].text;
    return "Unknown Error";
}
