//! Calls between real clients through the real binary: browsers, SIP phones, and what they hear.

mod browser_services;
mod sip;
mod support;
