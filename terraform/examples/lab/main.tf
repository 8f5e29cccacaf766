# A head and two workers in one data centre, out of the module alone:
#   export RUNPOD_API_KEY=…            # never in a file of this folder
#   terraform init && terraform apply
# `gpu-watchdog deploy` does the same, and then turns the pods into a cluster.

terraform {
  required_version = ">= 1.6"
}

variable "public_key_file" {
  type        = string
  description = "Public ssh key that may log in."
  default     = "~/.ssh/id_ed25519.pub"
}

module "lab" {
  source = "../../cluster"

  name_prefix = "gw-example-"
  public_key  = trimspace(file(pathexpand(var.public_key_file)))

  nodes = {
    head = { gpu_type = "NVIDIA L4", data_centers = ["US-KS-2"] }
    w1   = { gpu_type = "NVIDIA H100 80GB HBM3", gpu_count = 8, data_centers = ["US-KS-2"] }
    w2   = { gpu_type = "NVIDIA H100 80GB HBM3", gpu_count = 8, data_centers = ["US-KS-2"] }
  }
}

output "pods" {
  description = "Pod ids by node key."
  value       = module.lab.pods
}
