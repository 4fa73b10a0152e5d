//! A dial plan that leads in a circle: a trunk whose calls come back to us.

use super::raw_phone::RawPhone;
use crate::support::gateway::{Gateway, GatewayConfig};
use crate::support::host::Host;

/// The gateway is its own trunk, and passes on to it what comes from it, until the call has gone on as
/// often as it may: by what its caller says, or 70 times where that says nothing or more.
#[test]
fn a_call_in_a_circle_ends_after_as_many_hops_as_it_may_have() {
    let (host, office) = (Host::new(), Host::new());
    let action = r#"actions = [{ bridge = { trunk = "mirror", number = "$0" } }]"#;
    let config = GatewayConfig::default()
        .trunk("office", &office, &["PCMU"])
        .trunk("mirror", &host, &["PCMU"])
        .rule(&format!("destination = '9100'\nfrom_trunk = \"office\"\n{action}"))
        .rule(&format!("destination = '9100'\nfrom_trunk = \"mirror\"\n{action}"))
        .rtp_ports(20_000, 20_999);
    let gateway = Gateway::start_at(host, &config);
    let mut phone = RawPhone::new(&office, &gateway, "2001");
    let mut calls = 0;
    for (max_forwards, hops) in [("Max-Forwards: 3\r\n", 3), ("", 70), ("Max-Forwards: 255\r\n", 70)] {
        let invite = phone.request("INVITE", "sip:9100@webtrunk.test", "");
        let invite = invite.replace("Max-Forwards: 70\r\n", max_forwards);
        let invite = invite.replace("Call-ID: ", &format!("Call-ID: {hops}-{}", max_forwards.len()));
        let refused = phone.ask_this(&invite);
        assert!(refused.starts_with("SIP/2.0 483 "), "{max_forwards}{refused}");
        phone.acknowledge(&refused);
        calls += hops;
        gateway.assert_all_is_over(calls);
    }
}
