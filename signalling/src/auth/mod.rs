//! Authentication: who stands behind a request.

pub mod bucket;
pub mod digest;
pub mod ephemeral;
pub mod ephemeral_users;
pub mod ice_servers;
pub mod issuer;
pub mod limits;
pub mod logins;
pub mod repeats;
pub mod secret;
pub mod sources;
pub mod time_floor;
pub mod token;
pub mod validity;
