//! Machines that are told apart by more than their addresses: each has interfaces, routes and a packet filter of its
//! own (a network namespace of Linux), and cables lead from one to another.
//!
//! A test says what is done on which machine; a process that is started there stays there.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::{self, Command};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::runtime::Runtime;

/// A machine. It is gone when this is, and everything that runs there.
pub(crate) struct Machine {
    network: File,
}

impl Machine {
    /// A machine that nobody can reach yet.
    ///
    /// # Panics
    /// Where networks cannot be made.
    pub(crate) fn new() -> Self {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| {
                panic!(
                    "no network can be made for this test ({error}): run the tests as root, \
                     and a container with --cap-add SYS_ADMIN --cap-add NET_ADMIN"
                )
            });
            File::open("/proc/thread-self/ns/net").expect("every thread has a network")
        });
        let machine = Self { network: made.join().unwrap_or_else(|panic| resume_unwind(panic)) };
        machine.ip("link set lo up");
        machine
    }

    /// Does something there.
    pub(crate) fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let enter_and_act = || {
            setns(&self.network, CloneFlags::CLONE_NEWNET).expect("whoever made it may enter");
            act()
        };
        thread::scope(|scope| scope.spawn(enter_and_act).join().unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// Does something there that waits.
    pub(crate) fn block_on<T: Send>(&self, act: impl AsyncFnOnce() -> T + Send) -> T {
        self.run(|| Runtime::new().expect("threads").block_on(act()))
    }

    /// Lays a cable to another machine, by an interface of this name on both, with these addresses.
    pub(crate) fn lay_cable(&self, name: &str, addresses: &[&str], other: &Self, theirs: &[&str]) {
        let there = format!("/proc/{}/fd/{}", process::id(), other.network.as_raw_fd());
        self.ip(&format!("link add {name} type veth peer name {name} netns {there}"));
        for (machine, addresses) in [(self, addresses), (other, theirs)] {
            for address in addresses {
                // Nobody else has it, and nobody wants to wait until that is certain (RFC 4862 5.4).
                let nodad = if address.contains(':') { " nodad" } else { "" };
                machine.ip(&format!("address add {address} dev {name}{nodad}"));
            }
            machine.ip(&format!("link set {name} up"));
        }
    }

    /// Changes interfaces, addresses and routes, by a command of `ip`.
    pub(crate) fn ip(&self, command: &str) {
        self.execute("ip", command);
    }

    /// Changes what is let in and out, by a command of `iptables`.
    pub(crate) fn iptables(&self, command: &str) {
        self.execute("iptables", command);
    }

    fn execute(&self, program: &str, command: &str) {
        let done = self.run(|| Command::new(program).args(command.split(' ')).output());
        let done =
            done.unwrap_or_else(|error| panic!("{program} is missing ({error}): run scripts/setup test"));
        assert!(done.status.success(), "{program} {command}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
