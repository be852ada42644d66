"""What tests share: servers, a running sandbox, a raw protocol client, canaries. See README.md."""
