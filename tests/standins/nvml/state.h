/* The stand-in's state: a text file of `key value` lines, looked up by key, and the gate every call goes through. */
#ifndef FAKE_NVML_STATE_H
#define FAKE_NVML_STATE_H

#include "nvml_abi.h"

#define EXPORT __attribute__((visibility("default")))
#define MAX_GPUS 16
#define MAX_MIG 8

/* A handle: a whole GPU has mig == -1, a MIG device the index of its slice. */
struct fake_device {
    int gpu, mig;
};

struct fake_device *device_at(int gpu, int mig);
int gpu_count(void);
long newest_event(void);

/* Every exported call is `enter`, work, `leave`. `enter` re-reads a replaced file, waits out an injected delay without
 * the lock, and answers injected errors; it returns with the lock held only when it returns NVML_SUCCESS.
 * `enter_unstarted` only takes the lock and re-reads: for nvmlInit, which must work before there is a library. */
nvmlReturn_t enter(nvmlDevice_t device, const char *function);
nvmlReturn_t leave(nvmlReturn_t result);
void enter_unstarted(const char *function);
void start_library(void);
int stop_library(void);
void pause_ms(long ms);

#define ENTER(device)                                       \
    do {                                                    \
        nvmlReturn_t refused_ = enter(device, __func__);    \
        if (refused_) return refused_;                      \
    } while (0)

/* Look-ups; all need the lock. A key that is absent is NULL or NVML_ERROR_NOT_SUPPORTED. */
const char *global_value(const char *key);
const char *device_value(nvmlDevice_t device, const char *key);
nvmlReturn_t get_u64(nvmlDevice_t device, const char *key, unsigned long long *out);
nvmlReturn_t get_u32(nvmlDevice_t device, const char *key, unsigned int *out);
nvmlReturn_t copy_text(const char *value, char *out, unsigned int room);

/* Numbers and names of nvmlReturn_t. */
nvmlReturn_t error_code(const char *name);
const char *error_text(nvmlReturn_t code);
unsigned long long now_us(void);

#endif
