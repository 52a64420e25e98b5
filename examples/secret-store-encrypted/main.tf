# Hands the operator token on to Vault in the run that regenerates it. No state and no
# plan holds the token: the state has it encrypted, and Vault gets it from an ephemeral
# resource through a write-only argument.

terraform {
  required_version = ">= 1.11" # for write-only arguments

  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.0"
    }
  }
}

variable "age_recipients" {
  description = "Public keys, as age-keygen shows them."
  type        = set(string)
}

variable "rotation" {
  description = "Change it to regenerate the operator token."
  type        = string
  default     = "initial"
}

# The address comes from INFLUXDB3_HOST_URL, http://127.0.0.1:8181 without it, and the
# private key from INFLUXDB3_AGE_IDENTITY_FILE or INFLUXDB3_AGE_IDENTITY.
provider "influxdb3" {}

# Address and token come from VAULT_ADDR and VAULT_TOKEN.
provider "vault" {}

resource "influxdb3_admin_token" "operator" {
  age_recipients = var.age_recipients

  rotation_triggers = {
    rotation = var.rotation
  }
}

ephemeral "influxdb3_token" "operator" {
  encrypted_token = influxdb3_admin_token.operator.encrypted_token
}

# If Vault does not take the token, forget this resource, and the next apply hands
# the token on: terraform state rm vault_kv_secret_v2.operator
# Without that it would find nothing to do, because the new version is in state.
resource "vault_kv_secret_v2" "operator" {
  mount = "secret"
  name  = "influxdb3/operator"

  data_json_wo = jsonencode({
    token = ephemeral.influxdb3_token.operator.token
  })

  # The hash as a number: it changes exactly when the token does.
  data_json_wo_version = parseint(influxdb3_admin_token.operator.hash, 16)
}
