//! A SIP message as one datagram brings it: the parser, the typed fields, the verdict, the printer.

use bytes::Bytes;
use webtrunk_signalling::sip::dialog::Dialog;
use webtrunk_signalling::sip::message::{
    Capabilities, Contacts, Framing, HEADERS_MAX, HeaderName, Headers, MESSAGE_MAX, Message, Method,
    NameAddr, Request, Response, Uri,
};

/// As of a gateway that knows much, so that little is refused before it is looked at.
const CAPABILITIES: Capabilities = Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Options,
        Method::Register,
        Method::Info,
        Method::Prack,
        Method::Update,
        Method::Refer,
    ],
    option_tags: &["timer", "100rel"],
};

/// How much longer than its compact form a field's name can be, with what stands around it.
const GROWTH_MAX: usize = 32;

/// Reads a message and all that stands in it.
///
/// # Panics
/// What is printed does not read back, or a limit does not hold.
pub fn run(octets: &[u8]) {
    if let Framing::Complete { len } | Framing::KeepAlive(len) = Framing::find(octets) {
        assert!(0 < len && len <= octets.len() && len <= MESSAGE_MAX);
    }
    match Message::parse(Bytes::copy_from_slice(octets)) {
        Err(malformed) => {
            if let Some(response) = malformed.response() {
                is_a_message(&response);
            }
        }
        Ok(message) => {
            assert!(octets.len() <= MESSAGE_MAX);
            reads_back(&message, octets.len());
            match &message {
                Message::Request(request) => judge(request),
                Message::Response(response) => {
                    fields(&response.headers);
                    let _ = response.validate();
                }
            }
        }
    }
}

fn reads_back(message: &Message, length: usize) {
    let headers = match message {
        Message::Request(request) => &request.headers,
        Message::Response(response) => &response.headers,
    };
    assert!(headers.len() <= HEADERS_MAX);
    let printed = message.to_bytes();
    assert!(printed.len() <= length + GROWTH_MAX * (headers.len() + 2), "printing makes much of little");
    if printed.len() <= MESSAGE_MAX {
        let again = Message::parse(printed.clone()).expect("what is printed is a message");
        assert_eq!(&again, message);
        assert_eq!(again.to_bytes(), printed);
    }
}

fn judge(request: &Request) {
    fields(&request.headers);
    if let Err(reject) = request.validate(&CAPABILITIES) {
        if let Some(response) = reject.response(request, Some("tag-of-ours")) {
            is_a_message(&response);
        }
        return;
    }
    // What is well makes a dialog, and what a dialog says is well.
    if let Ok(mut dialog) = Dialog::uas(request, "ours") {
        for method in [Method::Bye, Method::Invite] {
            let ours = dialog.request(method);
            let Ok(Message::Request(read)) = Message::parse(ours.to_bytes()) else { panic!("{ours:?}") };
            assert_eq!(read, ours);
            let (from, to) = (read.headers.from(), read.headers.to());
            assert_eq!(from.expect("ours").tag(), Some("ours"));
            let id = dialog.id().clone();
            assert_eq!(to.expect("the peer's").tag().unwrap_or_default(), id.remote_tag);
        }
        let _ = dialog.check_cseq(request);
        dialog.refresh_target(&request.headers);
    }
}

/// A response that answers this and that is a message by itself.
fn is_a_message(response: &Response) {
    let printed = response.to_bytes();
    if printed.len() <= MESSAGE_MAX {
        assert_eq!(
            Message::parse(printed).expect("an answer is a message"),
            Message::Response(response.clone())
        );
    }
}

/// Every typed field prints as something that it reads from, and prints the same then.
fn fields(headers: &Headers) {
    addresses(headers);
    if let Ok(vias) = headers.vias() {
        for via in vias {
            let again = field(HeaderName::Via, &via).vias().expect("what is printed is a Via");
            assert_eq!(again, std::slice::from_ref(&via));
            let mut stamped = via;
            stamped.stamp(([192, 0, 2, 1], 5060).into());
            assert_eq!(stamped.received(), Some([192, 0, 2, 1].into()));
            assert_eq!(field(HeaderName::Via, &stamped).vias().expect("a Via"), [stamped]);
        }
    }
    if let Ok(cseq) = headers.cseq() {
        assert_eq!(field(HeaderName::CSeq, &cseq).cseq().expect("a CSeq"), cseq);
    }
    if let Ok(Some(rack)) = headers.rack() {
        assert_eq!(field(HeaderName::RAck, &rack).rack().expect("an RAck"), Some(rack));
    }
    if let Ok(Some(expires)) = headers.session_expires() {
        let again = field(HeaderName::SessionExpires, &expires).session_expires();
        assert_eq!(again.expect("a Session-Expires"), Some(expires));
    }
    let _ = (headers.call_id(), headers.max_forwards(), headers.expires(), headers.min_expires());
    let _ = (headers.rseq(), headers.min_se(), headers.replaces());
    let _ = (headers.content_type(), headers.is_content_type("application/sdp"));
    let _ = (headers.require().count(), headers.supported().count(), headers.allows(&Method::Update));
}

fn addresses(headers: &Headers) {
    let one = [headers.from(), headers.to(), headers.contact()].into_iter().flatten();
    let contacts = match headers.contacts() {
        Ok(Contacts::List(list)) => list,
        Ok(Contacts::Star) | Err(_) => Vec::new(),
    };
    let routes = [headers.routes(), headers.record_routes(), headers.paths()].into_iter().flatten().flatten();
    for address in one.chain(contacts).chain(routes) {
        let printed = address.to_string();
        let again: NameAddr = field(HeaderName::To, &address).to().expect("what is printed is an address");
        assert_eq!(again.uri, address.uri);
        assert_eq!(again.tag(), address.tag());
        assert_eq!(again.to_string(), printed);
        assert!(address.uri.matches(&address.uri.detached()));
        if let Uri::Sip(uri) = &address.uri {
            let _ = uri.replaces();
        }
    }
}

/// A header with one field.
fn field(name: HeaderName, value: &impl ToString) -> Headers {
    let mut headers = Headers::new();
    headers.push(name, value.to_string());
    headers
}
