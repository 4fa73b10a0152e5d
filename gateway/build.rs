//! Tells cargo that the page's bundle belongs to the build. It is made by `make web`, not here.

fn main() {
    println!("cargo::rerun-if-changed=web/dist");
}
