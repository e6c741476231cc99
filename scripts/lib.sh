# What the scripts share; to be sourced with the repository as the working directory.

export DEBIAN_FRONTEND=noninteractive

# A non-login shell, such as CI's, has not read rustup's additions to PATH.
PATH="$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"

# Says why nothing more is done, in one sentence.
die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# The CPUs that this process may use, one a line.
cpus() {
    local range first last
    for range in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
        first=${range%-*} last=${range#*-}
        seq "$first" "$last"
    done
}
