//! Pages against the core, without sockets: what each request, command and loss comes to, in no time.

mod accounts;
mod broken;
mod calls;
mod crowd;
mod entry;
mod headers;
mod members;
mod networks;
mod page;
mod revoked;
mod room;
mod stages;
mod survival;
mod texts;
mod together;
