//! Our own messages, one or more for each rule that RFC 4475 and RFC 5118 test, each made from a good
//! message by the one change that the case is about.

use super::outcome::{Outcome, outcome};

pub(crate) const OPTIONS: &str = "OPTIONS sip:echo@gateway.example SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKopt1;rport\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:alice@phone.example>;tag=a1\r\n\
    To: <sip:echo@gateway.example>\r\n\
    Call-ID: one@phone.example\r\n\
    CSeq: 1 OPTIONS\r\n\
    Content-Length: 0\r\n\r\n";

pub(crate) const INVITE: &str = "INVITE sip:9196@gateway.example SIP/2.0\r\n\
    Via: SIP/2.0/WSS d8s7f6g5h4j3.invalid;branch=z9hG4bK7654321\r\n\
    Max-Forwards: 69\r\n\
    To: <sip:9196@gateway.example>\r\n\
    From: \"Alice\" <sip:alice@gateway.example>;tag=ab12cd34ef\r\n\
    Call-ID: 9p8o7i6u5y4t3r2e1w\r\n\
    CSeq: 4711 INVITE\r\n\
    Contact: <sip:q1w2e3r4@d8s7f6g5h4j3.invalid;transport=ws;ob>\r\n\
    Content-Type: application/sdp\r\n\
    Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY\r\n\
    Supported: outbound\r\n\
    User-Agent: corpus\r\n\
    Content-Length: 93\r\n\r\n\
    v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

const REGISTER: &str = "REGISTER sip:gateway.example SIP/2.0\r\n\
    Via: SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKreg1\r\n\
    Max-Forwards: 70\r\n\
    From: <sip:alice@gateway.example>;tag=r1\r\n\
    To: <sip:alice@gateway.example>\r\n\
    Call-ID: reg-1\r\n\
    CSeq: 1 REGISTER\r\n\
    Contact: <sip:alice@198.51.100.7:5070>;expires=600\r\n\
    Content-Length: 0\r\n\r\n";

const RINGING: &str = "SIP/2.0 180 Ringing\r\n\
    Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKinv1\r\n\
    From: <sip:alice@phone.example>;tag=a1\r\n\
    To: <sip:echo@gateway.example>;tag=b2\r\n\
    Call-ID: one@phone.example\r\n\
    CSeq: 1 INVITE\r\n\
    Content-Length: 0\r\n\r\n";

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) octets: Vec<u8>,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Request,
    Response,
    Status(u16),
    Dropped,
}

use Expected::{Dropped, Request, Response, Status};

/// A case made from `base` by replacing `old` by `new`.
fn change(name: &'static str, base: &str, old: &str, new: &str, expected: Expected) -> Case {
    assert!(base.contains(old), "{name}: {old:?} is not in the message");
    Case { name, octets: base.replacen(old, new, 1).into_bytes(), expected }
}

pub(crate) fn cases() -> Vec<Case> {
    [good(), start_lines(), header_lines(), lengths(), addresses(), vias(), fields(), refusals(), responses()]
        .into_iter()
        .flatten()
        .collect()
}

fn good() -> Vec<Case> {
    vec![
        change("a good OPTIONS", OPTIONS, "", "", Request),
        change("a good INVITE", INVITE, "", "", Request),
        change("a good REGISTER", REGISTER, "", "", Request),
        change("a good response", RINGING, "", "", Response),
    ]
}

