#!/usr/bin/env bash
# Makes a token of the web call server's form with a MAC behind it, for a page: bridge.sh APP LOGIN DOMAIN
# The environment has TOKEN_KEY (32 hexadecimal digits), MAC_KEY (text) and SIP_PASSWORD.
set -euo pipefail

escape() { printf %s "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/"/\&quot;/g'; }

expires=$(($(date +%s) + 60))000000000
xml="<root login=\"$(escape "$2")\" password=\"$(escape "$SIP_PASSWORD")\" domain=\"$(escape "$3")\" expires=\"$expires\"/>"
hex=$(printf %s "$xml" | openssl enc -aes-128-ctr -nosalt -K "$TOKEN_KEY" -iv 00000000000000000000000000000000 | xxd -p | tr -d '\n')

# This line is all that has to be added where tokens are made already. (openssl shows the key to who may list processes.)
mac=$(printf %s "gw-token-v1.$1:$hex" | openssl dgst -sha256 -hmac "$MAC_KEY" -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)

printf '%s:%s.%s\n' "$1" "$hex" "$mac"
