#!/usr/bin/env bash
# Makes a JWT (HS256) for a page: hs256.sh KEY_ID AUDIENCE USER PASSWORD_REF
# The environment has TOKEN_SECRET, a text of 32 octets or more. A JWT is read by the page, so it names the password that the gateway
# keeps and does not hold it. The arguments must need no escapes in JSON.
set -euo pipefail

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d =; }

now=$(date +%s)
header=$(printf '{"alg":"HS256","typ":"JWT","kid":"%s"}' "$1" | base64url)
claims=$(printf '{"aud":"%s","iat":%d,"exp":%d,"jti":"%s","account":{"user":"%s","password_ref":"%s"}}' \
  "$2" "$now" $((now + 60)) "$(openssl rand -hex 16)" "$3" "$4" | base64url)
signature=$(printf %s "$header.$claims" | openssl dgst -sha256 -hmac "$TOKEN_SECRET" -binary | base64url)

printf '%s.%s.%s\n' "$header" "$claims" "$signature"
