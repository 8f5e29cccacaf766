# Ids only: a status or a price would change by itself, and every plan would then find something to do.

output "pods" {
  description = "Pod ids by node key."
  value       = merge({ head = runpod_pod.head.id }, { for key, pod in runpod_pod.worker : key => pod.id })
}

output "volume" {
  description = "Id of the network volume in the head; null: none."
  value       = local.volume_id
}
