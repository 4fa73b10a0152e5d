//! How many files and sockets the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Lets it have as many as the system does: a WebRTC caller takes two, and a shell often begins with 1024 in all.
pub(super) fn raise_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Who cannot have more may still have enough.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
