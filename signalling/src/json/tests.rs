//! Pages against the core, without sockets: what each request, command and loss comes to, in no time.

mod accounts;
mod calls;
mod entry;
mod page;
mod stages;
mod survival;
