//! What the call tests share: the gateway as a process, its clients as processes, and ears.

pub(crate) mod baresip;
pub(crate) mod browser;
pub(crate) mod certificate;
#[expect(dead_code, reason = "the tests of the store itself need more of it")]
pub(crate) mod cluster;
pub(crate) mod collector;
pub(crate) mod demo;
pub(crate) mod dns;
pub(crate) mod forgery;
pub(crate) mod gateway;
pub(crate) mod gateway_config;
pub(crate) mod ground;
pub(crate) mod host;
pub(crate) mod lasting_name;
pub(crate) mod launch;
pub(crate) mod leased;
pub(crate) mod log;
pub(crate) mod long_way;
pub(crate) mod machine;
pub(crate) mod one_port;
pub(crate) mod page;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod sdp_shape;
pub(crate) mod seat;
pub(crate) mod small_disk;
pub(crate) mod sound;
pub(crate) mod speakers;
pub(crate) mod speech;
pub(crate) mod stall;
pub(crate) mod taken;
pub(crate) mod tools;
mod turn;
pub(crate) mod visit;
pub(crate) mod wire;
