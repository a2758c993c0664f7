#!/usr/bin/env bash
# Cancels one run through the deployed app, and asks point by point what a first deployment has to confirm.
set -eEuo pipefail
trap 'exit 2' ERR # whatever fails unforeseen: nothing could be asked

usage() {
  cat <<'END'
usage: infra/smoke.sh RUN_ID [WORKSPACE]

Cancels that run through the deployed app and prints, point by point, what a first deployment has to confirm: OK, NOT OK
with what was seen, not asked, or by hand. It sends an alert that asks for a rehearsal, which cancels nothing.

Exit code 0: the run is stopped, and no point is NOT OK. 1: the run is not stopped, or a point is NOT OK.
2: a wrong call, an endpoint that is open to everybody (then nothing was canceled), or the app could not be asked.

Where the app is and who may call it comes from `azd env get-value`, or from the environment: APP_URL, and APP_AUDIENCE
(an Entra token is asked for it) or FUNCTION_KEY (empty for an app that asks for none, as the local host is). What only
Azure knows is asked with az, of APP_NAME, AZURE_RESOURCE_GROUP and KEY_VAULT_NAME; where APP_URL is in the environment,
these have to be as well. Neither key nor token is ever an argument.

  WAIT_TIMEOUT_SECONDS  how long the app waits for the run to stop (600)
  QUEUE_SECONDS         how long an alert may take through the queue (180)
  TELEMETRY_SECONDS     how long a line may take into Application Insights (600)
END
}

fail() {
  echo "$1" >&2
  exit 2
}

# -- the call ---------------------------------------------------------------------------------------------------------

