//! Where a callee wants to be called instead (RFC 3261 8.1.3.4, 21.3), and where a caller is told to call.

use crate::sip::message::{Contacts, HeaderName, Headers, NameAddr, Response, SipUri};

/// Users and numbers of the Contacts of a 300, 301 or 302, best first: hosts are for the dial plan to know. 305 and 380
/// want something else than another place.
pub(super) fn places_of(response: &Response) -> Vec<String> {
    let is_redirect = matches!(response.status.code(), 300..=302);
    let Some(Contacts::List(mut contacts)) = is_redirect.then(|| response.headers.contacts().ok()).flatten()
    else {
        return Vec::new();
    };
    // Stable: of equals the first is the better.
    contacts.sort_by(|one, other| preference(other).total_cmp(&preference(one)));
    let users = contacts.iter().filter_map(|contact| match contact.uri.as_sip() {
        Some(uri) => Some(uri.dialled().into_owned()),
        None => contact.uri.user_unescaped().map(Into::into),
    });
    users.filter(|user| !user.is_empty()).collect()
}

/// Tells a caller where to call, best first: by addresses of ours, for whom it may call is for the dial plan to say.
pub(super) fn put_places(places: &[String], ours: &SipUri, headers: &mut Headers) {
    for (index, place) in places.iter().enumerate() {
        let preference = match index {
            0 => "1".to_owned(),
            index => format!("0.{}", 10_usize.saturating_sub(index).max(1)),
        };
        let uri = SipUri { user: SipUri::new(place, ours.host.clone(), None).user, ..ours.clone() };
        headers.push(HeaderName::Contact, format!("<{uri}>;q={preference}"));
    }
}

/// RFC 3261 20.10: from 0 to 1, which it is where nothing is said.
fn preference(contact: &NameAddr) -> f32 {
    contact.params.get("q").and_then(|q| q.parse().ok()).filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{HeaderName, StatusCode};

    fn places(status: u16, contacts: &[&'static str]) -> Vec<String> {
        let mut response = Response::new(StatusCode::new(status).expect("a status"));
        for contact in contacts {
            response.headers.push(HeaderName::Contact, *contact);
        }
        places_of(&response)
    }

    #[test]
    fn places_are_numbers_and_users_best_first() {
        let contacts = ["<sip:200@192.0.2.7>;q=0.2, <sip:eve@pbx.example>", "<tel:+4930;x=y>;q=0.7"];
        assert_eq!(places(302, &contacts), ["eve", "+4930", "200"]);
        assert_eq!(places(302, &["<sip:*21%23@192.0.2.7>"]), ["*21#"]);
        assert_eq!(places(300, &["<sip:200@192.0.2.7>;q=9, <sip:201@192.0.2.7>"]), ["200", "201"]);
    }

    #[test]
    fn what_names_nobody_else_is_no_place() {
        for (status, contact) in [
            (305, "<sip:200@192.0.2.7>"),
            (380, "<sip:200@192.0.2.7>"),
            (486, "<sip:200@192.0.2.7>"),
            (302, "<sip:192.0.2.7>"),
            (302, "<mailto:eve@pbx.example>"),
            (302, "*"),
            (302, "<"),
        ] {
            assert!(places(status, &[contact]).is_empty(), "{status} {contact}");
        }
        assert!(places(302, &[]).is_empty());
    }
}