fn start_lines() -> Vec<Case> {
    const LINE: &str = "OPTIONS sip:echo@gateway.example SIP/2.0";
    let line = |name, new, expected| change(name, OPTIONS, LINE, new, expected);
    vec![
        line("line ends before the start line", "\r\n\r\nOPTIONS sip:echo@gateway.example SIP/2.0", Request),
        line("version in small letters", "OPTIONS sip:echo@gateway.example sip/2.0", Request),
        line("another version", "OPTIONS sip:echo@gateway.example SIP/3.0", Status(505)),
        line("a version like ours", "OPTIONS sip:echo@gateway.example SIP/2.00", Status(505)),
        line("no version", "OPTIONS sip:echo@gateway.example", Status(400)),
        line("another protocol", "OPTIONS sip:echo@gateway.example HTTP/1.1", Status(400)),
        line("two spaces", "OPTIONS  sip:echo@gateway.example SIP/2.0", Status(400)),
        line("space at the end", "OPTIONS sip:echo@gateway.example SIP/2.0 ", Status(400)),
        line("tab between", "OPTIONS\tsip:echo@gateway.example SIP/2.0", Status(400)),
        line("folded start line", "OPTIONS sip:echo@gateway.example\r\n SIP/2.0", Status(400)),
        line("brackets round the URI", "OPTIONS <sip:echo@gateway.example> SIP/2.0", Status(400)),
        line("space in the URI", "OPTIONS sip:echo@gateway.example; lr SIP/2.0", Status(400)),
        line("headers in the URI", "OPTIONS sip:echo@gateway.example?Route=%3Csip:x%3E SIP/2.0", Status(400)),
        line("no URI", "OPTIONS  SIP/2.0", Status(400)),
        line("no scheme", "OPTIONS echo@gateway.example SIP/2.0", Status(400)),
        line("an unknown scheme", "OPTIONS grid-ref:52.5,13.4 SIP/2.0", Status(416)),
        line("a known scheme that is not SIP", "OPTIONS https://gateway.example/ SIP/2.0", Status(416)),
        line("a telephone number", "OPTIONS tel:+81312345678 SIP/2.0", Status(416)),
        line("SIPS", "OPTIONS sips:echo@gateway.example SIP/2.0", Request),
        line(
            "semicolons in the user part",
            "OPTIONS sip:echo;ext=1;x=a%40b@gateway.example SIP/2.0",
            Request,
        ),
        line("question mark in the user part", "OPTIONS sip:what?/+$@gateway.example SIP/2.0", Request),
        line("escapes in the user part", "OPTIONS sip:%65%63ho%00@gateway.example SIP/2.0", Request),
        line("a number sign that is not escaped", "OPTIONS sip:*21#@gateway.example SIP/2.0", Request),
        line("half an escape", "OPTIONS sip:ech%6@gateway.example SIP/2.0", Status(400)),
        line("no escape at all", "OPTIONS sip:ech%zz@gateway.example SIP/2.0", Status(400)),
        line("two at signs", "OPTIONS sip:a@b@gateway.example SIP/2.0", Status(400)),
        line("empty user part", "OPTIONS sip:@gateway.example SIP/2.0", Status(400)),
        line("IPv6 reference", "OPTIONS sip:echo@[2001:db8::7] SIP/2.0", Request),
        line("IPv6 reference and port", "OPTIONS sip:[2001:db8::7]:5080 SIP/2.0", Request),
        line("IPv6 address without brackets", "OPTIONS sip:2001:db8::7 SIP/2.0", Status(400)),
        line("three colons", "OPTIONS sip:echo@[2001:db8:::198.51.100.7] SIP/2.0", Request),
        line("IPv6 reference that does not close", "OPTIONS sip:echo@[2001:db8::7 SIP/2.0", Status(400)),
        line("port out of range", "OPTIONS sip:echo@gateway.example:65536 SIP/2.0", Status(400)),
    ]
}

