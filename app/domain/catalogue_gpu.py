"""Catalogue rows of what a GPU does: activity, memory, temperature, power, clocks, links' traffic.

Sources of the names: dcgm_fields.h as go-dcgm carries it for DCGM 4.6, which lists each old name beside its new one;
dcgm-exporter's default counters; nvidia_gpu_exporter's METRICS.md and golden pages; all-smi's exporter sources;
nvitop-exporter's exporter.py (prometheus_client appends its units); AMD device-metrics-exporter's metric list and
sources; Triton's metrics page. The first name of a row that a page gives a value for wins.
"""
# ruff: noqa: E501 - a catalogue row reads best as one table line

from __future__ import annotations

from app.domain.metric import Metric, Name

_MIB = 1 / 1048576
_MB = 1e6 / 1048576
_MHZ = 1e-6
_KB_S = 1000.0
_MIB_S = 1048576.0
_LINKS = ("nvlink", "link", "link_index")

# fmt: off
GPU_METRICS: tuple[Metric, ...] = (
    # ── activity ──
    Metric("gpu.utilization", "%", "util", "Share of the last sample period in which any kernel ran; not how well it ran.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_DEV_GPU_UTIL"), Name("DCGM_FI_DEV_GPU_UTIL_RATIO", ratio=True), Name("nvidia_smi_utilization_gpu_ratio", 100),
        Name("all_smi_gpu_utilization"), Name("all_smi_mig_instance_utilization_gpu"), Name("gpu_utilization_Percentage"), Name("gpu_gfx_activity"), Name("gpu_usage"), Name("nv_gpu_utilization", 100))),
    Metric("gpu.memory_utilization", "%", "mem bw", "Share of the last sample period in which device memory was read or written.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_DEV_MEM_COPY_UTIL"), Name("nvidia_smi_utilization_memory_ratio", 100),
        Name("gpu_memory_utilization_Percentage"), Name("gpu_umc_activity"), Name("all_smi_gpu_memory_bandwidth_utilization", 100), Name("all_smi_mig_instance_utilization_memory"))),
    Metric("gpu.engine_active", "%", "engine", "Share of time the graphics or compute engine was active (profiling counter; works on MIG).", quantum=0.1, high=100, names=(
        Name("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 100), Name("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", 100), Name("nvidia_smi_mig_graphics_activity_ratio", 100), Name("gpu_prof_gui_util_percent"))),
    Metric("gpu.sm_active", "%", "SM", "Share of time at least one warp was resident on an SM, averaged over SMs.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_PROF_SM_ACTIVE", 100), Name("DCGM_FI_PROF_SM_UTIL_RATIO", 100), Name("nvidia_smi_mig_sm_activity_ratio", 100), Name("gpu_prof_sm_active"))),
    Metric("gpu.sm_occupancy", "%", "occupancy", "Resident warps over the most an SM can hold, averaged over SMs.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_PROF_SM_OCCUPANCY", 100), Name("DCGM_FI_PROF_SM_OCCUPANCY_RATIO", 100), Name("nvidia_smi_mig_sm_occupancy_ratio", 100), Name("all_smi_gpu_sm_occupancy", 100), Name("gpu_prof_occupancy_percent"))),
    Metric("gpu.tensor_active", "%", "tensor", "Share of cycles the tensor pipes were busy; what training should be.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 100), Name("DCGM_FI_PROF_TENSOR_UTIL_RATIO", 100), Name("nvidia_smi_mig_tensor_activity_ratio", 100), Name("gpu_prof_tensor_active_percent"))),
    Metric("gpu.dram_active", "%", "DRAM", "Share of cycles device memory moved data; near 80 % is as busy as it gets.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_PROF_DRAM_ACTIVE", 100), Name("DCGM_FI_PROF_DRAM_UTIL_RATIO", 100))),
    Metric("gpu.fp64_active", "%", "FP64", "Share of cycles the FP64 pipes were busy.", quantum=0.1, high=100, names=(Name("DCGM_FI_PROF_PIPE_FP64_ACTIVE", 100), Name("DCGM_FI_PROF_FP64_UTIL_RATIO", 100))),
    Metric("gpu.fp32_active", "%", "FP32", "Share of cycles the FP32 pipes were busy.", quantum=0.1, high=100, names=(Name("DCGM_FI_PROF_PIPE_FP32_ACTIVE", 100), Name("DCGM_FI_PROF_FP32_UTIL_RATIO", 100))),
    Metric("gpu.fp16_active", "%", "FP16", "Share of cycles the FP16 pipes (tensor not counted) were busy.", quantum=0.1, high=100, names=(Name("DCGM_FI_PROF_PIPE_FP16_ACTIVE", 100), Name("DCGM_FI_PROF_FP16_UTIL_RATIO", 100))),
    Metric("gpu.encoder_utilization", "%", "encoder", "Video encoder's busy share.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_DEV_ENC_UTIL"), Name("nvidia_smi_utilization_encoder_ratio", 100), Name("gpu_encoder_utilization_Percentage"))),
    Metric("gpu.decoder_utilization", "%", "decoder", "Video decoder's busy share.", quantum=0.1, high=100, names=(
        Name("DCGM_FI_DEV_DEC_UTIL"), Name("nvidia_smi_utilization_decoder_ratio", 100), Name("gpu_decoder_utilization_Percentage"))),
    Metric("gpu.jpeg_utilization", "%", "JPEG", "JPEG engine's busy share.", quantum=0.1, high=100, names=(Name("nvidia_smi_utilization_jpeg_ratio", 100),)),
    Metric("gpu.ofa_utilization", "%", "OFA", "Optical flow engine's busy share.", quantum=0.1, high=100, names=(Name("nvidia_smi_utilization_ofa_ratio", 100),)),
    # ── memory ──
    Metric("gpu.memory_used", "MiB", "mem used", "Device memory in use by processes.", fold="sum", names=(
        Name("DCGM_FI_DEV_FB_USED"), Name("nvidia_smi_memory_used_bytes", _MIB), Name("nvidia_smi_mig_memory_used_bytes", _MIB), Name("all_smi_gpu_memory_used_bytes", _MIB),
        Name("all_smi_mig_instance_memory_used_bytes", _MIB), Name("gpu_memory_used_MiB"), Name("gpu_used_vram", _MB), Name("nv_gpu_memory_used_bytes", _MIB))),
    Metric("gpu.memory_free", "MiB", "mem free", "Device memory free.", fold="sum", names=(
        Name("DCGM_FI_DEV_FB_FREE"), Name("nvidia_smi_memory_free_bytes", _MIB), Name("nvidia_smi_mig_memory_free_bytes", _MIB), Name("gpu_memory_free_MiB"), Name("gpu_free_vram", _MB))),
    Metric("gpu.memory_reserved", "MiB", "mem reserved", "Device memory the driver and firmware keep for themselves.", fold="sum", names=(
        Name("DCGM_FI_DEV_FB_RESERVED"), Name("nvidia_smi_memory_reserved_bytes", _MIB), Name("nvidia_smi_mig_memory_reserved_bytes", _MIB))),
    Metric("gpu.memory_total", "MiB", "mem total", "Device memory there is; derived from used + free + reserved where not published.", fold="sum", names=(
        Name("DCGM_FI_DEV_FB_TOTAL"), Name("nvidia_smi_memory_total_bytes", _MIB), Name("nvidia_smi_mig_memory_total_bytes", _MIB), Name("all_smi_gpu_memory_total_bytes", _MIB),
        Name("all_smi_mig_instance_memory_total_bytes", _MIB), Name("gpu_memory_total_MiB"), Name("gpu_total_vram", _MB), Name("gpu_total_memory", _MB), Name("nv_gpu_memory_total_bytes", _MIB))),
    Metric("gpu.memory_percent", "%", "mem", "Device memory used over total; DCGM counts what the driver reserves out of the total.", quantum=0.1, high=100, names=(
        Name("gpu_memory_percent_Percentage"), Name("DCGM_FI_DEV_FB_USED_PERCENT", 100), Name("DCGM_FI_DEV_FB_USED_RATIO", 100))),
    # ── temperature and power ──
    Metric("gpu.temperature", "°C", "temp", "Temperature of the GPU die.", fold="max", high=100, names=(
        Name("DCGM_FI_DEV_GPU_TEMP"), Name("DCGM_FI_DEV_GPU_TEMP_CELSIUS"), Name("nvidia_smi_temperature_gpu"), Name("all_smi_gpu_temperature_celsius"), Name("gpu_temperature_C"),
        Name("gpu_junction_temperature"), Name("gpu_edge_temperature"))),
    Metric("gpu.memory_temperature", "°C", "mem temp", "Temperature of the device memory (HBM), of the hottest stack; unknown where there is no sensor.", fold="max", merge="max", high=110, names=(
        Name("DCGM_FI_DEV_MEMORY_TEMP"), Name("DCGM_FI_DEV_MEMORY_TEMP_CELSIUS"), Name("nvidia_smi_temperature_memory"), Name("gpu_memory_temperature"), Name("gpu_hbm_temperature", parts=("hbm_index",)))),
    Metric("gpu.temperature_slowdown", "°C", "slowdown at", "Temperature at which the hardware slows itself down.", fold="min", names=(
        Name("DCGM_FI_DEV_SLOWDOWN_TEMP"), Name("DCGM_FI_DEV_GPU_TEMP_SLOWDOWN_CELSIUS"), Name("all_smi_gpu_temperature_threshold_slowdown_celsius"))),
    Metric("gpu.temperature_shutdown", "°C", "shutdown at", "Temperature at which the hardware turns itself off.", fold="min", names=(
        Name("DCGM_FI_DEV_SHUTDOWN_TEMP"), Name("DCGM_FI_DEV_GPU_TEMP_SHUTDOWN_CELSIUS"), Name("all_smi_gpu_temperature_threshold_shutdown_celsius"))),
    Metric("gpu.temperature_max_operating", "°C", "max operating", "Highest die temperature the board is made to work at.", fold="min", names=(
        Name("DCGM_FI_DEV_GPU_MAX_OP_TEMP"), Name("DCGM_FI_DEV_GPU_MAX_OP_TEMP_CELSIUS"), Name("all_smi_gpu_temperature_threshold_max_operating_celsius"))),
    Metric("gpu.memory_temperature_max_operating", "°C", "max mem operating", "Highest memory temperature the board is made to work at.", fold="min", names=(
        Name("DCGM_FI_DEV_MEM_MAX_OP_TEMP"), Name("DCGM_FI_DEV_MEMORY_MAX_OP_TEMP_CELSIUS"))),
    Metric("gpu.temperature_margin", "°C", "margin", "Degrees left to the throttle point (T.Limit).", fold="min", low=None, names=(
        Name("DCGM_FI_DEV_GPU_TEMP_LIMIT"), Name("DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS"), Name("nvidia_smi_temperature_gpu_tlimit"))),
    Metric("gpu.margin_slowdown", "°C", "slowdown margin", "Margin (T.Limit) below which the hardware slows itself down.", fold="max", low=None, names=(Name("gpu_watchdog_slowdown_tlimit_celsius"),)),
    Metric("gpu.margin_shutdown", "°C", "shutdown margin", "Margin (T.Limit) below which the hardware turns itself off.", fold="max", low=None, names=(Name("gpu_watchdog_shutdown_tlimit_celsius"),)),
    Metric("gpu.power", "W", "power", "Board power; a one-second mean on Ampere and later.", fold="sum", quantum=0.1, names=(
        Name("DCGM_FI_DEV_POWER_USAGE"), Name("DCGM_FI_DEV_BOARD_POWER_WATTS"), Name("nvidia_smi_power_draw_watts"), Name("all_smi_gpu_power_consumption_watts"), Name("gpu_power_usage_W"),
        Name("gpu_package_power"), Name("gpu_average_package_power"), Name("gpu_power_usage"), Name("nv_gpu_power_usage"))),
    Metric("gpu.power_instant", "W", "power now", "Board power at the instant, not the one-second mean.", fold="sum", quantum=0.1, names=(
        Name("DCGM_FI_DEV_POWER_USAGE_INSTANT"), Name("DCGM_FI_DEV_BOARD_POWER_RAW_WATTS"), Name("nvidia_smi_power_draw_instant_watts"))),
    Metric("gpu.power_limit", "W", "power limit", "Power limit the driver enforces now.", fold="sum", names=(
        Name("DCGM_FI_DEV_ENFORCED_POWER_LIMIT"), Name("DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS"), Name("DCGM_FI_DEV_POWER_MGMT_LIMIT"), Name("DCGM_FI_DEV_BOARD_POWER_LIMIT_REQUESTED_WATTS"),
        Name("nvidia_smi_enforced_power_limit_watts"),
        Name("nvidia_smi_power_limit_watts"), Name("all_smi_gpu_power_limit_current_watts"), Name("gpu_power_limit_W"), Name("nv_gpu_power_limit"))),
    Metric("gpu.power_limit_default", "W", "default limit", "Power limit the board was made for.", fold="sum", names=(
        Name("DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF"), Name("DCGM_FI_DEV_BOARD_POWER_LIMIT_DEFAULT_WATTS"), Name("nvidia_smi_power_default_limit_watts"))),
    Metric("gpu.power_limit_min", "W", "min limit", "Lowest power limit that can be set.", fold="sum", names=(
        Name("DCGM_FI_DEV_POWER_MGMT_LIMIT_MIN"), Name("DCGM_FI_DEV_BOARD_POWER_LIMIT_MIN_WATTS"), Name("nvidia_smi_power_min_limit_watts"))),
    Metric("gpu.power_limit_max", "W", "max limit", "Highest power limit that can be set.", fold="sum", names=(
        Name("DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX"), Name("DCGM_FI_DEV_BOARD_POWER_LIMIT_MAX_WATTS"), Name("nvidia_smi_power_max_limit_watts"), Name("all_smi_gpu_power_limit_max_watts"))),
    Metric("gpu.energy", "J", "energy", "Energy used since the driver was loaded (Triton, all-smi: since they began to count).", fold="sum", kind="counter", low=None, names=(
        Name("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 1e-3), Name("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL"), Name("nvidia_smi_energy_joules_total"), Name("gpu_energy_consumed", 1e-6),
        Name("all_smi_energy_consumed_joules_total", where=(("scope", "gpu"),)), Name("nv_energy_consumption"))),
    # ── clocks ──
    Metric("gpu.sm_clock", "MHz", "SM clock", "Clock of the streaming multiprocessors.", merge="max", names=(
        Name("DCGM_FI_DEV_SM_CLOCK"), Name("DCGM_FI_DEV_SM_CLOCK_HERTZ", _MHZ), Name("nvidia_smi_clocks_current_sm_clock_hz", _MHZ), Name("gpu_clock_sm_MHz"),
        Name("all_smi_gpu_frequency_mhz"), Name("gpu_clock", where=(("clock_type", "system"),), parts=("clock_index",)), Name("gpu_clock", where=(("clock_type", "GPU_CLOCK_TYPE_SYSTEM"),), parts=("clock_index",)))),
    Metric("gpu.memory_clock", "MHz", "mem clock", "Clock of the device memory.", merge="max", names=(
        Name("DCGM_FI_DEV_MEM_CLOCK"), Name("DCGM_FI_DEV_MEMORY_CLOCK_HERTZ", _MHZ), Name("nvidia_smi_clocks_current_memory_clock_hz", _MHZ), Name("gpu_clock_memory_MHz"),
        Name("gpu_clock", where=(("clock_type", "memory"),), parts=("clock_index",)), Name("gpu_clock", where=(("clock_type", "GPU_CLOCK_TYPE_MEMORY"),), parts=("clock_index",)))),
    Metric("gpu.graphics_clock", "MHz", "gfx clock", "Clock of the graphics domain.", names=(
        Name("gpu_watchdog_graphics_clock_hertz", _MHZ), Name("nvidia_smi_clocks_current_graphics_clock_hz", _MHZ), Name("gpu_clock_graphics_MHz"))),
    Metric("gpu.graphics_clock_max", "MHz", "gfx clock max", "Highest graphics clock of the board.", names=(
        Name("gpu_watchdog_graphics_clock_max_hertz", _MHZ), Name("nvidia_smi_clocks_max_graphics_clock_hz", _MHZ))),
    Metric("gpu.video_clock", "MHz", "video clock", "Clock of the video engines.", merge="max", names=(
        Name("DCGM_FI_DEV_VIDEO_CLOCK"), Name("DCGM_FI_DEV_VIDEO_CLOCK_HERTZ", _MHZ), Name("nvidia_smi_clocks_current_video_clock_hz", _MHZ), Name("gpu_clock_video_MHz"),
        Name("gpu_clock", where=(("clock_type", "video"),), parts=("clock_index",)))),
    Metric("gpu.sm_clock_max", "MHz", "SM clock max", "Highest SM clock of the board.", merge="max", names=(
        Name("DCGM_FI_DEV_MAX_SM_CLOCK"), Name("DCGM_FI_DEV_SM_MAX_CLOCK_HERTZ", _MHZ), Name("nvidia_smi_clocks_max_sm_clock_hz", _MHZ), Name("all_smi_gpu_clock_graphics_max_mhz"),
        Name("gpu_max_clock", where=(("clock_type", "system"),), parts=("clock_index",)), Name("gpu_max_clock", where=(("clock_type", "GPU_CLOCK_TYPE_SYSTEM"),), parts=("clock_index",)))),
    Metric("gpu.memory_clock_max", "MHz", "mem clock max", "Highest memory clock of the board.", merge="max", names=(
        Name("DCGM_FI_DEV_MAX_MEM_CLOCK"), Name("DCGM_FI_DEV_MEMORY_MAX_CLOCK_HERTZ", _MHZ), Name("nvidia_smi_clocks_max_memory_clock_hz", _MHZ), Name("all_smi_gpu_clock_memory_max_mhz"),
        Name("gpu_max_clock", where=(("clock_type", "memory"),), parts=("clock_index",)))),
    Metric("gpu.pstate", "", "P-state", "Performance state: 0 is fastest, 15 slowest.", fold="max", high=15, names=(
        Name("DCGM_FI_DEV_PSTATE"), Name("DCGM_FI_DEV_GPU_PSTATE"), Name("nvidia_smi_pstate"), Name("all_smi_gpu_performance_state"))),
    Metric("gpu.fan", "%", "fan", "Fan speed; unknown on passively cooled boards.", fold="max", high=100, names=(
        Name("DCGM_FI_DEV_FAN_SPEED"), Name("DCGM_FI_DEV_FAN_SPEED_RATIO", 100), Name("nvidia_smi_fan_speed_ratio", 100), Name("gpu_fan_speed_Percentage"))),
    Metric("gpu.fan_rpm", "rpm", "fan rpm", "Fan speed in turns a minute, where only that is published.", fold="max", names=(Name("all_smi_gpu_fan_speed_rpm"),)),
    # ── PCIe and NVLink traffic ──
    Metric("gpu.pcie_tx", "B/s", "PCIe tx", "Bytes a second sent over PCIe.", fold="sum", quantum=1000, names=(
        Name("DCGM_FI_PROF_PCIE_TX_BYTES"), Name("DCGM_FI_DEV_PCIE_TX_THROUGHPUT", _KB_S), Name("nvidia_smi_pcie_throughput_tx_bytes_per_second"),
        Name("nvidia_smi_mig_pcie_throughput_tx_bytes_per_second"), Name("gpu_pcie_tx_throughput_MiBps", _MIB_S))),
    Metric("gpu.pcie_rx", "B/s", "PCIe rx", "Bytes a second received over PCIe.", fold="sum", quantum=1000, names=(
        Name("DCGM_FI_PROF_PCIE_RX_BYTES"), Name("DCGM_FI_DEV_PCIE_RX_THROUGHPUT", _KB_S), Name("nvidia_smi_pcie_throughput_rx_bytes_per_second"),
        Name("nvidia_smi_mig_pcie_throughput_rx_bytes_per_second"), Name("gpu_pcie_rx_throughput_MiBps", _MIB_S))),
    Metric("gpu.pcie_gen", "", "PCIe gen", "PCIe generation of the link now; idle GPUs lower it to save power.", fold="min", high=6, names=(
        Name("DCGM_FI_DEV_PCIE_LINK_GEN"), Name("nvidia_smi_pcie_link_gen_current"), Name("all_smi_gpu_pcie_gen_current"))),
    Metric("gpu.pcie_gen_max", "", "PCIe gen max", "Highest PCIe generation of board and slot together.", fold="min", high=6, names=(
        Name("DCGM_FI_DEV_PCIE_MAX_LINK_GEN"), Name("nvidia_smi_pcie_link_gen_max"))),
    Metric("gpu.pcie_width", "", "PCIe width", "PCIe lanes in use now.", fold="min", high=16, names=(
        Name("DCGM_FI_DEV_PCIE_LINK_WIDTH"), Name("nvidia_smi_pcie_link_width_current"), Name("all_smi_gpu_pcie_width_current"))),
    Metric("gpu.pcie_width_max", "", "PCIe width max", "PCIe lanes of board and slot together.", fold="min", high=16, names=(
        Name("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH"), Name("nvidia_smi_pcie_link_width_max"))),
    Metric("gpu.nvlink_tx", "B/s", "NVLink tx", "Bytes a second sent over all NVLinks.", fold="sum", merge="sum", quantum=1000, rate_of="gpu.nvlink_tx_bytes", names=(
        Name("DCGM_FI_PROF_NVLINK_TX_BYTES", parts=_LINKS), Name("gpu_nvlink_total_tx_throughput_MiBps", _MIB_S))),
    Metric("gpu.nvlink_rx", "B/s", "NVLink rx", "Bytes a second received over all NVLinks.", fold="sum", merge="sum", quantum=1000, rate_of="gpu.nvlink_rx_bytes", names=(
        Name("DCGM_FI_PROF_NVLINK_RX_BYTES", parts=_LINKS), Name("gpu_nvlink_total_rx_throughput_MiBps", _MIB_S))),
    Metric("gpu.nvlink_tx_bytes", "B", "NVLink sent", "Bytes sent over all NVLinks since the driver was loaded.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("gpu_watchdog_nvlink_transmitted_bytes_total", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_TX_BYTES_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlink_rx_bytes", "B", "NVLink received", "Bytes received over all NVLinks since the driver was loaded.", fold="sum", merge="sum", kind="counter", quantum=1024, low=None, names=(
        Name("gpu_watchdog_nvlink_received_bytes_total", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES", parts=_LINKS), Name("DCGM_FI_DEV_NVLINK_RX_BYTES_TOTAL", parts=_LINKS))),
    Metric("gpu.nvlink_bandwidth_total", "", "NVLink DCGM", "DCGM field 449 as sent; a counter by its type, MB/s by its use: prefer the profiling fields.", fold="sum", low=None, names=(
        Name("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"), Name("DCGM_FI_DEV_NVLINK_THROUGHPUT_TOTAL"))),
)
# fmt: on
