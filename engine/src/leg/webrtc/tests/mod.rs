//! The transport against an independent stack, a lossy wire and attackers.

mod attacks;
mod browser_dtls;
mod connect;
mod forgery;
mod life;
mod pair;
mod peer;
mod peer_dtls;
mod restart;
mod robustness;
mod rtc_dtls;