fn header_lines() -> Vec<Case> {
    let options = |name, old, new, expected| change(name, OPTIONS, old, new, expected);
    vec![
        options(
            "folding",
            "To: <sip:echo@gateway.example>",
            "To:\r\n <sip:echo@gateway.example>\r\n\t",
            Request,
        ),
        options("folding inside a quoted string", "From: <sip", "From: \"a\r\n b\" <sip", Request),
        options("space before the colon", "Call-ID:", "Call-ID \t :", Request),
        options("compact names in any case", "Via:", "V :", Request),
        options("no space behind the colon", "Call-ID: one", "i:one", Request),
        options("an empty value", "Max-Forwards", "s:\r\nMax-Forwards", Request),
        options("separators in an unknown field", "Max-Forwards", "X-Odd: ;;,,\"<;\r\nMax-Forwards", Request),
        options("odd but legal name", "Max-Forwards", "x!-.%*+_`'~: 1\r\nMax-Forwards", Request),
        options("an escaped name is another name", "Call-ID:", "Call%2DID:", Status(400)),
        options("UTF-8 in a display name", "From: <sip", "From: \"Jos\u{e9}\" <sip", Request),
        options("UTF-8 without quotes", "From: <sip", "From: Jos\u{e9} <sip", Request),
        options("quoted control characters", "From: <sip", "From: \"\\\x07\\\0\\\x7f\" <sip", Request),
        options("a line without colon", "Max-Forwards: 70", "Max-Forwards 70", Status(400)),
        options("a name with a space", "Max-Forwards", "X Name: 1\r\nMax-Forwards", Status(400)),
        options("an empty name", "Max-Forwards", ": 1\r\nMax-Forwards", Status(400)),
        options("NUL", "From: <sip", "From: \"\0\" <sip", Status(400)),
        options("NUL in an unknown field", "Max-Forwards", "X-Nul: a\0b\r\nMax-Forwards", Status(400)),
        options("quoted NUL outside quotes", "Max-Forwards", "X-Nul: a\\\0b\r\nMax-Forwards", Status(400)),
        options("bare CR", "Max-Forwards", "X-Cr: a\rb\r\nMax-Forwards", Status(400)),
        options("bare LF", "Max-Forwards", "X-Lf: a\nMax-Forwards", Status(400)),
        options("bare CR behind a backslash", "From: <sip", "From: \"\\\r\" <sip", Status(400)),
        options("headers that do not end", "Content-Length: 0\r\n\r\n", "Content-Length: 0\r\n", Status(400)),
        Case {
            name: "Latin-1",
            octets: OPTIONS
                .replacen("From: <sip", "From: \"Jos\u{1}\" <sip", 1)
                .replace('\u{1}', "\u{e9}")
                .chars()
                .map(|c| c as u8)
                .collect(),
            expected: Status(400),
        },
        Case {
            name: "257 header fields",
            octets: OPTIONS.replacen("Max-Forwards", &("X: y\r\n".repeat(251) + "Max-Forwards"), 1).into(),
            expected: Status(400),
        },
        Case {
            name: "256 header fields",
            octets: OPTIONS.replacen("Max-Forwards", &("X: y\r\n".repeat(250) + "Max-Forwards"), 1).into(),
            expected: Request,
        },
        Case {
            name: "long values",
            octets: OPTIONS.replacen("sip:alice", &format!("sip:{}", "alice".repeat(500)), 1).into(),
            expected: Request,
        },
        Case {
            name: "thirty Vias",
            octets: OPTIONS
                .replacen("Via:", &("v : SIP/2.0/TCP hop.example\r\n".repeat(29) + "Via:"), 1)
                .into(),
            expected: Request,
        },
    ]
}

fn lengths() -> Vec<Case> {
    let length = |name, new, expected| change(name, INVITE, "Content-Length: 93", new, expected);
    vec![
        length("none in a datagram", "X-None: 0", Request),
        length("leading zeros", "Content-Length: 00093", Request),
        length("shorter than what came", "l: 10", Request),
        length("longer than what came", "Content-Length: 9999", Status(400)),
        length("negative", "Content-Length: -93", Status(400)),
        length("wraps around 64 bits", "Content-Length: 18446744073709551705", Status(400)),
        length("two that differ", "Content-Length: 93\r\nContent-Length: 92", Status(400)),
        length("two in two forms", "Content-Length: 93\r\nl: 93", Status(400)),
        length("two in one field", "Content-Length: 93, 93", Status(400)),
        Case {
            name: "a second request behind the body",
            octets: [OPTIONS, INVITE].concat().into(),
            expected: Request,
        },
    ]
}

