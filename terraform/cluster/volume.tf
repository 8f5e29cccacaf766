# The volume that the head mounts. A deployment that makes its own has this file replaced by ../volume/volume.tf.

locals {
  has_volume = var.volume_id != null
  volume_id  = var.volume_id
}
