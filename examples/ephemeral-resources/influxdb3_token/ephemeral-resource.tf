terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
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

# The private key comes from INFLUXDB3_AGE_IDENTITY_FILE or INFLUXDB3_AGE_IDENTITY.
provider "influxdb3" {}

resource "influxdb3_admin_token" "operator" {
  age_recipients = var.age_recipients # the state has the token encrypted

  rotation_triggers = {
    rotation = var.rotation
  }
}

# Decrypts it for the time of one run.
ephemeral "influxdb3_token" "operator" {
  encrypted_token = influxdb3_admin_token.operator.encrypted_token
}

# For everything else on the server. It has the current token, also in the run that
# regenerates it.
provider "influxdb3" {
  alias = "current"
  token = ephemeral.influxdb3_token.operator.token
}

resource "influxdb3_named_admin_token" "ci" {
  provider       = influxdb3.current
  name           = "ci"
  age_recipients = var.age_recipients
}

# terraform output -raw ci_token | age -d -i key.txt
output "ci_token" {
  value = influxdb3_named_admin_token.ci.encrypted_token
}
