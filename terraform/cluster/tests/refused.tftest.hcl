# What the variables refuse, so that it costs a sentence and not a create.

mock_provider "runpod" {}

variables {
  name_prefix = "gw-lab-1a2b3c4d-"
  public_key  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8 tests@here"
  nodes       = { head = { gpu_type = "NVIDIA L4" } }
}

run "every_variable_that_is_wrong_is_named" {
  command = plan

  variables {
    name_prefix      = "Lab"
    nodes            = { head = { gpu_type = "NVIDIA L4" }, "w-1" = { gpu_type = "NVIDIA L4" } }
    public_key       = "-----BEGIN OPENSSH PRIVATE KEY-----"
    cloud            = "ALL"
    ports            = ["8888/http"]
    env              = { HF_TOKEN = "hf_x" }
    disk_gb          = 5
    min_cuda_version = "twelve"
    image            = "a b"
    volume_path      = "workspace"
  }

  expect_failures = [
    var.name_prefix, var.nodes, var.public_key, var.cloud, var.ports, var.env, var.disk_gb, var.min_cuda_version,
    var.image, var.volume_path,
  ]
}

run "nodes_without_a_gpu_type" {
  command         = plan
  expect_failures = [var.nodes]

  variables {
    nodes = { head = { gpu_type = " " } }
  }
}

run "half_a_gpu" {
  command         = plan
  expect_failures = [var.nodes]

  variables {
    nodes = { head = { gpu_type = "NVIDIA L4", gpu_count = 0.5 } }
  }
}

run "a_data_centre_written_otherwise" {
  command         = plan
  expect_failures = [var.nodes]

  variables {
    nodes = { head = { gpu_type = "NVIDIA L4", data_centers = ["Kansas"] } }
  }
}
