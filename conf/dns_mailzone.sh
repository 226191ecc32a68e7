#!/usr/bin/env sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2034
dns_mailzone_info='mailzone
 Your own name servers: BIND, Knot DNS, PowerDNS
Options: none; mailzone has its own configuration
'

# acme.sh reads this file and calls these with the challenge's name and value.

dns_mailzone_add() {
  _dns_mailzone present "$1" "$2"
}

dns_mailzone_rm() {
  _dns_mailzone cleanup "$1" "$2"
}

_dns_mailzone() {
  case "$2" in
  _acme-challenge.*)
    mailzone challenge "$1" "${2#_acme-challenge.}" "$3"
    ;;
  *)
    echo "dns_mailzone: $2: use no --domain-alias; mailzone follows CNAMEs" >&2
    return 1
    ;;
  esac
}
