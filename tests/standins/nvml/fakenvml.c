/* Stand-in for libnvidia-ml.so.1: NVML's C ABI over a text file that tests write, so that every program that reads
 * NVML (ours, nvitop, gpustat, nvtop) can be run against GPUs, and faults, that this machine does not have.
 *
 * FAKE_NVML_STATE names the file, re-read whenever it is replaced. One `key value` a line, the last line for a key
 * wins, `gpu.*.KEY` is every GPU's default. state.py writes it and lists the keys. Here: start and stop, the system,
 * handles, identity, and the plain numbers; health.c has errors, links, MIG, field values and GPM; activity.c has
 * processes and events. FAKE_NVML_TRACE names a file that gets a line a call. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "state.h"

/* ---- start, stop, system ---- */

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    enter_unstarted(__func__);
    nvmlReturn_t result = error_code(global_value("init_error"));
    if (!result && !global_value("count")) result = NVML_ERROR_DRIVER_NOT_LOADED;
    if (!result) start_library();
    return leave(result);
}
EXPORT nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
EXPORT nvmlReturn_t nvmlInit(void) { return nvmlInitWithFlags(0); }

EXPORT nvmlReturn_t nvmlShutdown(void) {
    enter_unstarted(__func__);
    return leave(stop_library() ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED);
}

EXPORT const char *nvmlErrorString(nvmlReturn_t code) { return error_text(code); }

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *out, unsigned int room) {
    ENTER(NULL);
    return leave(copy_text(global_value("driver"), out, room));
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *out, unsigned int room) {
    ENTER(NULL);
    char version[96];
    snprintf(version, sizeof version, "13.%s", global_value("driver") ? global_value("driver") : "0");
    return leave(copy_text(version, out, room));
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *out) {
    ENTER(NULL);
    const char *version = global_value("cuda");
    *out = version ? atoi(version) : 13000;
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *out) { return nvmlSystemGetCudaDriverVersion_v2(out); }

EXPORT nvmlReturn_t nvmlSystemGetProcessName(unsigned int pid, char *out, unsigned int room) {
    ENTER(NULL);
    char path[64], name[256] = "";
    snprintf(path, sizeof path, "/proc/%u/comm", pid);
    FILE *file = fopen(path, "r");
    if (!file) return leave(NVML_ERROR_NOT_FOUND);
    if (fgets(name, sizeof name, file)) name[strcspn(name, "\n")] = 0;
    fclose(file);
    return leave(copy_text(name, out, room));
}

/* ---- handles ---- */

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *out) {
    ENTER(NULL);
    *out = (unsigned int)gpu_count();
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetCount(unsigned int *out) { return nvmlDeviceGetCount_v2(out); }

/* A lost GPU refuses its handle too, as NVML documents: the index stays, the call fails. */
EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *out) {
    ENTER(NULL);
    int known = (int)index < gpu_count();
    leave(NVML_SUCCESS);
    if (!known) return NVML_ERROR_INVALID_ARGUMENT;
    ENTER(device_at((int)index, -1));
    *out = device_at((int)index, -1);
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *out) {
    return nvmlDeviceGetHandleByIndex_v2(index, out);
}

/* Without a `uuid` key: GPU-fa4eNNNN-0000-4000-8000-GPU, NNNN the key `node`, so several fake machines differ. */
static void write_uuid(nvmlDevice_t device, char *out, size_t room) {
    const char *given = device_value(device, "uuid"), *node = global_value("node");
    if (given)
        snprintf(out, room, "%s", given);
    else if (device->mig >= 0)
        snprintf(out, room, "MIG-fa4e%04x-0000-4000-8000-%06x%06x", node ? atoi(node) : 0, device->gpu, device->mig);
    else
        snprintf(out, room, "GPU-fa4e%04x-0000-4000-8000-%012x", node ? atoi(node) : 0, device->gpu);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *out) {
    ENTER(NULL);
    for (int gpu = 0; gpu < gpu_count(); gpu++)
        for (int mig = -1; mig < MAX_MIG; mig++) {
            char own[96];
            write_uuid(device_at(gpu, mig), own, sizeof own);
            if (strcmp(own, uuid)) continue;
            *out = device_at(gpu, mig);
            return leave(NVML_SUCCESS);
        }
    return leave(NVML_ERROR_NOT_FOUND);
}

