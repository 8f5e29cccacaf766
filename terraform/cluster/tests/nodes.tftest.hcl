# The module's logic, with no provider behind it: which pods there are, and what each is asked for.

mock_provider "runpod" {}

variables {
  name_prefix = "gw-lab-1a2b3c4d-"
  public_key  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8 tests@here"
  nodes = {
    head = { gpu_type = "NVIDIA L4" }
    w1   = { gpu_type = "NVIDIA H100 80GB HBM3", gpu_count = 8, data_centers = ["US-KS-2", "US-TX-3"] }
    w12  = { gpu_type = "NVIDIA H100 80GB HBM3", gpu_count = 8, data_centers = ["US-KS-2"] }
  }
}

run "each_node_has_the_pod_it_asks_for" {
  command = apply

  assert {
    condition     = join(",", keys(runpod_pod.worker)) == "w1,w12"
    error_message = "Each worker has a pod of its own, by its key."
  }

  assert {
    condition     = runpod_pod.head.name == "gw-lab-1a2b3c4d-head" && runpod_pod.worker["w12"].name == "gw-lab-1a2b3c4d-w12"
    error_message = "A pod's name is the prefix and its node's key."
  }

  assert {
    condition     = runpod_pod.head.gpu_type_id == "NVIDIA L4" && runpod_pod.head.gpu_count == 1
    error_message = "The head has its own GPU type, and one GPU where no number is given."
  }

  assert {
    condition     = runpod_pod.head.data_center_ids == null
    error_message = "No data centres are any."
  }

  assert {
    condition     = join(",", runpod_pod.worker["w1"].data_center_ids) == "US-KS-2,US-TX-3" && runpod_pod.worker["w1"].gpu_count == 8
    error_message = "A worker is asked for in its data centres, in their order."
  }

  assert {
    condition     = runpod_pod.head.global_networking && runpod_pod.worker["w1"].global_networking && runpod_pod.head.cloud == "SECURE"
    error_message = "In the secure cloud every pod is on the private network."
  }

  assert {
    condition     = join(",", runpod_pod.head.ports) == "22/tcp" && join(",", runpod_pod.worker["w1"].ports) == "22/tcp"
    error_message = "Nothing but ssh is open to the world."
  }

  assert {
    condition     = join(",", keys(runpod_pod.worker["w1"].env)) == "GPU_WATCHDOG_NODE,PUBLIC_KEY"
    error_message = "The environment holds the node's key and the public ssh key, and nothing else."
  }

  assert {
    condition     = runpod_pod.worker["w1"].env["GPU_WATCHDOG_NODE"] == "w1"
    error_message = "A pod knows which node it plays."
  }

  assert {
    condition     = join(",", keys(output.pods)) == "head,w1,w12" && output.pods["head"] == runpod_pod.head.id && output.volume == null
    error_message = "The outputs are pod ids by key, and no volume where there is none."
  }
}

run "community_pods_have_no_private_network" {
  command = plan

  variables {
    cloud = "COMMUNITY"
  }

  assert {
    condition     = !runpod_pod.head.global_networking && runpod_pod.worker["w1"].cloud == "COMMUNITY"
    error_message = "The community cloud has no private network to ask for."
  }
}

run "a_volume_is_the_heads_alone" {
  command = plan

  variables {
    volume_id = "vol123"
    # A secret may be named where the provider keeps it.
    env = { HF_TOKEN = "{{ RUNPOD_SECRET_hf }}" }
  }

  assert {
    condition     = runpod_pod.head.network_volumes[0].volume_id == "vol123" && runpod_pod.head.network_volumes[0].path == "/workspace"
    error_message = "The head mounts the network volume."
  }

  assert {
    condition     = runpod_pod.worker["w1"].network_volumes == null && output.volume == "vol123"
    error_message = "Workers may be in other data centres, so they have none."
  }
}
