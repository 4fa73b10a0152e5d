//! `application/pidf+xml` (RFC 3863, RFC 4480): whether a user can be reached, and whether it talks.

use super::watched::Watched;
use super::xml::Escaped;

/// The document of a user.
pub(super) fn write(entity: &str, user: &Watched) -> String {
    let basic = if user.is_registered { "open" } else { "closed" };
    let activity = if user.is_on_the_phone() {
        "<dm:person id=\"person\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>\r\n"
    } else {
        ""
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
         entity=\"{}\">\r\n<tuple id=\"webtrunk\"><status><basic>{basic}</basic></status></tuple>\r\n\
         {activity}</presence>\r\n",
        Escaped(entity)
    )
}
