//! Where rsipstack's parser, an independent one, takes a message too, both read the same in it.

use rsipstack::sip::SipMessage;
use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader};
use webtrunk_signalling::sip::message::{Headers, Message};

use super::outcome::{Outcome, outcome};
use super::{corpus, manifest};

struct Reading {
    call_id: Option<String>,
    cseq: Option<(u32, String)>,
    branch: Option<String>,
}

fn ours(headers: &Headers) -> Reading {
    Reading {
        call_id: headers.call_id().ok().map(|id| id.to_string()),
        cseq: headers.cseq().ok().map(|cseq| (cseq.number, cseq.method.to_string())),
        branch: headers.via().ok().and_then(|via| via.branch().map(String::from)),
    }
}

fn theirs(message: &impl HeadersExt) -> Reading {
    Reading {
        call_id: message.call_id_header().ok().map(|id| id.value().trim().to_owned()),
        cseq: message
            .cseq_header()
            .ok()
            .and_then(|cseq| cseq.typed().ok())
            .map(|cseq| (cseq.seq, cseq.method.to_string())),
        branch: message
            .top_via_header()
            .ok()
            .and_then(|via| via.typed().ok())
            .and_then(|via| via.branch().map(|branch| branch.to_string())),
    }
}

fn both_have_and_differ<T: PartialEq>(one: &Option<T>, two: &Option<T>) -> bool {
    one.is_some() && two.is_some() && one != two
}

#[test]
fn what_both_parsers_take_they_read_alike() {
    let shared = manifest::cases().into_iter().map(|case| (case.name, case.octets));
    let own = corpus::cases().into_iter().map(|case| (case.name.to_owned(), case.octets));
    let mut compared = 0;
    for (name, octets) in shared.chain(own) {
        if !matches!(outcome(&octets), Outcome::Request | Outcome::Response) {
            continue;
        }
        let (Ok(one), Ok(two)) = (Message::parse(octets.clone().into()), SipMessage::try_from(&octets[..]))
        else {
            continue;
        };
        let one = match &one {
            Message::Request(request) => ours(&request.headers),
            Message::Response(response) => ours(&response.headers),
        };
        let two = theirs(&two);
        assert!(!both_have_and_differ(&one.call_id, &two.call_id), "{name}: Call-ID");
        assert!(!both_have_and_differ(&one.cseq, &two.cseq), "{name}: CSeq");
        assert!(!both_have_and_differ(&one.branch, &two.branch), "{name}: branch");
        compared += usize::from(one.call_id.is_some() && two.call_id.is_some());
    }
    assert!(compared >= 20, "only {compared} messages were taken by both");
}
