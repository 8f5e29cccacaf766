# A single node whose models lie on a network volume that outlives it: destroy the module, keep the weights.
#   terraform destroy -target module.lab

terraform {
  required_version = ">= 1.6"

  required_providers {
    runpod = {
      source  = "runpod/runpod"
      version = "~> 2.0"
    }
  }
}

variable "public_key" {
  type        = string
  description = "Public ssh key that may log in, one line."
}

resource "runpod_network_volume" "models" {
  name        = "models"
  size        = 200
  data_center = "US-KS-2"
}

module "lab" {
  source = "../../cluster"

  name_prefix = "gw-example-"
  public_key  = var.public_key
  volume_id   = runpod_network_volume.models.id

  nodes = {
    head = { gpu_type = "NVIDIA H100 80GB HBM3", data_centers = [runpod_network_volume.models.data_center] }
  }
}

output "pods" {
  description = "Pod ids by node key."
  value       = module.lab.pods
}
