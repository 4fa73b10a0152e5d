//! Calls between the headless WebRTC caller and sipp: what a browser is told when a call goes another way
//! than to its answer.

mod called;
mod caller;
mod ends;
mod group;
mod srtp;
