#!/usr/bin/env bash
# Build the images that TARGETS names (`cpu` and `demo` if none), check what is in them, and run the demo, or in images
# without it a swap, as the image's own user.
# Uses docker or podman where one works. Where none does, buildah builds on a Debian base that debootstrap
# makes, in a store of its own under build/, so that `make clean` removes every trace.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$PWD/build/image
engine=

main() {
    trap clean_up EXIT
    choose_engine
    local target targets
    read -ra targets <<<"${TARGETS:-cpu demo}"
    for target in "${targets[@]}"; do
        say "building swapdrop:$target with $engine"
        "build_with_$engine" "$target"
    done
    for target in "${targets[@]}"; do
        say "checking swapdrop:$target"
        "run_with_$engine" "$target" python - <infra/image/check.py
        say "working in swapdrop:$target"
        if [[ $target == demo ]]; then
            "run_with_$engine" demo swapdrop demo
        else
            # On the CPU, which every image can: no GPU is needed to know that nothing is missing.
            "run_with_$engine" "$target" bash -c 'cd /opt/swapdrop/lib/python3.*/site-packages/consumer/samples &&
                SWAPDROP_PROVIDER=cpu swapdrop swap astronaut.png grace_hopper.jpg -o /tmp/swapped'
        fi
    done
    if [[ $engine == buildah ]]; then drop_build_layers; fi
    "$engine" "${store[@]}" images
}

clean_up() {
    rm -f "$work/pip.conf"
    if [[ $engine == buildah ]]; then buildah "${store[@]}" rm --all >/dev/null; fi # leaves no mount behind
}

say() { printf '\n== %s\n' "$*"; }

choose_engine() {
    store=()
    mkdir -p "$work"
    read_pip_configuration
    for engine in docker podman; do
        if command -v "$engine" >/dev/null && "$engine" info >/dev/null 2>&1; then return; fi
    done
    engine=buildah
    export BUILDAH_ISOLATION=chroot # works inside containers and virtual machines alike
    install_missing buildah debootstrap crun
    choose_store
    make_base
}

# Overlay mounts where the kernel allows them here; else plain copies, slower by minutes, and then fewer of them.
choose_store() {
    local driver
    for driver in overlay vfs; do
        store=(--root "$work/$driver" --runroot "$work/run" --storage-driver "$driver")
        if buildah "${store[@]}" info >/dev/null 2>&1; then break; fi
    done
    if [[ $driver == overlay ]]; then layers=(--layers); else layers=(); fi
}

install_missing() {
    local missing=() package
    for package in "$@"; do command -v "$package" >/dev/null || missing+=("$package"); done
    if ((${#missing[@]} == 0)); then return; fi
    if ((EUID != 0)); then
        echo "No container engine works here. Start one, or install: ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

make_base() {
    if buildah "${store[@]}" inspect localhost/swapdrop-base >/dev/null 2>&1; then return; fi
    say "making the base image"
    local container
    rm -rf "$work/rootfs"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$work/rootfs" >"$work/debootstrap.log"
    rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
    container=$(buildah "${store[@]}" from scratch)
    buildah "${store[@]}" add --quiet "$container" "$work/rootfs" / >/dev/null
    buildah "${store[@]}" commit --quiet --rm "$container" localhost/swapdrop-base >/dev/null
    rm -rf "$work/rootfs"
}

# How this machine reaches its package index, as one file, mounted read-only while building. It and the
# certificates and wheel folders it names never become part of a layer that is shipped.
read_pip_configuration() {
    local key value word
    local -A option=()
    # Sorted so that the environment (`:env:.key`) comes after the files and wins, as it does for pip.
    while IFS='=' read -r key value; do
        value=${value#\'}
        value=${value%\'}
        option[${key##*.}]=${value//\\n/ }
    done < <(python3 -m pip config list | sort -r)
    option[cert]=${option[cert]:-${REQUESTS_CA_BUNDLE:-}}

    printf '[global]\n' >"$work/pip.conf"
    mounts=(--volume "$work/pip.conf:/etc/pip.conf:ro")
    for key in "${!option[@]}"; do
        if [[ -z ${option[$key]} ]]; then continue; fi
        printf '%s = %s\n' "$key" "${option[$key]}" >>"$work/pip.conf"
        for word in ${option[$key]}; do
            word=${word#file://}
            word=${word%/simple} # an index's files lie beside its pages
            if [[ $word == /* && -e $word ]]; then mounts+=(--volume "$word:$word:ro"); fi
        done
    done
}

build_with_docker() { docker build --target "$1" --tag "swapdrop:$1" .; }
build_with_podman() { podman build --format docker "${mounts[@]}" --target "$1" --tag "swapdrop:$1" .; }
build_with_buildah() {
    # The docker format is the one that has HEALTHCHECK.
    buildah "${store[@]}" bud --quiet "${layers[@]}" --format docker --network host "${mounts[@]}" \
        --build-arg BASE=localhost/swapdrop-base --target "$1" --tag "swapdrop:$1" .
}

drop_build_layers() {
    buildah "${store[@]}" rm --all >/dev/null
    buildah "${store[@]}" rmi --prune >/dev/null
}

# Run a command in an image with nothing but what production gives it: no network beyond loopback, a root
# nobody may write to, /tmp. buildah has no such switches; there the files' owner does the second.
run_with_docker() { docker run --rm --interactive --read-only --tmpfs /tmp --network none --entrypoint "$2" "swapdrop:$1" "${@:3}"; }
run_with_podman() { podman run --rm --interactive --read-only --tmpfs /tmp --network none --entrypoint "$2" "swapdrop:$1" "${@:3}"; }
run_with_buildah() {
    local container
    container=$(buildah "${store[@]}" from "swapdrop:$1")
    buildah "${store[@]}" run "$container" -- "${@:2}"
}

main "$@"
