//! Calls between real clients through the real binary: browsers, SIP phones, and what they hear.

mod agents;
mod baresip_srtp;
mod browser_calls_baresip;
mod browser_calls_browser;
mod browser_calls_sipp;
mod browser_ipv6;
mod browser_meets_phones;
mod browser_services;
mod browser_sipp;
mod browser_tcp;
mod demo;
mod interop;
mod messages;
mod passed_on;
mod phone_calls_browser;
mod same_codec;
mod sdk;
mod sip;
mod support;
mod test_phone;
mod transfers;
mod two_hops;
mod watching;
mod webrtc;
