//! Who watches whom: pages and phones that are told of others' calls, presence and mailboxes.

mod calls;
mod mailboxes;
mod parties;
mod pickup;
mod presence;
mod watcher;