/* Bus numbers of an eight-way H100 board, then eight more. */
static void fill_pci(nvmlDevice_t device, nvmlPciInfo_t *pci) {
    static const unsigned char BUSES[MAX_GPUS] = {0x18, 0x2a, 0x3a, 0x5d, 0x9a, 0xab, 0xba, 0xdb,
                                                  0x1c, 0x2e, 0x3e, 0x61, 0x9e, 0xaf, 0xbe, 0xdf};
    const char *given = device_value(device_at(device->gpu, -1), "bus");
    memset(pci, 0, sizeof *pci);
    pci->bus = given ? (unsigned int)strtoul(given, NULL, 0) : BUSES[device->gpu];
    pci->pciDeviceId = 0x233010de;
    pci->pciSubSystemId = 0x16c110de;
    snprintf(pci->busId, sizeof pci->busId, "%08X:%02X:%02X.0", 0, pci->bus & 0xff, 0);
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, "%04X:%02X:%02X.0", 0, pci->bus & 0xff, 0);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *out) {
    ENTER(NULL);
    for (int gpu = 0; gpu < gpu_count(); gpu++) {
        nvmlPciInfo_t pci;
        fill_pci(device_at(gpu, -1), &pci);
        if (strcasecmp(bus_id, pci.busId) && strcasecmp(bus_id, pci.busIdLegacy)) continue;
        *out = device_at(gpu, -1);
        return leave(NVML_SUCCESS);
    }
    return leave(NVML_ERROR_NOT_FOUND);
}
EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *bus_id, nvmlDevice_t *out) {
    return nvmlDeviceGetHandleByPciBusId_v2(bus_id, out);
}

/* ---- identity ---- */

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *out) {
    ENTER(device);
    fill_pci(device, out);
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *out) {
    return nvmlDeviceGetPciInfo_v3(device, out);
}
EXPORT nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *out) {
    return nvmlDeviceGetPciInfo_v3(device, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *out, unsigned int room) {
    ENTER(device);
    char uuid[96];
    write_uuid(device, uuid, sizeof uuid);
    return leave(copy_text(uuid, out, room));
}

/* A MIG device is named after its parent: "NVIDIA H100 80GB HBM3 MIG 1g.10gb". */
EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *out, unsigned int room) {
    ENTER(device);
    const char *name = device_value(device_at(device->gpu, -1), "name");
    const char *profile = device->mig >= 0 ? device_value(device, "profile") : NULL;
    char full[160];
    if (!name || !profile) return leave(copy_text(name, out, room));
    snprintf(full, sizeof full, "%s MIG %s", name, profile);
    return leave(copy_text(full, out, room));
}

/* `serial` is the first GPU's number; the others count up from it. */
EXPORT nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *out, unsigned int room) {
    ENTER(device);
    unsigned long long first;
    nvmlReturn_t result = get_u64(device, "serial", &first);
    if (result) return leave(result);
    char serial[32];
    snprintf(serial, sizeof serial, "%llu", first + (unsigned long long)device->gpu);
    return leave(copy_text(serial, out, room));
}

#define TEXT(function, key)                                                                 \
    EXPORT nvmlReturn_t function(nvmlDevice_t device, char *out, unsigned int room) {       \
        ENTER(device);                                                                      \
        return leave(copy_text(device_value(device, key), out, room));                      \
    }
TEXT(nvmlDeviceGetVbiosVersion, "vbios")
TEXT(nvmlDeviceGetBoardPartNumber, "part")

#define INDEX(function, offset)                                                             \
    EXPORT nvmlReturn_t function(nvmlDevice_t device, unsigned int *out) {                  \
        ENTER(device);                                                                      \
        *out = (unsigned int)(device->gpu + (offset));                                      \
        return leave(NVML_SUCCESS);                                                         \
    }
