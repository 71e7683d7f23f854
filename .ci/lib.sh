# shellcheck shell=bash
# What the set-up scripts share: words for the person, and how to become root. Sourced, never run.

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

is_root() { [ "$(id -u)" = 0 ]; }
can_root() { is_root || { have sudo && sudo -n true 2>/dev/null; }; }
as_root() { if is_root; then "$@"; else sudo -n -- "$@"; fi }

# Text of /etc/os-release: os_field VERSION_CODENAME
os_field() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" /etc/os-release 2>/dev/null || true; }

# Prints the last lines of a log when the step that wrote it failed.
show_log() { sed 's/^/    /' "$1" | tail -n "${2:-12}" >&2; }
