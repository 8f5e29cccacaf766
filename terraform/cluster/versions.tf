terraform {
  required_version = ">= 1.6"

  required_providers {
    runpod = {
      source  = "runpod/runpod"
      version = "~> 2.0"
    }
  }
}

# There is no provider block: the key comes from RUNPOD_API_KEY and the address from RUNPOD_API_BASE_URL, so neither is
# ever written into variables, plan or state.