INDEX(nvmlDeviceGetIndex, 0)
INDEX(nvmlDeviceGetMinorNumber, 0)
INDEX(nvmlDeviceGetModuleId, 1)

EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    ENTER(device);
    const char *value = device_value(device, "cc");
    return leave(value && sscanf(value, "%d.%d", major, minor) == 2 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED);
}

/* ---- plain numbers ---- */

#define NUMBER(function, key)                                                               \
    EXPORT nvmlReturn_t function(nvmlDevice_t device, unsigned int *out) {                  \
        ENTER(device);                                                                      \
        return leave(get_u32(device, key, out));                                            \
    }
NUMBER(nvmlDeviceGetPowerUsage, "power_mw")
NUMBER(nvmlDeviceGetEnforcedPowerLimit, "power_limit_mw")
NUMBER(nvmlDeviceGetPowerManagementLimit, "power_limit_mw")
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, "power_default_mw")
NUMBER(nvmlDeviceGetPowerManagementMode, "power_mode")
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, "pcie_gen")
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, "pcie_width")
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, "pcie_gen_max")
NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, "pcie_gen_max")
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, "pcie_width_max")
NUMBER(nvmlDeviceGetPcieSpeed, "pcie_speed")
NUMBER(nvmlDeviceGetPcieReplayCounter, "pcie_replay")
NUMBER(nvmlDeviceGetFanSpeed, "fan")
NUMBER(nvmlDeviceGetNumFans, "fans")
NUMBER(nvmlDeviceGetNumGpuCores, "cores")
NUMBER(nvmlDeviceGetArchitecture, "arch")
NUMBER(nvmlDeviceGetMemoryBusWidth, "buswidth")
NUMBER(nvmlDeviceGetPerformanceState, "pstate")
NUMBER(nvmlDeviceGetPowerState, "pstate")
NUMBER(nvmlDeviceGetBrand, "brand")
NUMBER(nvmlDeviceGetComputeMode, "compute_mode")
NUMBER(nvmlDeviceGetPersistenceMode, "persistence")
NUMBER(nvmlDeviceGetDisplayMode, "display")
NUMBER(nvmlDeviceGetDisplayActive, "display")

#define LARGE_NUMBER(function, key)                                                         \
    EXPORT nvmlReturn_t function(nvmlDevice_t device, unsigned long long *out) {            \
        ENTER(device);                                                                      \
        return leave(get_u64(device, key, out));                                            \
    }
LARGE_NUMBER(nvmlDeviceGetTotalEnergyConsumption, "energy_mj")
LARGE_NUMBER(nvmlDeviceGetCurrentClocksEventReasons, "throttle")
LARGE_NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, "throttle")
LARGE_NUMBER(nvmlDeviceGetSupportedClocksEventReasons, "throttle_supported")
LARGE_NUMBER(nvmlDeviceGetSupportedClocksThrottleReasons, "throttle_supported")

/* Utilization of an engine, with the length of its sampling period in microseconds. */
#define ENGINE(function, key)                                                               \
    EXPORT nvmlReturn_t function(nvmlDevice_t device, unsigned int *out, unsigned int *us) { \
        ENTER(device);                                                                      \
        *us = 167000;                                                                       \
        return leave(get_u32(device, key, out));                                            \
    }
ENGINE(nvmlDeviceGetEncoderUtilization, "enc")
ENGINE(nvmlDeviceGetDecoderUtilization, "dec")
ENGINE(nvmlDeviceGetJpgUtilization, "jpg")
ENGINE(nvmlDeviceGetOfaUtilization, "ofa")

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *out) {
    (void)fan;
    ENTER(device);
    return leave(get_u32(device, "fan", out));
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *least,
                                                                 unsigned int *most) {
    ENTER(device);
    nvmlReturn_t result = get_u32(device, "power_min_mw", least);
    return leave(result ? result : get_u32(device, "power_max_mw", most));
}

