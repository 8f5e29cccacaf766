/* Errors, remapped rows, links, MIG slices, field values and GPM of the stand-in. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* ---- throttling, ECC, remapped rows, retired pages ---- */

EXPORT nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, nvmlEnum_t policy, nvmlViolationTime_t *out) {
    ENTER(device);
    char key[32];
    snprintf(key, sizeof key, "violation.%u", policy);
    out->referenceTime = now_us();
    return leave(get_u64(device, key, &out->violationTime));
}

EXPORT nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, nvmlEnum_t *current, nvmlEnum_t *pending) {
    ENTER(device);
    nvmlReturn_t result = get_u32(device, "ecc", current);
    if (!result) *pending = *current;
    return leave(result);
}

static void ecc_key(char *key, size_t room, nvmlEnum_t uncorrected, nvmlEnum_t aggregate) {
    snprintf(key, room, "ecc.%s.%s", uncorrected ? "unc" : "cor", aggregate ? "agg" : "vol");
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlEnum_t uncorrected, nvmlEnum_t aggregate,
                                                unsigned long long *out) {
    ENTER(device);
    char key[32];
    ecc_key(key, sizeof key, uncorrected, aggregate);
    return leave(get_u64(device, key, out));
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlEnum_t uncorrected, nvmlEnum_t aggregate,
                                                    nvmlEnum_t place, unsigned long long *out) {
    ENTER(device);
    char total[32], key[48];
    ecc_key(total, sizeof total, uncorrected, aggregate);
    snprintf(key, sizeof key, "%s.%u", total, place);
    return leave(get_u64(device, key, out));
}

EXPORT nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_t *out) {
    ENTER(device);
    if (out->version != NVML_ECC_SRAM_V1) return leave(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    unsigned int exceeded;
    nvmlReturn_t result = get_u32(device, "sram_threshold", &exceeded);
    if (result) return leave(result);
    memset(out, 0, sizeof *out);
    out->version = NVML_ECC_SRAM_V1;
    out->bThresholdExceeded = exceeded;
    return leave(NVML_SUCCESS);
}

EXPORT nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrected, unsigned int *uncorrected,
                                              unsigned int *pending, unsigned int *failed) {
    ENTER(device);
    nvmlReturn_t result = get_u32(device, "remap_cor", corrected);
    if (!result) result = get_u32(device, "remap_unc", uncorrected);
    if (!result) result = get_u32(device, "remap_pending", pending);
    return leave(result ? result : get_u32(device, "remap_failed", failed));
}

EXPORT nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *out) {
    ENTER(device);
    const char *value = device_value(device, "remap_hist");
    int read = value ? sscanf(value, "%u,%u,%u,%u,%u", &out->max, &out->high, &out->partial, &out->low, &out->none) : 0;
    return leave(read == 5 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED);
}

/* Cause 0 is several corrected errors, 1 an uncorrected one; the addresses are made up. */
EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, nvmlEnum_t cause, unsigned int *count,
                                              unsigned long long *addresses) {
    ENTER(device);
    unsigned int pages = 0;
    nvmlReturn_t result = get_u32(device, cause ? "retired_dbe" : "retired_sbe", &pages);
    if (result) return leave(result);
    unsigned int room = *count;
    *count = pages;
    if (pages && (!addresses || room < pages)) return leave(NVML_ERROR_INSUFFICIENT_SIZE);
    for (unsigned int i = 0; i < pages; i++) addresses[i] = 0x1000ull * (i + 1);
    return leave(NVML_SUCCESS);
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device, nvmlEnum_t *out) {
    ENTER(device);
    return leave(get_u32(device, "retired_pending", out));
}

/* ---- NVLink and fabric ---- */

/* Links are up unless `nvlink.N 0`; a link past `nvlinks` is not there. */
static nvmlReturn_t link_state(nvmlDevice_t device, unsigned int link, unsigned int *out) {
    unsigned int links;
    nvmlReturn_t result = get_u32(device, "nvlinks", &links);
    if (result) return result;
    if (link >= links) return NVML_ERROR_INVALID_ARGUMENT;
    char key[32];
    snprintf(key, sizeof key, "nvlink.%u", link);
    *out = 1;
    get_u32(device, key, out);
    return NVML_SUCCESS;
}

/* Counter 0 replay, 1 recovery, 2 CRC flit, 3 CRC data; 0 unless `nvlink_err.LINK.COUNTER` says more. */
static nvmlReturn_t link_errors(nvmlDevice_t device, unsigned int link, unsigned int counter, unsigned long long *out) {
    unsigned int state;
    nvmlReturn_t result = link_state(device, link, &state);
    if (result) return result;
    char key[48];
    snprintf(key, sizeof key, "nvlink_err.%u.%u", link, counter);
    *out = 0;
    get_u64(device, key, out);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, nvmlEnum_t *out) {
    ENTER(device);
    return leave(link_state(device, link, out));
}
EXPORT nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned int link, nvmlEnum_t counter,
                                                    unsigned long long *out) {
    ENTER(device);
    return leave(link_errors(device, link, counter, out));
}
EXPORT nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned int link, unsigned int *out) {
    (void)link;
    ENTER(device);
    return leave(get_u32(device, "nvlink_version", out));
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfo_v2_t *out) {
    ENTER(device);
    unsigned int state;
    nvmlReturn_t result = get_u32(device, "fabric_state", &state);
    if (result) return leave(result);
    if (out->version != NVML_FABRIC_V2) return leave(NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    out->state = (unsigned char)state;
    out->status = error_code(device_value(device, "fabric_status"));
    out->cliqueId = out->healthMask = 0;
    get_u32(device, "fabric_health", &out->healthMask);
    return leave(NVML_SUCCESS);
}

/* ---- MIG ---- */

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending) {
    ENTER(device);
    nvmlReturn_t result = get_u32(device, "mig_mode", current);
    if (!result) *pending = *current;
    return leave(result);
}
EXPORT nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *out) {
    ENTER(device);
    *out = 7;
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *out) {
    ENTER(device);
    *out = device->mig >= 0;
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *out) {
    ENTER(device);
    unsigned int count = 0;
    get_u32(device, "mig_count", &count);
    if (index >= count || index >= MAX_MIG) return leave(NVML_ERROR_NOT_FOUND);
    *out = device_at(device->gpu, (int)index);
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t device, nvmlDevice_t *out) {
    ENTER(device);
    *out = device_at(device->gpu, -1);
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *out) {
    ENTER(device);
    return leave(get_u32(device, "gi", out));
}
EXPORT nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *out) {
    ENTER(device);
    return leave(get_u32(device, "ci", out));
}
EXPORT nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *out) {
    ENTER(device);
    memset(out, 0, sizeof *out);
    unsigned long long total = 0;
    nvmlReturn_t result = get_u32(device, "slices", &out->gpuInstanceSliceCount);
    if (!result) result = get_u64(device, "mem_total", &total);
    out->computeInstanceSliceCount = out->gpuInstanceSliceCount;
    out->memorySizeMB = total >> 20;
    return leave(result);
}

