# A server and its operator token in one apply. Nothing says when the server is up: the
# creation of the token waits for it, for as long as startup_timeout says.

terraform {
  required_providers {
    influxdb3 = {
      source = "influxdb3-community/influxdb3"
    }
  }
}

variable "address" {
  description = "Host and port that the server listens on."
  type        = string
  default     = "127.0.0.1:8181"
}

# It stands for whatever starts the server: a container, a virtual machine, a Helm release.
resource "terraform_data" "server" {
  input = "influxdb3.pid"

  provisioner "local-exec" {
    command = <<-EOT
      nohup influxdb3 serve --node-id node0 --object-store file --data-dir "$PWD/data" \
        --http-bind ${var.address} >influxdb3.log 2>&1 </dev/null &
      echo $! >influxdb3.pid
    EOT
  }

  provisioner "local-exec" {
    when    = destroy
    command = "kill $(cat ${self.output})"
  }
}

provider "influxdb3" {
  url             = "http://${var.address}"
  startup_timeout = "2m"
}

resource "influxdb3_admin_token" "operator" {
  rotation_triggers = {
    rotation = "1"
  }

  # Without it the two are created at the same time, which works just as well.
  # With it the server is still there when the token is removed from state.
  depends_on = [terraform_data.server]
}

output "operator_token" {
  value     = influxdb3_admin_token.operator.token
  sensitive = true
}
