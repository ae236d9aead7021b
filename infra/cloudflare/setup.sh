#!/usr/bin/env bash
# Make what the service needs at Cloudflare and deploy it: a bucket, the rules that delete what is in it, a queue
# that announces jobs, secrets, the Worker with its page. Each step looks first, so this may be run again at any time.
#
#   infra/cloudflare/setup.sh [--env staging|production] [--dry-run]
#
# --dry-run prints what would be done on an empty account, and asks Cloudflare nothing. API_TOKEN in the environment
# becomes the Worker's token, if it has none yet. docs/deploy.md tells what to do before and after.
set -euo pipefail
cd "$(dirname "$0")/../worker"
environment=production
dry=

main() {
    read_arguments "$@"
    bucket=$(bucket_of "$environment")
    jobs=$bucket-jobs
    export PATH=$PWD/node_modules/.bin:$PATH # the pinned wrangler, and the node it needs
    export CI=1 WRANGLER_SEND_METRICS=false  # wrangler asks nothing
    if [[ -z $dry ]]; then check_needs; fi

    there wrangler r2 bucket info "$bucket" --json || run wrangler r2 bucket create "$bucket"
    run wrangler r2 bucket lifecycle set "$bucket" --file ../cloudflare/lifecycle.json --force
    there wrangler queues info "$jobs" || run wrangler queues create "$jobs"
    there wrangler queues info "$jobs-dead" || run wrangler queues create "$jobs-dead"
    there jobs_are_pulled ||
        run wrangler queues consumer http add "$jobs" --dead-letter-queue "$jobs-dead" --message-retries 100
    there jobs_are_announced ||
        run wrangler r2 bucket notification create "$bucket" --event-type object-create --prefix inbox/ --queue "$jobs"
    set_secrets
    run npm run build
    run wrangler deploy --env "$environment"
}

read_arguments() {
    while (($#)); do
        case $1 in
        --env)
            (($# > 1)) || fail "--env needs a name: staging or production."
            environment=$2
            shift
            ;;
        --dry-run) dry=yes ;;
        *) fail "Unknown: $1. Use --env staging or --env production, and --dry-run." ;;
        esac
        shift
    done
}

# As in wrangler.jsonc.
bucket_of() {
    case $1 in
    production) echo swapdrop ;;
    staging) echo swapdrop-staging ;;
    *) fail "There is no environment '$1'. Use --env staging or --env production." ;;
    esac
}

check_needs() {
    command -v wrangler >/dev/null || fail "The Worker's packages are not installed. Run: make web-install"
    wrangler whoami --json >/dev/null 2>&1 ||
        fail "Not signed in to Cloudflare. Run \`npx wrangler login\` in infra/worker, or set CLOUDFLARE_API_TOKEN."
    if [[ -n ${API_TOKEN-} && ! $API_TOKEN =~ ^[A-Za-z0-9._~+/=-]{20,}$ ]]; then
        fail "API_TOKEN must be 20 or more of A-Z a-z 0-9 . _ ~ + / = -. One that is: openssl rand -hex 24"
    fi
}

# Whether something is there already; a dry run knows of nothing.
there() { [[ -z $dry ]] && "$@" >/dev/null 2>&1; }

# Say what is done, and do it.
run() {
    printf '+ %s\n' "$*"
    if [[ -z $dry ]]; then "$@"; fi
}

jobs_are_pulled() { [[ $(wrangler queues consumer list "$jobs" --json) == *http_pull* ]]; }

jobs_are_announced() {
    local rules
    rules=$(wrangler r2 bucket notification list "$bucket")
    grep --quiet --extended-regexp "queue_name: +$jobs\$" <<<"$rules"
}

# Secrets go in by standard input: arguments can be seen by everybody on the machine.
set_secrets() {
    local known='' secrets=()
    # A Worker that is not there yet has no list.
    if [[ -z $dry ]]; then known=$(wrangler secret list --env "$environment" --format json 2>/dev/null) || known=; fi
    if [[ $known != *'"SESSION_KEY"'* ]]; then secrets+=("SESSION_KEY=$(head -c 32 /dev/urandom | base64)"); fi
    if [[ $known != *'"API_TOKEN"'* ]]; then
        if [[ -n ${API_TOKEN-} ]]; then
            secrets+=("API_TOKEN=$API_TOKEN")
        else
            echo "API_TOKEN is not set: whoever knows the address may use the service."
        fi
    fi
    if ((${#secrets[@]})); then
        run wrangler secret bulk --env "$environment" < <(printf '%s\n' "${secrets[@]}")
    fi
}

fail() {
    echo "$*" >&2
    exit 1
}

main "$@"
