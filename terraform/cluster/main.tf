locals {
  workers = { for key, node in var.nodes : key => node if key != "head" }

  # Secrets reach a pod over ssh, never through its environment.
  env = merge(var.env, { PUBLIC_KEY = var.public_key })

  has_private_network = var.cloud == "SECURE"
}

resource "runpod_pod" "head" {
  name              = "${var.name_prefix}head"
  image             = var.image
  template_id       = var.template_id
  registry          = var.registry_id
  gpu_type_id       = var.nodes["head"].gpu_type
  gpu_count         = var.nodes["head"].gpu_count
  data_center_ids   = length(var.nodes["head"].data_centers) > 0 ? var.nodes["head"].data_centers : null
  min_cuda_version  = var.min_cuda_version
  cloud             = var.cloud
  disk              = var.disk_gb
  ports             = var.ports
  env               = merge(local.env, { GPU_WATCHDOG_NODE = "head" })
  global_networking = local.has_private_network
  desired_state     = "RUNNING"
  network_volumes   = local.has_volume ? [{ volume_id = local.volume_id, path = var.volume_path }] : null

  lifecycle {
    # The provider never reads these back, so a pod taken into the state would be replaced for them; and a pod that
    # runs is not given up because a preference changed.
    ignore_changes = [
      template_id, start_ssh, start_jupyter, allowed_cuda_versions, min_cuda_version, min_ram_per_gpu,
      min_vcpu_count_per_gpu, data_center_ids,
    ]
  }
}

resource "runpod_pod" "worker" {
  for_each = local.workers

  name              = "${var.name_prefix}${each.key}"
  image             = var.image
  template_id       = var.template_id
  registry          = var.registry_id
  gpu_type_id       = each.value.gpu_type
  gpu_count         = each.value.gpu_count
  data_center_ids   = length(each.value.data_centers) > 0 ? each.value.data_centers : null
  min_cuda_version  = var.min_cuda_version
  cloud             = var.cloud
  disk              = var.disk_gb
  ports             = var.ports
  env               = merge(local.env, { GPU_WATCHDOG_NODE = each.key })
  global_networking = local.has_private_network
  desired_state     = "RUNNING"

  lifecycle {
    # As for the head.
    ignore_changes = [
      template_id, start_ssh, start_jupyter, allowed_cuda_versions, min_cuda_version, min_ram_per_gpu,
      min_vcpu_count_per_gpu, data_center_ids,
    ]
  }
}
