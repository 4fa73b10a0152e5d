//! Contacts that are reached through the flow or the path that registered them (RFC 5626, RFC 3327).

use super::*;

#[test]
fn a_browser_s_binding_goes_with_its_connection() {
    let mut setup = Setup::new();
    let (one, two) = (flow(TransportKind::Wss, Some(1)), flow(TransportKind::Ws, Some(2)));
    setup.register_over(0, one, "Contact: <sip:x@1.invalid;transport=ws>\r\n");
    setup.register_over(0, two, "Contact: <sip:x@2.invalid;transport=ws>\r\n");
    assert!(setup.registrar.bindings("alice").all(|binding| binding.profile == MediaProfile::Webrtc));
    let ended = setup.registrar.connection_closed(ConnectionId(1));
    assert_eq!(ended.len(), 1);
    assert_eq!(setup.uris(), ["sip:x@2.invalid;transport=ws"]);
    assert!(setup.registrar.connection_closed(ConnectionId(1)).is_empty());
}

#[test]
fn a_refresh_over_another_connection_moves_the_binding_there() {
    let mut setup = Setup::new();
    let contact = "Contact: <sip:x@1.invalid;transport=ws>\r\n";
    setup.register_over(0, flow(TransportKind::Wss, Some(1)), contact);
    setup.register_over(0, flow(TransportKind::Wss, Some(2)), contact);
    assert!(setup.registrar.connection_closed(ConnectionId(1)).is_empty());
    assert_eq!(setup.registrar.connection_closed(ConnectionId(2)).len(), 1);
}

#[test]
fn an_instance_s_new_flow_replaces_the_old_one() {
    let mut setup = Setup::new();
    let contact = |host: &str, reg_id: u32| {
        format!(
            "Contact: <sip:x@{host}.invalid;transport=ws;ob>;reg-id={reg_id};+sip.instance=\"<urn:uuid:1>\"\r\nSupported: path, outbound\r\n"
        )
    };
    let response = setup.register_over(0, flow(TransportKind::Wss, Some(1)), &contact("one", 1));
    assert_eq!(response.headers.require().collect::<Vec<_>>(), ["outbound"]);
    let key = setup.registrar.bindings("alice").next().unwrap().key;
    setup.register_over(9, flow(TransportKind::Wss, Some(2)), &contact("two", 1));
    assert_eq!(setup.uris(), ["sip:x@two.invalid;transport=ws;ob"]);
    assert_eq!(setup.registrar.bindings("alice").next().unwrap().key, key);
    setup.register_over(9, flow(TransportKind::Wss, Some(3)), &contact("three", 2));
    assert_eq!(setup.uris().len(), 2, "another reg-id is another flow");
}

#[test]
fn of_several_flows_of_an_instance_the_one_refreshed_last_is_called_and_the_next_where_it_is_gone() {
    let mut setup = Setup::new();
    let register = |setup: &mut Setup, seconds: u64, (instance, reg_id): (u8, u64)| {
        let over = flow(TransportKind::Tcp, Some(10 * u64::from(instance) + reg_id));
        let contact = format!(
            "Contact: <sip:x@{instance}.{reg_id}.invalid>;reg-id={reg_id};+sip.instance=\"<urn:uuid:{instance}>\"\r\n"
        );
        setup.register_over(seconds, over, &contact);
    };
    let reached = |setup: &Setup| -> Vec<String> {
        setup.registrar.reached("alice").map(|binding| binding.uri.to_string()).collect()
    };
    for id in [(1, 1), (1, 2), (2, 1)] {
        register(&mut setup, 0, id);
    }
    assert_eq!(setup.uris().len(), 3);
    assert_eq!(reached(&setup), ["sip:x@1.2.invalid", "sip:x@2.1.invalid"], "of two at once the later one");
    register(&mut setup, 9, (1, 1));
    assert_eq!(reached(&setup), ["sip:x@1.1.invalid", "sip:x@2.1.invalid"]);
    setup.registrar.connection_closed(ConnectionId(11));
    assert_eq!(reached(&setup), ["sip:x@1.2.invalid", "sip:x@2.1.invalid"]);
    for name in ["a", "b"] {
        setup.register_over(9, flow(UDP, None), &format!("Contact: <sip:{name}@h>\r\n"));
    }
    assert_eq!(reached(&setup).len(), 4, "who names no instance is a phone of its own");
}