case ${1-} in -h | --help) usage && exit 0 ;; esac
[ $# -eq 1 ] || [ $# -eq 2 ] || fail "$(usage)"
run_id=$1
workspace=${2-}
[[ $run_id =~ ^[1-9][0-9]{0,18}$ ]] || fail "'$run_id' is no run id: a whole number. infra/smoke.sh --help tells more."
seconds=${WAIT_TIMEOUT_SECONDS-600}
queue_seconds=${QUEUE_SECONDS-180}
telemetry_seconds=${TELEMETRY_SECONDS-600}
for number in "$seconds" "$queue_seconds" "$telemetry_seconds"; do
  [[ $number =~ ^[0-9]{1,6}$ ]] || fail "'$number' is no number of seconds. infra/smoke.sh --help tells more."
done
for tool in curl python3; do
  command -v "$tool" >/dev/null || fail "$tool is needed, and not here."
done

# -- what is known ----------------------------------------------------------------------------------------------------

from_azd=${APP_URL+no}
from_azd=${from_azd:-yes}

# The value of a name in the environment, or else in the azd environment.
value() {
  if [ -n "${!1+set}" ]; then
    printf '%s' "${!1}"
  else
    azd env get-value "$1" || fail "$1 is not set, and azd does not know it"
  fi
}

# The same for what only some points need: empty where nobody knows it. Another app's azd environment is not asked.
known() {
  if [ -n "${!1+set}" ]; then
    printf '%s' "${!1}"
  elif [ "$from_azd" = yes ]; then
    azd env get-value "$1" 2>/dev/null || true
  fi
}

# The value of a field of the JSON on standard input; nothing for null, and nothing of what is no JSON.
field() {
  python3 -c '
import json, sys
try:
    value = json.load(sys.stdin)
except ValueError:
    value = None
for name in sys.argv[1].split("."):
    value = value.get(name) if isinstance(value, dict) else None
print("" if value is None else json.dumps(value).strip("\""))' "$1"
}

url=$(value APP_URL)
url=${url%/}
if [ -n "${FUNCTION_KEY+set}" ]; then
  credential=${FUNCTION_KEY:+"x-functions-key: $FUNCTION_KEY"}
else
  audience=$(value APP_AUDIENCE)
  if [ -n "$audience" ]; then
    token=$(az account get-access-token --resource "$audience" --query accessToken --output tsv) ||
      fail "az has no token for $audience"
    credential="Authorization: Bearer $token"
  else
    group=$(value AZURE_RESOURCE_GROUP)
    app=$(value APP_NAME)
    key=$(az functionapp keys list --resource-group "$group" --name "$app" \
      --query functionKeys.default --output tsv) || fail "az has no key of $app"
    credential="x-functions-key: $key"
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

# The status code of a GET or a POST by whoever shows nothing.
stranger() {
  local method=$1 path=$2
  shift 2
  [ "$method" = GET ] || set -- --header 'Content-Type: application/json' --data '{}'
  curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' --request "$method" "$@" "$url$path"
}

# Whether the command succeeds within so many seconds, tried every five.
within() {
  local left=$1
  shift
  until "$@"; do
    [ "$left" -gt 0 ] || return 1
    sleep "$((left < 5 ? left : 5))"
    left=$((left - 5))
  done
}

wrong=0
ok() { echo "OK         $1"; }
not_ok() {
  echo "NOT OK     $1: $2"
  wrong=$((wrong + 1))
}
not_asked() { echo "not asked  $1: $2"; }
by_hand() { echo "by hand    $1"; }

# -- the doors --------------------------------------------------------------------------------------------------------

point='Whoever shows nothing is refused'
if [ -n "$credential" ]; then
  for door in 'POST /api/cancel-active-run' 'GET /api/cancel-active-run' 'POST /api/cancel-active-runs' \
    'POST /api/alerts' 'GET /api/openapi.json'; do
    read -r method path <<<"$door"
    code=$(stranger "$method" "$path") || fail "$url does not answer"
    [ "$code" = 401 ] || fail "Whoever shows nothing is answered $code and not 401 at $path: the endpoint is open."
  done
  ok "$point"
else
  not_asked "$point" 'FUNCTION_KEY is empty, so this app asks nobody'
fi

# -- storage ----------------------------------------------------------------------------------------------------------

point='The host reaches its storage, and the task hub answers'
code=$(call "$url/api/cancel-active-run?status=active") || fail "$url does not answer"
if [ "$code" = 200 ]; then ok "$point"; else not_ok "$point" "the list of cancellations answers $code"; fi

# The order for this run, with what else is in the JSON given.
order() {
  python3 -c '
import json, sys
run_id, workspace, more = sys.argv[1:]
order = {"runId": run_id, "workspace": workspace or None, "requestedBy": "infra/smoke.sh"}
print(json.dumps({**order, **json.loads(more)}))' "$run_id" "$workspace" "$1"
}

# -- the run ----------------------------------------------------------------------------------------------------------

code=$(call --header 'Content-Type: application/json' \
  --data "$(order '{"reason": "smoke test", "waitTimeoutSeconds": '"$((10#$seconds))"'}')" \
  "$url/api/cancel-active-run") || fail "$url does not answer"
[ "$code" = 202 ] || fail "POST $url/api/cancel-active-run answered $code: $(cat "$answer/body")"
status_url=$(field statusUrl <"$answer/body")
instance_id=$(field instanceId <"$answer/body")
echo "$instance_id: begun"

# only now: what is refused at one door would come back to the queue again and again, and end as poison
alerted=$(call --header 'Content-Type: application/json' --data "$(order '{"dryRun": true, "reason": "smoke test"}')" \
  "$url/api/alerts") || fail "$url does not answer"

while
  code=$(call "$status_url")
  [ "$code" = 202 ]
do
  echo "$(field progress.lifeCycleState <"$answer/body"): $(field progress.polls <"$answer/body") polls"
  sleep "$(awk -v seconds=5 'tolower($1) == "retry-after:" { seconds = int($2) } END { print seconds }' "$answer/headers")"
done
[ "$code" = 200 ] || fail "GET $status_url answered $code: $(cat "$answer/body")"
cat "$answer/body"
echo
outcome=$(field outcome <"$answer/body")
stopped=$(field stopped <"$answer/body")
problem=$(field error.message <"$answer/body")
ended="$(field finalLifeCycleState <"$answer/body") $(field resultState <"$answer/body")"

point='The app reads the vault, and Databricks takes the token'
code=$(field error.code <"$answer/body")
case $code in
  '' | RunNotFound | ProtectedJob | PermissionDenied) ok "$point" ;; # it knew whose token that is
  *) not_ok "$point" "$code" ;;
esac

point='An alert goes into the queue and comes out of it'
rehearsed() { [ "$(call "${status_url%/*}/${instance_id%-*}~rehearsal-$run_id")" = 200 ]; }
if [ "$alerted" != 202 ]; then
  not_ok "$point" "POST /api/alerts answered $alerted"
elif within "$queue_seconds" rehearsed; then
  ok "$point"
else
  not_ok "$point" "its rehearsal is not there after $queue_seconds seconds"
fi

# -- what only Azure knows --------------------------------------------------------------------------------------------

group=$(known AZURE_RESOURCE_GROUP)
app=$(known APP_NAME)
vault=$(known KEY_VAULT_NAME)
unasked='AZURE_RESOURCE_GROUP, APP_NAME and KEY_VAULT_NAME are not set, or there is no az'
azure=
if [ -n "$group" ] && [ -n "$app" ] && [ -n "$vault" ] && command -v az >/dev/null; then azure=yes; fi

point='The bundle brings the extensions, and the host has every function'
functions='startFromHttp listCancellations getCancellation startJobFromHttp getJobCancellation startFromQueue
  enqueueAlert getOpenApi purgeHistory watchTokens cancel-active-run rehearse-cancellation readRun cancelRun pollRun
  cancel-active-runs listActiveRuns startCancellations readCancellations'
if [ -z "$azure" ]; then
  not_asked "$point" "$unasked"
elif ! there=$(az functionapp function list --resource-group "$group" --name "$app" --query '[].name' --output tsv); then
  not_ok "$point" 'az cannot list the functions'
else
  missing=
  for name in $functions; do
    grep -qxE "([^/]*/)?$name" <<<"$there" || missing="$missing $name"
  done
  if [ -z "$missing" ]; then ok "$point"; else not_ok "$point" "missing:$missing"; fi
fi

point='Each secret of the vault says when it expires'
if [ -z "$azure" ]; then
  not_asked "$point" "$unasked"
elif ! without=$(az keyvault secret list --vault-name "$vault" \
  --query "[?attributes.enabled && attributes.expires==\`null\`].name" --output tsv); then # names, and no value
  not_ok "$point" 'az cannot list the secrets'
elif [ -z "$without" ]; then
  ok "$point"
else
  not_ok "$point" "set without --expires: ${without//$'\n'/, }"
fi

# Whether the query finds a row in Application Insights.
found() {
  local rows
  rows=$(AZURE_EXTENSION_USE_DYNAMIC_INSTALL=yes_without_prompt az monitor app-insights query --apps "$insights" \
    --offset 1h --analytics-query "$1 | count" --query 'tables[0].rows[0][0]' --output tsv) && [ "${rows:-0}" -gt 0 ]
}

insights=
if [ -n "$azure" ]; then
  insights=$(az resource list --resource-group "$group" --resource-type Microsoft.Insights/components \
    --query '[0].id' --output tsv) || insights=
fi

telemetry() {
  if [ -z "$azure" ]; then
    not_asked "$1" "$unasked"
  elif [ -n "$insights" ] && within "$telemetry_seconds" found "$2"; then
    ok "$1"
  else
    not_ok "$1" "no such row in Application Insights after $telemetry_seconds seconds"
  fi
}
telemetry 'The event is in traces, with its category in customDimensions' \
  "traces | where tostring(customDimensions.Category) == 'Function.cancel-active-run.User'
   | where message startswith '{\"event\":\"cancellationEnded\",' and message has '$run_id'"
telemetry 'Requests have the function in name and the status code in resultCode' \
  "requests | where name == 'startFromHttp' and resultCode == '202'"

# -- what nobody but a person sees ------------------------------------------------------------------------------------

by_hand "Bicep and Azure take the templates, each parameter of a company's among them"
by_hand 'Azure has installed the lock, as the log of the deployment says'
by_hand 'The lines that instance-failed and poison-message look for arrive in traces; the workbook draws; a mail arrives'
by_hand 'The sign-in lets in whom allowedCallers names and nobody else, a Logic App and an action group among them'
by_hand 'allowedSources and inbound hold, and the zones, the lock and the existing network'
by_hand 'All this again with the Durable Task Scheduler as the backend, where it is used'
by_hand 'The columns of DatabricksJobs, and what the Jobs API answers to a cancel of a run that has ended'
by_hand 'What it costs'

if [ "$stopped" = true ]; then
  ok "The run is stopped: $outcome, $ended"
else
  not_ok 'The run is stopped' "$outcome"
  echo "The run is not stopped: $outcome. $problem" >&2
fi
[ "$wrong" = 0 ] || exit 1
