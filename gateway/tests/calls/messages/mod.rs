//! What people write to each other: pages, phones and trunks.

mod devices;
mod in_calls;
mod out_of_calls;