#[test]
fn of_two_flows_of_an_instance_the_one_refreshed_last_is_called_however_soon_it_ends() {
    let mut setup = Setup::new();
    for (seconds, reg_id, expires) in [(0, 1, 3600), (9, 2, 60)] {
        let contact = format!(
            "Contact: <sip:x@{reg_id}.invalid>;expires={expires};reg-id={reg_id};+sip.instance=\"<urn:uuid:1>\"\r\n"
        );
        setup.register_over(seconds, flow(TransportKind::Tcp, Some(reg_id)), &contact);
    }
    let reached: Vec<_> = setup.registrar.reached("alice").map(|binding| binding.uri.to_string()).collect();
    assert_eq!(reached, ["sip:x@2.invalid"]);
    let device: Uri = "sip:alice@gateway.example;gr=urn:uuid:1".parse().unwrap();
    let Gruu::Of(called) = setup.registrar.gruu(device.as_sip().unwrap()) else { panic!("it is there") };
    assert_eq!(called.uri.to_string(), reached[0]);
}

#[test]
fn the_other_flows_of_a_phone_are_those_of_its_instance_that_carry_media_alike() {
    let mut setup = Setup::new();
    let mut register = |seconds: u64, kind, (instance, id): (u8, &str), host: &str| {
        let contact =
            format!("Contact: <sip:x@{host}.invalid>;+sip.instance=\"<urn:uuid:{instance}>\"{id}\r\n");
        setup.register_over(seconds, flow(kind, None), &contact);
    };
    register(0, UDP, (1, ";reg-id=1"), "called");
    register(1, UDP, (1, ";reg-id=2"), "older");
    register(2, TransportKind::Tcp, (1, ";reg-id=3"), "newer");
    register(3, TransportKind::Wss, (1, ";reg-id=4"), "page");
    register(3, UDP, (1, ""), "unnumbered");
    register(3, UDP, (2, ";reg-id=1"), "another");
    let binding = |host: &str| {
        let is_it = |binding: &&Binding| binding.uri.host.to_string() == format!("{host}.invalid");
        setup.registrar.bindings("alice").find(is_it).expect("it has registered")
    };
    let others = |host: &str| -> Vec<String> {
        setup.registrar.other_flows(binding(host)).iter().map(|other| other.uri.host.to_string()).collect()
    };
    assert_eq!(others("called"), ["newer.invalid", "older.invalid"]);
    for alone in ["page", "unnumbered", "another"] {
        assert!(others(alone).is_empty(), "{alone}");
    }
}

#[test]
fn outbound_is_promised_to_who_knows_it_with_how_often_to_keep_alive() {
    let contact = "Contact: <sip:x@h>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n";
    for (kind, supported, expected) in [
        (UDP, "Supported: outbound\r\n", (1, Some("25"))),
        (TransportKind::Tls, "Supported: outbound\r\n", (1, Some("120"))),
        (TransportKind::Wss, "Supported: outbound\r\n", (1, None)),
        (UDP, "", (0, None)),
    ] {
        let mut setup = Setup::new();
        let over = flow(kind, (kind != UDP).then_some(1));
        let response = setup.register_over(0, over, &format!("{contact}{supported}"));
        let told = (response.headers.require().count(), response.headers.get(&HeaderName::FlowTimer));
        assert_eq!(told, expected, "{kind:?} {supported}");
    }
}

