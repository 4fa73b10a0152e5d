//! What the system says of the process's memory, and the one call by which the C library gives some back.

#![expect(
    unsafe_code,
    reason = "what the C library keeps of freed memory is given back by a call of its own alone"
)]

use std::fs;

/// Octets that are really there, files that are read as they are run among them; `None` where the system does not say.
pub(super) fn resident() -> Option<u64> {
    octets_of("VmRSS:")
}

/// Of them those that are of no file: what was asked for, and stacks.
pub(super) fn own() -> Option<u64> {
    octets_of("RssAnon:")
}

/// Gives what is free of whole pages back to the system. Takes its time, and each of the library's arenas for a part of that.
pub(super) fn give_back() {
    // SAFETY: malloc_trim(3) is MT-safe, and takes nothing but how much may stay at the top of the heap.
    unsafe { nix::libc::malloc_trim(0) };
}

/// A line of proc_pid_status(5), which is in KiB.
fn octets_of(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let told = status.lines().find_map(|told| told.strip_prefix(line))?;
    let kib: u64 = told.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_file_is_a_part_of_what_is_there() {
        let (own, resident) = (own().expect("Linux says it"), resident().expect("Linux says it"));
        assert!(0 < own && own <= resident, "{own} of {resident}");
    }
}
