//! The migrations are compiled in, and cargo does not know that a new file there requires a build.

fn main() {
    println!("cargo::rerun-if-changed=../../../migrations");
}