EXPORT nvmlReturn_t nvmlDeviceGetDriverModel_v2(nvmlDevice_t device, nvmlEnum_t *current, nvmlEnum_t *pending) {
    (void)current, (void)pending;
    ENTER(device);
    return leave(NVML_ERROR_NOT_SUPPORTED); /* Windows only */
}
EXPORT nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, nvmlEnum_t *current, nvmlEnum_t *pending) {
    return nvmlDeviceGetDriverModel_v2(device, current, pending);
}

static nvmlReturn_t memory_of(nvmlDevice_t device, nvmlMemory_v2_t *out) {
    nvmlReturn_t result = get_u64(device, "mem_total", &out->total);
    if (!result) result = get_u64(device, "mem_used", &out->used);
    if (result) return result;
    out->reserved = 0;
    get_u64(device, "mem_reserved", &out->reserved);
    out->free = out->total - out->used - out->reserved;
    return NVML_SUCCESS;
}

/* The old call counts the driver's reserve as used; the new one keeps it apart. */
EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *out) {
    ENTER(device);
    nvmlMemory_v2_t memory;
    nvmlReturn_t result = memory_of(device, &memory);
    if (!result) *out = (nvmlMemory_t){memory.total, memory.free, memory.used + memory.reserved};
    return leave(result);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *out) {
    ENTER(device);
    if (out->version != NVML_MEMORY_V2) return leave(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    return leave(memory_of(device, out));
}

EXPORT nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *out) {
    ENTER(device);
    nvmlReturn_t result = get_u64(device, "bar1_total", &out->bar1Total);
    if (!result) result = get_u64(device, "bar1_used", &out->bar1Used);
    if (!result) out->bar1Free = out->bar1Total - out->bar1Used;
    return leave(result);
}

EXPORT nvmlReturn_t nvmlDeviceGetConfComputeMemSizeInfo(nvmlDevice_t device, void *out) {
    (void)out;
    ENTER(device);
    return leave(NVML_ERROR_NOT_SUPPORTED);
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *out) {
    ENTER(device);
    nvmlReturn_t result = get_u32(device, "util", &out->gpu);
    return leave(result ? result : get_u32(device, "mem_util", &out->memory));
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlEnum_t sensor, unsigned int *out) {
    ENTER(device);
    return leave(sensor ? NVML_ERROR_INVALID_ARGUMENT : get_u32(device, "temp", out));
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *out) {
    ENTER(device);
    if (out->version != NVML_TEMPERATURE_V1) return leave(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    return leave(get_u32(device, "temp", (unsigned int *)&out->temperature));
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, nvmlEnum_t kind, unsigned int *out) {
    ENTER(device);
    char key[32];
    snprintf(key, sizeof key, "temp_threshold.%u", kind);
    return leave(get_u32(device, key, out));
}

EXPORT nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t *out) {
    ENTER(device);
    if (out->version != NVML_MARGIN_TEMPERATURE_V1) return leave(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    return leave(get_u32(device, "temp_margin", (unsigned int *)&out->marginTemperature));
}

static nvmlReturn_t clock_of(nvmlDevice_t device, const char *prefix, nvmlEnum_t kind, unsigned int *out) {
    static const char *const KINDS[] = {"gr", "sm", "mem", "video"};
    if (kind > 3) return NVML_ERROR_INVALID_ARGUMENT;
    char key[32];
    snprintf(key, sizeof key, "%s_%s", prefix, KINDS[kind]);
    return get_u32(device, key, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlEnum_t kind, unsigned int *out) {
    ENTER(device);
    return leave(clock_of(device, "clock", kind, out));
}
EXPORT nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device, nvmlEnum_t kind, nvmlEnum_t which, unsigned int *out) {
    (void)which;
    return nvmlDeviceGetClockInfo(device, kind, out);
}
EXPORT nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlEnum_t kind, unsigned int *out) {
    ENTER(device);
    return leave(clock_of(device, "max_clock", kind, out));
}

/* Real hardware samples 20 ms for this call; a test that cares sets gpu.*.delay.nvmlDeviceGetPcieThroughput 20. */
EXPORT nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, nvmlEnum_t received, unsigned int *out) {
    ENTER(device);
    return leave(get_u32(device, received ? "pcie_rx" : "pcie_tx", out));
}
