//! Candidates that come after their description, in a fragment of one (RFC 8840 9,
//! `application/trickle-ice-sdpfrag`).

use std::fmt;

use super::candidate::Candidate;
use super::parse::{ice_pwd, ice_ufrag};

/// The type of such a fragment.
pub const FRAGMENT_TYPE: &str = "application/trickle-ice-sdpfrag";

/// Candidates that come after their description. A fragment repeats those of the fragments before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateFragment {
    /// The describer's ICE user fragment: which description it belongs to.
    pub ufrag: String,
    /// The describer's ICE password.
    pub pwd: String,
    sections: Vec<Section>,
}

/// Why a fragment is of no use; its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// Its bytes are no text.
    #[error("The fragment is no UTF-8")]
    NoText,
    /// It does not say to which description it belongs.
    #[error("The fragment needs an ice-ufrag and an ice-pwd")]
    NoCredentials,
    /// It does not say to which section its candidates belong (RFC 8840 9.2).
    #[error("The fragment has candidates before an m-line, or in a section without a mid")]
    NoMid,
    /// No section of it is our audio.
    #[error("The fragment has no section whose mid is in the description")]
    UnknownMid,
    /// It belongs to another description than the one that holds.
    #[error("The fragment's ice-ufrag or ice-pwd are not those of the description")]
    OtherCredentials,
    /// Media does not travel by ICE.
    #[error("The call's media does without ICE")]
    NoIce,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Section {
    mid: Option<String>,
    candidates: Vec<Candidate>,
}

impl CandidateFragment {
    /// The candidates of one section. There may be more to come.
    #[must_use]
    pub fn new(ufrag: &str, pwd: &str, mid: &str, candidates: Vec<Candidate>) -> Self {
        let section = Section { mid: Some(mid.to_owned()), candidates };
        Self { ufrag: ufrag.to_owned(), pwd: pwd.to_owned(), sections: vec![section] }
    }

    /// Reads a fragment. What it does not need is passed over, candidates that we do not understand too.
    ///
    /// # Errors
    /// [`FragmentError`] where it belongs to nothing.
    pub fn parse(body: &[u8]) -> Result<Self, FragmentError> {
        let text = std::str::from_utf8(body).map_err(|_| FragmentError::NoText)?;
        let (mut ufrag, mut pwd) = (None, None);
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines() {
            if line.starts_with("m=") {
                sections.push(Section::default());
                continue;
            }
            let Some((name, value)) = line.strip_prefix("a=").and_then(|line| line.split_once(':')) else {
                continue;
            };
            let value = value.trim_ascii();
            match name {
                "ice-ufrag" if ufrag.is_none() => ufrag = ice_ufrag(value).ok(),
                "ice-pwd" if pwd.is_none() => pwd = ice_pwd(value).ok(),
                "mid" => sections.last_mut().ok_or(FragmentError::NoMid)?.mid = Some(value.to_owned()),
                "candidate" => {
                    let section = sections.last_mut().ok_or(FragmentError::NoMid)?;
                    section.candidates.extend(Candidate::parse(value).ok());
                }
                _ => {}
            }
        }
        if sections.iter().any(|section| section.mid.is_none()) {
            return Err(FragmentError::NoMid);
        }
        let (ufrag, pwd) = ufrag.zip(pwd).ok_or(FragmentError::NoCredentials)?;
        Ok(Self { ufrag, pwd, sections })
    }

    /// The candidates of a section.
    ///
    /// # Errors
    /// [`FragmentError::UnknownMid`] where the fragment is about others alone.
    pub fn candidates_of(&self, mid: &str) -> Result<&[Candidate], FragmentError> {
        if self.sections.is_empty() {
            // That there are no more to come may stand before all sections.
            return Ok(&[]);
        }
        let is_it = |section: &&Section| section.mid.as_deref() == Some(mid);
        let section = self.sections.iter().find(is_it).ok_or(FragmentError::UnknownMid)?;
        Ok(&section.candidates)
    }
}

impl fmt::Display for CandidateFragment {
    /// With CRLF behind each line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", self.ufrag, self.pwd)?;
        for Section { mid, candidates } in &self.sections {
            // Only the place of its lines counts (RFC 8840 9.2).
            f.write_str("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n")?;
            if let Some(mid) = mid {
                write!(f, "a=mid:{mid}\r\n")?;
            }
            candidates.iter().try_for_each(|candidate| write!(f, "a={candidate}\r\n"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 8840 9.3, shortened.
    const EXAMPLE: &str = "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\n\
        m=audio 9 RTP/AVP 0\r\na=mid:1\r\n\
        a=candidate:1 1 UDP 2130706432 2001:db8:a0b:12f0::1 5000 typ host\r\n\
        a=candidate:1 2 UDP 2130706432 2001:db8:a0b:12f0::1 5001 typ host\r\n\
        a=candidate:2 1 quic 2130706431 192.0.2.1 5000 typ host\r\n\
        m=audio 9 RTP/AVP 0\r\na=mid:2\r\n\
        a=candidate:1 1 UDP 2130706432 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 6000 typ host\r\n\
        a=end-of-candidates\r\n";

    fn parse(text: &str) -> Result<CandidateFragment, FragmentError> {
        CandidateFragment::parse(text.as_bytes())
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let fragment = parse(EXAMPLE).expect("the RFC's own");
        assert_eq!((&*fragment.ufrag, &*fragment.pwd), ("8hhY", "asd88fgpdd777uzjYhagZg"));
        let ports =
            |mid| fragment.candidates_of(mid).map(|all| all.iter().map(|it| it.port).collect::<Vec<_>>());
        assert_eq!(ports("1"), Ok(vec![5000, 5001]));
        assert_eq!(ports("2"), Ok(vec![6000]));
        assert_eq!(ports("3"), Err(FragmentError::UnknownMid));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let candidates = ["192.0.2.1:5000", "[2001:db8::1]:5000"];
        let candidates = candidates.map(|text| Candidate::host(text.parse().expect("an address"), 65_535));
        let fragment = CandidateFragment::new("8hhY", "asd88fgpdd777uzjYhagZg", "0", candidates.to_vec());
        assert_eq!(parse(&fragment.to_string()), Ok(fragment));
    }

    #[test]
    fn a_fragment_may_say_no_more_than_that_there_is_no_more() {
        let end = "a=ice-pwd:asd88fgpdd777uzjYhagZg\na=ice-ufrag:8hhY\na=end-of-candidates\n";
        assert_eq!(parse(end).expect("sound").candidates_of("1"), Ok(&[][..]));
    }

    #[test]
    fn what_belongs_to_nothing_is_refused() {
        let without = |line: &str| parse(&EXAMPLE.replace(line, ""));
        assert_eq!(without("a=ice-ufrag:8hhY\r\n"), Err(FragmentError::NoCredentials));
        assert_eq!(without("a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"), Err(FragmentError::NoCredentials));
        assert_eq!(without("a=mid:2\r\n"), Err(FragmentError::NoMid));
        assert_eq!(without("m=audio 9 RTP/AVP 0\r\na=mid:1\r\n"), Err(FragmentError::NoMid));
        let short = EXAMPLE.replace("asd88fgpdd777uzjYhagZg", "short");
        assert_eq!(parse(&short), Err(FragmentError::NoCredentials));
        assert_eq!(parse(""), Err(FragmentError::NoCredentials));
        assert_eq!(CandidateFragment::parse(&[0xFF, 0xFE]), Err(FragmentError::NoText));
    }
}