#[test]
fn who_comes_back_by_another_flow_has_left_the_old_one_open_or_closed() {
    let mut setup = Setup::new();
    let contact = |host: &str, instance: u8, reg_id: u8| {
        format!("Contact: <sip:x@{host}.invalid>;reg-id={reg_id};+sip.instance=\"<urn:uuid:{instance}>\"\r\n")
    };
    let [one, two, three, four] = [1, 2, 3, 4].map(|id| flow(TransportKind::Wss, Some(id)));
    setup.register_over(0, one, &contact("a", 1, 1));
    assert!(setup.registrar.take_left().is_empty());
    setup.register_over(0, one, &contact("a", 1, 1));
    assert!(setup.registrar.take_left().is_empty(), "a refresh leaves nothing");
    setup.register_over(0, two, &contact("b", 1, 1));
    assert_eq!(setup.registrar.take_left(), [one]);
    setup.registrar.connection_closed(ConnectionId(2));
    setup.register_over(0, three, &contact("c", 1, 2));
    setup.register_over(0, three, &contact("d", 2, 1));
    assert!(setup.registrar.take_left().is_empty(), "another flow, another client");
    setup.register_over(0, four, &contact("e", 1, 1));
    assert_eq!(setup.registrar.take_left(), [two]);
    setup.registrar.connection_closed(ConnectionId(4));
    setup.register_over(0, one, &contact("f", 1, 1));
    assert_eq!(setup.registrar.take_left(), [four], "and no longer what it had left before");
}

#[test]
fn the_path_to_a_contact_is_kept_and_told() {
    let mut setup = Setup::new();
    let path = "Path: <sip:edge.example;lr>, <sip:inner.example;lr>\r\nPath: <sip:first.example;lr;ob>\r\n";
    let response = setup.register(0, &format!("Contact: <sip:a@h>\r\nSupported: path\r\n{PROXIED}{path}"));
    assert_eq!(response.status.code(), 200);
    let told: Vec<_> = response.headers.get_all(&HeaderName::Path).collect();
    assert_eq!(told, ["<sip:edge.example;lr>, <sip:inner.example;lr>", "<sip:first.example;lr;ob>"]);
    let kept = |setup: &Setup| {
        let binding = setup.registrar.bindings("alice").next().unwrap();
        binding.path.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        kept(&setup),
        ["<sip:edge.example;lr>", "<sip:inner.example;lr>", "<sip:first.example;lr;ob>"]
    );
    // It is what the last request says.
    setup.register(1, "Contact: <sip:a@h>\r\n");
    assert!(kept(&setup).is_empty());
}

#[test]
fn a_path_that_the_client_does_not_know_of_is_refused() {
    let mut setup = Setup::new();
    let response =
        setup.register(0, &format!("Contact: <sip:a@h>\r\n{PROXIED}Path: <sip:edge.example;lr>\r\n"));
    assert_eq!((response.status.code(), response.headers.get(&HeaderName::Unsupported)), (420, Some("path")));
    let long = format!("Supported: path\r\nPath: {}<sip:last;lr>\r\n", "<sip:edge.example;lr>, ".repeat(8));
    let response = setup.register(0, &format!("Contact: <sip:a@h>\r\n{PROXIED}{long}"));
    assert_eq!((response.status.code(), &*response.reason), (400, "Path Too Long"));
    assert!(setup.registrar.is_empty());
}

#[test]
fn outbound_behind_a_proxy_needs_one_that_can() {
    let supported = "Supported: path, outbound\r\n";
    for (fields, expected) in [
        (format!("{supported}{PROXIED}"), (439, 0)),
        (format!("{supported}{PROXIED}Path: <sip:edge.example;lr;ob>, <sip:first.example;lr>\r\n"), (439, 0)),
        (format!("{supported}{PROXIED}Path: <sip:edge.example;lr>, <sip:first.example;lr;ob>\r\n"), (200, 1)),
        (format!("Supported: path\r\n{PROXIED}Path: <sip:first.example;lr>\r\n"), (200, 0)),
    ] {
        let mut setup = Setup::new();
        let response = setup.register(0, &format!("{OF_INSTANCE}{fields}"));
        assert_eq!((response.status.code(), response.headers.require().count()), expected, "{fields}");
        assert!(!response.headers.has(&HeaderName::FlowTimer), "that is between the client and its proxy");
    }
}
