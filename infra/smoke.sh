#!/usr/bin/env bash
# Cancels one run through the deployed app and checks the result: infra/smoke.sh RUN_ID [WORKSPACE]
#
# Exit code 0: the run is stopped. 1: it is not, and why is printed. 2: the app could not be asked.
#
# Where the app is and who may call it comes from `azd env get-value`, or from the environment: APP_URL, and APP_AUDIENCE
# (an Entra token is asked for it) or FUNCTION_KEY (empty for an app that asks for none, as the local host is).
# WAIT_TIMEOUT_SECONDS (600) is how long the app waits for the run to stop. Neither key nor token is ever an argument.
set -euo pipefail

run_id=${1:?usage: infra/smoke.sh RUN_ID [WORKSPACE]}
workspace=${2-}
seconds=${WAIT_TIMEOUT_SECONDS-600}

fail() {
  echo "$1" >&2
  exit 2
}

# The value of a name in the environment, or else in the azd environment.
value() {
  if [ -n "${!1+set}" ]; then
    printf '%s' "${!1}"
  else
    azd env get-value "$1" || fail "$1 is not set, and azd does not know it"
  fi
}

# The value of a field of the JSON on standard input; nothing for null.
field() {
  python3 -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value.get(name) if isinstance(value, dict) else None
print("" if value is None else json.dumps(value).strip("\""))' "$1"
}

url=$(value APP_URL)
if [ -n "${FUNCTION_KEY+set}" ]; then
  credential=${FUNCTION_KEY:+"x-functions-key: $FUNCTION_KEY"}
else
  audience=$(value APP_AUDIENCE)
  if [ -n "$audience" ]; then
    credential="Authorization: Bearer $(az account get-access-token --resource "$audience" --query accessToken --output tsv)"
  else
    group=$(value AZURE_RESOURCE_GROUP)
    app=$(value APP_NAME)
    credential="x-functions-key: $(az functionapp keys list --resource-group "$group" --name "$app" \
      --query functionKeys.default --output tsv)"
  fi
fi

answer=$(mktemp -d)
trap 'rm -rf "$answer"' EXIT

# The status code of a call with the credential; its headers and its body are files then.
call() {
  curl --silent --show-error --max-time 60 --retry 3 \
    --config <(printf '%s' "${credential:+header = \"$credential\"}") \
    --dump-header "$answer/headers" --output "$answer/body" --write-out '%{http_code}' "$@"
}

if [ -n "$credential" ]; then
  code=$(curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' --request POST \
    --header 'Content-Type: application/json' --data '{}' "$url/api/cancel-active-run") || fail "$url does not answer"
  [ "$code" = 401 ] || fail "Whoever shows nothing is answered $code and not 401: the endpoint is open."
fi

order=$(python3 -c '
import json, sys
run_id, workspace, seconds = sys.argv[1:]
order = {"runId": run_id, "workspace": workspace or None, "waitTimeoutSeconds": int(seconds)}
print(json.dumps({**order, "reason": "smoke test", "requestedBy": "infra/smoke.sh"}))' "$run_id" "$workspace" "$seconds")
code=$(call --header 'Content-Type: application/json' --data "$order" "$url/api/cancel-active-run") ||
  fail "$url does not answer"
[ "$code" = 202 ] || fail "POST $url/api/cancel-active-run answered $code: $(cat "$answer/body")"
status_url=$(field statusUrl <"$answer/body")
echo "$(field instanceId <"$answer/body"): begun"

while
  code=$(call "$status_url")
  [ "$code" = 202 ]
do
  echo "$(field progress.lifeCycleState <"$answer/body"): $(field progress.polls <"$answer/body") polls"
  sleep "$(sed -n 's/^retry-after: *\([0-9]*\).*/\1/Ip' "$answer/headers" | grep . || echo 5)"
done
[ "$code" = 200 ] || fail "GET $status_url answered $code: $(cat "$answer/body")"

cat "$answer/body"
echo
if [ "$(field stopped <"$answer/body")" = true ]; then
  echo "The run is stopped: $(field outcome <"$answer/body"), $(field finalLifeCycleState <"$answer/body")" \
    "$(field resultState <"$answer/body")"
else
  echo "The run is not stopped: $(field outcome <"$answer/body"). $(field error.message <"$answer/body")" >&2
  exit 1
fi
