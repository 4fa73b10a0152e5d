//! What people write to each other: pages, phones and trunks.

mod accounts;
mod devices;
mod in_calls;
mod out_of_calls;
mod sdk;
