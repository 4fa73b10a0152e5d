//! URIs, two by two: what they print as, and whether they mean the same.

use webtrunk_signalling::sip::message::{SipUri, Uri};

/// Reads lines as URIs and compares neighbours.
///
/// # Panics
/// A URI does not read back, or two mean the same only one way round.
pub fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let uris: Vec<Uri> = text.split('\n').take(4).filter_map(|line| line.parse().ok()).collect();
    for uri in &uris {
        reads_back(uri);
        if let Some(uri) = uri.as_sip() {
            reads_back(&uri.as_request_uri().into());
            user_survives(uri);
        }
    }
    for pair in uris.windows(2) {
        assert_eq!(pair[0].matches(&pair[1]), pair[1].matches(&pair[0]), "{} {}", pair[0], pair[1]);
    }
}

fn reads_back(uri: &Uri) {
    let printed = uri.to_string();
    let again: Uri = printed.parse().expect("what is printed is a URI");
    assert_eq!(&again, uri);
    assert!(again.matches(uri) && uri.matches(&uri.detached()));
    assert_eq!(again.to_string(), printed);
}

/// Whoever is meant is meant by the URI that we make of the name.
fn user_survives(uri: &SipUri) {
    let Some(user) = uri.user_unescaped().filter(|user| !user.is_empty()) else { return };
    let made = SipUri::new(&user, uri.host.clone(), uri.port);
    let again: Uri = made.to_string().parse().expect("what we make is a URI");
    assert_eq!(again.user_unescaped().as_deref(), Some(&*user));
}