fn addresses() -> Vec<Case> {
    let to = |name, new, expected| change(name, OPTIONS, "To: <sip:echo@gateway.example>", new, expected);
    let contact = |name, new, expected| {
        change(name, REGISTER, "Contact: <sip:alice@198.51.100.7:5070>;expires=600", new, expected)
    };
    vec![
        to("no space before the bracket", "To: Echo<sip:echo@gateway.example>", Request),
        to("several tokens", "To: token1~` token2'+_ token3*%!.- <sip:echo@gateway.example>", Request),
        to("without brackets", "To: sip:echo@gateway.example;tag=x", Request),
        to("another scheme", "To: <tel:+81312345678>", Request),
        to("spaces inside the brackets", "To: < sip:echo@gateway.example >", Request),
        to("escaped quote and backslash", "To: \"a\\\"b\\\\\" <sip:echo@gateway.example>", Request),
        to("quotes that do not close", "To: \"Echo <sip:echo@gateway.example>", Status(400)),
        to("comma in an unquoted name", "To: Echo, The <sip:echo@gateway.example>", Status(400)),
        to("bracket that does not close", "To: <sip:echo@gateway.example", Status(400)),
        to("two addresses", "To: <sip:echo@gateway.example>, <sip:b@gateway.example>", Status(400)),
        to("nothing in brackets", "To: <>", Status(400)),
        to("nothing", "To:", Status(400)),
        contact(
            "parameters of URI and field",
            "Contact: <sip:alice@198.51.100.7;ob>;q=0.5;x=\"a,b;c\"",
            Request,
        ),
        contact(
            "an instance",
            "m: <sip:alice@x.invalid>;reg-id=1;+sip.instance=\"<urn:uuid:1-2-3>\"",
            Request,
        ),
        contact("two contacts", "Contact: sip:a@198.51.100.7, \"B, C\" <sip:b@198.51.100.7>", Request),
        contact("a star", "Contact: *", Request),
        contact("a star and an address", "Contact: *\r\nContact: <sip:a@198.51.100.7>", Status(400)),
        contact(
            "headers in a bracketed URI",
            "Contact: <sip:alice@198.51.100.7?Route=%3Csip:evil%3E>",
            Request,
        ),
        contact("headers in a bare URI", "Contact: sip:alice@198.51.100.7?Route=%3Csip:evil%3E", Status(400)),
        contact("empty parameters", "Contact: \"A\" <sip:alice@198.51.100.7>;;;;", Status(400)),
        change(
            "a star outside REGISTER",
            INVITE,
            "<sip:q1w2e3r4@d8s7f6g5h4j3.invalid;transport=ws;ob>",
            "*",
            Status(400),
        ),
        change(
            "an address of record that is no SIP URI",
            REGISTER,
            "To: <sip:alice@gateway.example>",
            "To: <urn:isbn:1>",
            Status(404),
        ),
        change("a bad Route", OPTIONS, "Max-Forwards", "Route: <sip:x\r\nMax-Forwards", Status(400)),
        change(
            "a bad Record-Route",
            OPTIONS,
            "Max-Forwards",
            "Record-Route: <>\r\nMax-Forwards",
            Status(400),
        ),
        change("an IPv4-mapped address", OPTIONS, "198.51.100.7:5060", "[::ffff:198.51.100.7]:5060", Request),
    ]
}

