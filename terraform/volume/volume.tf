# A network volume of the deployment's own, laid in place of ../cluster/volume.tf where one is wished for. It goes with
# the deployment: destroying the one destroys the other.

variable "volume" {
  type = object({
    size_gb     = number
    data_center = string
  })
  description = "The network volume to make: its size in GB, which can only grow, and its data centre, which stays."
  nullable    = false

  validation {
    condition     = var.volume.size_gb >= 10 && var.volume.size_gb <= 4096 && floor(var.volume.size_gb) == var.volume.size_gb
    error_message = "The volume's size_gb is a whole number from 10 to 4096."
  }

  validation {
    condition     = can(regex("^[A-Z0-9]+(-[A-Z0-9]+)+$", var.volume.data_center))
    error_message = "The volume's data_center is written as the provider writes it: \"US-KS-2\"."
  }
}

resource "runpod_network_volume" "cache" {
  name        = "${var.name_prefix}cache"
  size        = var.volume.size_gb
  data_center = var.volume.data_center
}

locals {
  # Said apart: whether there is one is known before its id is.
  has_volume = true
  volume_id  = runpod_network_volume.cache.id
}