/* ---- field values ---- */

/* Fields that are another key's value, so that both ways of asking agree. */
static const struct {
    unsigned int id;
    const char *key;
} FIELD_KEYS[] = {
    {3, "ecc.cor.vol"},    {4, "ecc.unc.vol"},   {5, "ecc.cor.agg"},    {6, "ecc.unc.agg"},  {29, "retired_sbe"},
    {30, "retired_dbe"},   {31, "retired_pending"}, {82, "mem_temp"},   {83, "energy_mj"},   {91, "nvlinks"},
    {94, "pcie_replay"},   {138, "nvlink_tx_kib"}, {139, "nvlink_rx_kib"}, {142, "remap_cor"}, {143, "remap_unc"},
    {144, "remap_pending"}, {145, "remap_failed"}, {185, "power_mw"},   {186, "power_mw"},   {230, "recovery_action"},
};

/* `field.ID.SCOPE`, else `field.ID`, else the key it stands for, else the link counters of Hopper (161-163, 165). */
static nvmlReturn_t field_value(nvmlDevice_t device, unsigned int id, unsigned int scope, unsigned long long *out) {
    char key[48];
    snprintf(key, sizeof key, "field.%u.%u", id, scope);
    if (!get_u64(device, key, out)) return NVML_SUCCESS;
    snprintf(key, sizeof key, "field.%u", id);
    if (!get_u64(device, key, out)) return NVML_SUCCESS;
    for (size_t i = 0; i < sizeof FIELD_KEYS / sizeof *FIELD_KEYS; i++)
        if (FIELD_KEYS[i].id == id) return get_u64(device, FIELD_KEYS[i].key, out);
    if (id >= 161 && id <= 163) return link_errors(device, scope, id - 161, out);
    if (id != 165) return NVML_ERROR_NOT_SUPPORTED;
    unsigned int state = 0;
    nvmlReturn_t result = link_state(device, scope, &state);
    *out = state;
    return result;
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *fields) {
    ENTER(device);
    long long now = (long long)now_us();
    for (int i = 0; i < count; i++) {
        unsigned long long value = 0;
        fields[i].nvmlReturn = field_value(device, fields[i].fieldId, fields[i].scopeId, &value);
        /* T.Limit temperatures (193-196) are signed on real drivers, and negative. */
        int is_signed = fields[i].fieldId >= 193 && fields[i].fieldId <= 196;
        fields[i].valueType = is_signed ? NVML_VALUE_TYPE_SIGNED_INT : NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
        fields[i].timestamp = now;
        fields[i].latencyUsec = 1;
        fields[i].value.ullVal = value;
    }
    return leave(NVML_SUCCESS);
}

/* ---- GPM: a sample remembers only whose it is; the metrics are `gpm.ID` (per cent or MiB/s) ---- */

struct fake_gpm_sample {
    nvmlDevice_t device;
};

EXPORT nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *out) {
    ENTER(device);
    out->isSupportedDevice = 0;
    get_u32(device, "gpm", &out->isSupportedDevice);
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *out) {
    *out = calloc(1, sizeof **out);
    return *out ? NVML_SUCCESS : NVML_ERROR_MEMORY;
}
EXPORT nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    free(sample);
    return NVML_SUCCESS;
}
EXPORT nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
    ENTER(device);
    sample->device = device;
    return leave(NVML_SUCCESS);
}
EXPORT nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int instance, nvmlGpmSample_t sample) {
    ENTER(device);
    for (int mig = 0; mig < MAX_MIG; mig++) {
        unsigned int own;
        if (get_u32(device_at(device->gpu, mig), "gi", &own) || own != instance) continue;
        sample->device = device_at(device->gpu, mig);
        return leave(NVML_SUCCESS);
    }
    return leave(NVML_ERROR_NOT_FOUND);
}
EXPORT nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get) {
    if (get->version != 1) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (!get->sample1->device || get->sample1->device != get->sample2->device) return NVML_ERROR_INVALID_ARGUMENT;
    ENTER(get->sample2->device);
    for (unsigned int i = 0; i < get->numMetrics; i++) {
        char key[32];
        snprintf(key, sizeof key, "gpm.%u", get->metrics[i].metricId);
        const char *value = device_value(get->sample2->device, key);
        get->metrics[i].nvmlReturn = value ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
        get->metrics[i].value = value ? strtod(value, NULL) : 0;
    }
    return leave(NVML_SUCCESS);
}
