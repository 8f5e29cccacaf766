variable "name_prefix" {
  type        = string
  description = "What the names of all pods begin with, `gw-lab-1a2b3c4d-`; what is ours at the provider is known by it."
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,46}-$", var.name_prefix))
    error_message = "name_prefix is small letters, digits and dashes, begins with a letter and ends with a dash; at most 48 characters."
  }
}

variable "nodes" {
  type = map(object({
    gpu_type     = string
    gpu_count    = optional(number, 1)
    data_centers = optional(list(string), [])
  }))
  description = "The nodes by key: `head`, and workers `w1`, `w2`, … that keep their key for life. No data centres: any."
  nullable    = false

  validation {
    condition     = contains(keys(var.nodes), "head")
    error_message = "nodes needs one with the key \"head\": it holds the controller."
  }

  validation {
    condition     = alltrue([for key in keys(var.nodes) : can(regex("^(head|w[1-9][0-9]{0,3})$", key))])
    error_message = "The keys of nodes are \"head\" and \"w1\", \"w2\", and so on."
  }

  validation {
    condition     = alltrue([for node in values(var.nodes) : length(trimspace(node.gpu_type)) > 0])
    error_message = "Each node needs a gpu_type, as the provider names it: \"NVIDIA H100 80GB HBM3\"."
  }

  validation {
    condition = alltrue([
      for node in values(var.nodes) : node.gpu_count >= 1 && node.gpu_count <= 16 && floor(node.gpu_count) == node.gpu_count
    ])
    error_message = "gpu_count is a whole number from 1 to 16."
  }

  validation {
    condition = alltrue(flatten([
      for node in values(var.nodes) : [for center in node.data_centers : can(regex("^[A-Z0-9]+(-[A-Z0-9]+)+$", center))]
    ]))
    error_message = "A data centre is written as the provider writes it: \"US-KS-2\"."
  }
}

variable "image" {
  type        = string
  description = "Image of the pods; the default is a stock one, into which the scripts are brought over ssh."
  default     = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9._/:@-]*$", var.image))
    error_message = "image is a container image's name, \"registry/name:tag\"."
  }
}

variable "template_id" {
  type        = string
  description = "Template of the account that pods are made from; null: none."
  default     = null
}

variable "registry_id" {
  type        = string
  description = "Credential, by its id at the provider, for an image in a private registry; null: none."
  default     = null
}

variable "disk_gb" {
  type        = number
  description = "Disk of each pod, in GB; it is lost with the pod."
  default     = 50
  nullable    = false

  validation {
    condition     = var.disk_gb >= 10 && var.disk_gb <= 4096 && floor(var.disk_gb) == var.disk_gb
    error_message = "disk_gb is a whole number from 10 to 4096."
  }
}

variable "public_key" {
  type        = string
  description = "Public ssh key that may log in as root. It is no secret; the private one never comes near Terraform."
  nullable    = false

  validation {
    condition     = can(regex("^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/=]+( .*)?$", var.public_key))
    error_message = "public_key is one line as in an id_ed25519.pub: \"ssh-ed25519 AAAA… comment\"."
  }
}

variable "cloud" {
  type        = string
  description = "`SECURE` or `COMMUNITY`; only the first has a private network between pods."
  default     = "SECURE"
  nullable    = false

  validation {
    condition     = contains(["SECURE", "COMMUNITY"], var.cloud)
    error_message = "cloud is SECURE or COMMUNITY."
  }
}

variable "ports" {
  type        = list(string)
  description = "Ports open to the world. ssh is enough: all else is reached through it."
  default     = ["22/tcp"]
  nullable    = false

  validation {
    condition     = contains(var.ports, "22/tcp") && alltrue([for port in var.ports : can(regex("^[1-9][0-9]{0,4}/(tcp|http)$", port))])
    error_message = "ports are written as \"22/tcp\" or \"8888/http\", and \"22/tcp\" is one of them."
  }
}

variable "env" {
  type        = map(string)
  description = "More variables of each pod's environment. They stand in the state in clear, so none may be a secret."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.env) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name))]) && length(var.env) <= 40
    error_message = "env holds at most 40 variables, named with letters, digits and underscores."
  }

  validation {
    condition = alltrue([
      for name, value in var.env : startswith(value, "{{ RUNPOD_SECRET_") || !can(regex("(?i)(token|secret|passw|passphrase|credential|api_?key|access_?key|private_?key|munge)", name))
    ])
    error_message = "A variable of env is named like a secret. Keep it at the provider and write \"{{ RUNPOD_SECRET_name }}\", or send it over ssh."
  }
}

variable "min_cuda_version" {
  type        = string
  description = "Oldest CUDA that the pod's driver must know, \"12.8\"; null: any."
  default     = null

  validation {
    condition     = var.min_cuda_version == null || can(regex("^[0-9]+\\.[0-9]+$", var.min_cuda_version))
    error_message = "min_cuda_version is written as \"12.8\"."
  }
}

variable "volume_id" {
  type        = string
  description = "A network volume that is there already, put into the head for the weights of models; null: none. It ties the head to the volume's data centre."
  default     = null
}

variable "volume_path" {
  type        = string
  description = "Where the network volume is mounted in the head."
  default     = "/workspace"
  nullable    = false

  validation {
    condition     = can(regex("^/[A-Za-z0-9_./-]+$", var.volume_path))
    error_message = "volume_path is an absolute path."
  }
}
