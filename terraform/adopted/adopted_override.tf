# Laid beside ../cluster only where the provider, having taken a pod into the state, does not say what the pod was made
# with: it would then be replaced for what it is. `-replace` still gives a node what the variables say.

resource "runpod_pod" "head" {
  lifecycle {
    ignore_changes = [
      template_id, start_ssh, start_jupyter, allowed_cuda_versions, min_cuda_version, min_ram_per_gpu,
      min_vcpu_count_per_gpu, data_center_ids, gpu_type_id, gpu_count, cloud,
    ]
  }
}

resource "runpod_pod" "worker" {
  lifecycle {
    ignore_changes = [
      template_id, start_ssh, start_jupyter, allowed_cuda_versions, min_cuda_version, min_ram_per_gpu,
      min_vcpu_count_per_gpu, data_center_ids, gpu_type_id, gpu_count, cloud,
    ]
  }
}