fn vias() -> Vec<Case> {
    const VIA: &str = "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKopt1;rport";
    let via = |name, new, expected| change(name, OPTIONS, VIA, new, expected);
    vec![
        via(
            "space wherever it may be",
            "SIP  /  2.0\r\n / UDP  198.51.100.7 : 5060 ; branch = z9hG4bKx",
            Request,
        ),
        via("several in one field", "SIP/2.0/UDP a.example;branch=z9hG4bK1 , SIP/2.0/TCP b.example", Request),
        via("an unknown transport", "SIP/2.0/PIGEON 198.51.100.7;branch=z9hG4bKopt1", Request),
        via("only the cookie", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK", Request),
        via("as before RFC 3261", "SIP/2.0/UDP 198.51.100.7", Request),
        via(
            "received in brackets",
            "SIP/2.0/UDP [2001:db8::7];received=[2001:db8::8];branch=z9hG4bK1",
            Request,
        ),
        via(
            "received without brackets",
            "SIP/2.0/UDP [2001:db8::7];received=2001:db8::8;branch=z9hG4bK1",
            Request,
        ),
        via("another version", "SIP/7.0/UDP 198.51.100.7;branch=z9hG4bKopt1", Status(400)),
        via("no sent-by", "SIP/2.0/UDP", Status(400)),
        via("empty parameters", "SIP/2.0/UDP 198.51.100.7;;,;,,", Status(400)),
        change("none", OPTIONS, "Via:", "X-Via:", Dropped),
        change("none, and malformed", INVITE, "Via: SIP/2.0/WSS", "X-Via : \0", Dropped),
        change("malformed ACK", &OPTIONS.replace("OPTIONS", "ACK"), "70", "\0", Dropped),
        change("senseless ACK", &OPTIONS.replace("OPTIONS", "ACK"), "Call-ID", "X-Call-ID", Dropped),
    ]
}

fn fields() -> Vec<Case> {
    let options = |name, old, new, expected| change(name, OPTIONS, old, new, expected);
    vec![
        options("no From", "From:", "X-From:", Status(400)),
        options("no To", "To:", "X-To:", Status(400)),
        options("no Call-ID", "Call-ID:", "X-Call-ID:", Status(400)),
        options("no CSeq", "CSeq:", "X-CSeq:", Status(400)),
        options("no From tag, as before RFC 3261", ";tag=a1", "", Request),
        options("no Max-Forwards, as before RFC 3261", "Max-Forwards", "X-Max-Forwards", Request),
        options("two From", "From:", "f: <sip:b@phone.example>;tag=2\r\nFrom:", Status(400)),
        options("two To", "To:", "t: <sip:b@phone.example>\r\nTo:", Status(400)),
        options("two Call-ID", "Call-ID:", "i: two\r\nCall-ID:", Status(400)),
        options("two CSeq", "CSeq:", "CSeq: 2 OPTIONS\r\nCSeq:", Status(400)),
        options("two Max-Forwards", "Max-Forwards:", "Max-Forwards: 3\r\nMax-Forwards:", Status(400)),
        options("CSeq of another method", "1 OPTIONS", "1 INVITE", Status(400)),
        options("CSeq of another case", "1 OPTIONS", "1 options", Status(400)),
        options("CSeq with zeros and space", "1 OPTIONS", "0001   OPTIONS", Request),
        options("the biggest CSeq", "1 OPTIONS", "2147483647 OPTIONS", Request),
        options("CSeq too big", "1 OPTIONS", "2147483648 OPTIONS", Status(400)),
        options("CSeq that wraps", "1 OPTIONS", "36893488147419103232 OPTIONS", Status(400)),
        options("negative CSeq", "1 OPTIONS", "-1 OPTIONS", Status(400)),
        options("CSeq without method", "1 OPTIONS", "1", Status(400)),
        options("Max-Forwards with zeros", "70", "0070", Request),
        options("Max-Forwards too big", "70", "256", Status(400)),
        options("Max-Forwards not a number", "70", "many", Status(400)),
        options("Max-Forwards of zero, for us", "70", "0", Request),
        options("a bad Date", "Max-Forwards", "Date: Sometime\r\nMax-Forwards", Request),
        options("odd characters in Call-ID", "one@phone.example", "w%Z!.*_+'@h`~)(><:\\/\"][?}{", Request),
        options("base64 in Call-ID", "one@phone.example", "b25l==@phone.example", Request),
        options("space in Call-ID", "one@phone.example", "one two", Status(400)),
        change("Max-Forwards of zero, going on", INVITE, "69", "0", Status(483)),
        change("unknown credentials", REGISTER, "Contact", "Authorization: Whatever a=b\r\nContact", Request),
    ]
}

fn refusals() -> Vec<Case> {
    vec![
        change("an unknown method", &OPTIONS.replace("OPTIONS", "DANCE"), "", "", Status(501)),
        change("any token is a method", &OPTIONS.replace("OPTIONS", "!D%41nce~"), "", "", Status(501)),
        change("an escaped method", &REGISTER.replace("REGISTER", "REGI%53TER"), "", "", Status(501)),
        change("a method in small letters", &OPTIONS.replace("OPTIONS", "options"), "", "", Status(501)),
        change(
            "a known method that we do not take",
            &OPTIONS.replace("OPTIONS", "PUBLISH"),
            "",
            "",
            Status(405),
        ),
        change(
            "a required extension",
            OPTIONS,
            "Max-Forwards",
            "Require: one, two\r\nMax-Forwards",
            Status(420),
        ),
        change(
            "an extension for proxies",
            OPTIONS,
            "Max-Forwards",
            "Proxy-Require: one\r\nMax-Forwards",
            Request,
        ),
        change(
            "a CANCEL is not asked",
            &OPTIONS.replace("OPTIONS", "CANCEL"),
            "Max-Forwards",
            "Require: one\r\nMax-Forwards",
            Request,
        ),
        change("an unknown body", INVITE, "application/sdp", "application/x-thing", Status(415)),
        change(
            "an unknown body that may be passed over",
            INVITE,
            "application/sdp",
            "text/plain\r\nContent-Disposition: alert;handling=optional",
            Request,
        ),
        change("a body of no type", INVITE, "Content-Type", "X-Content-Type", Status(400)),
        change("two types", INVITE, "Content-Type:", "c: text/plain\r\nContent-Type:", Status(400)),
        change(
            "an encoded body",
            INVITE,
            "Content-Type",
            "Content-Encoding: gzip\r\nContent-Type",
            Status(415),
        ),
        change(
            "a body with a parameter",
            INVITE,
            "application/sdp",
            "Application/SDP ; charset=utf-8",
            Request,
        ),
        change("nothing acceptable", INVITE, "Supported", "Accept: text/plain\r\nSupported", Status(406)),
        change(
            "anything acceptable",
            INVITE,
            "Supported",
            "Accept: text/plain, */*;q=0.1\r\nSupported",
            Request,
        ),
    ]
}

fn responses() -> Vec<Case> {
    let response = |name, old, new, expected| change(name, RINGING, old, new, expected);
    vec![
        response("any words", "Ringing", "= 2**2 * 3**2 * 5 \u{448}", Response),
        response("no words", "Ringing", "", Response),
        response("no space behind the code", " Ringing", "", Response),
        response("a code that wraps", "180", "4294967476", Dropped),
        response("a code of two digits", "180", "18", Dropped),
        response("a code out of range", "180", "700", Dropped),
        response("another version", "SIP/2.0 180", "SIP/3.0 180", Dropped),
        response("a CSeq that wraps", "1 INVITE", "9292394834772304023312 INVITE", Dropped),
        response("two Vias", "From", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2\r\nFrom", Dropped),
        response("no Via", "Via", "X-Via", Dropped),
        response("NUL", "From", "X: \0\r\nFrom", Dropped),
    ]
}

#[test]
fn every_rule_of_our_corpus_holds() {
    let wrong: Vec<_> = cases()
        .iter()
        .filter_map(|case| {
            let outcome = outcome(&case.octets);
            let holds = match (&outcome, case.expected) {
                (Outcome::Request, Request) | (Outcome::Response, Response) | (Outcome::Dropped, Dropped) => {
                    true
                }
                (Outcome::Answered(status, _), Status(expected)) => *status == expected,
                _ => false,
            };
            (!holds).then(|| format!("{}: {outcome:?}, not {:?}", case.name, case.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
